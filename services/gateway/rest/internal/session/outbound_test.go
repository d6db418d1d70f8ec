package session

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

type answering func(*http.Request) (*http.Response, error)

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) { return a(r) }

func TestOutboundCallsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fail := false
		client := bounded(&http.Client{Timeout: 10 * time.Second, Transport: answering(func(*http.Request) (*http.Response, error) {
			if fail {
				return nil, errors.New("away")
			}
			return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("x"))}, nil
		})})
		var open []*http.Response
		for range maxOutbound {
			answer, err := client.Get("http://provider.example")
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, answer)
		}
		begun := time.Now()
		if _, err := client.Get("http://provider.example"); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != 10*time.Second {
			t.Errorf("one more after %s: %v", time.Since(begun), err)
		}
		for _, answer := range open {
			_ = answer.Body.Close()
			_ = answer.Body.Close()
		}
		fail = true
		for range 2 * maxOutbound {
			if _, err := client.Get("http://provider.example"); err == nil || errors.Is(err, context.DeadlineExceeded) {
				t.Fatal("calls that failed keep their places:", err)
			}
		}
	})
}

package rest

import (
	"context"
	"net/http"
	"strings"
	"testing"

	stackyardv1 "stackyard.dev/gen/stackyard/v1"
)

// large is more than is read of somebody who is not known.
var large = `{"displayName":"` + strings.Repeat("x", maxUnknownBody) + `"}`

func TestBodiesOfStrangersAreNotRead(t *testing.T) {
	fake, _, url := start(t, nil)
	for name, c := range map[string]struct {
		token, body string
		headers     []string
		code        int
		asked       int32
	}{
		"no token":               {"", `{"displayName":"W"}`, nil, 401, 0},
		"small, whoever sends":   {"Bearer stranger", `{"displayName":"W"}`, nil, 200, 0},
		"large, of a stranger":   {"Bearer stranger", large, nil, 401, 1},
		"packed, of a stranger":  {"Bearer stranger", zipped(`{"displayName":"W"}`), []string{"Content-Encoding", "gzip"}, 401, 1},
		"large, of somebody":     {"Bearer somebody", large, nil, 200, 1},
		"guarded, of a stranger": {"Bearer stranger", large, []string{"Idempotency-Key", "k"}, 401, 1},
	} {
		fake.rest.asked.Store(0)
		headers := append([]string{"Authorization", c.token}, c.headers...)
		response, body := call(t, "POST", url+"/v1/projects?projectId=web", c.body, headers...)
		if response.StatusCode != c.code || fake.rest.asked.Load() != c.asked {
			t.Error(name, response.StatusCode, fake.rest.asked.Load(), body)
		}
	}
	// A read needs no body, and the gateway says who may.
	if response, _ := call(t, "GET", url+"/v1/projects/p/stacks/web", "", "Authorization", ""); response.StatusCode == http.StatusUnauthorized {
		t.Error("a read without a token is for the gateway to refuse")
	}
}

func TestBodiesThatAreDecodedAreBounded(t *testing.T) {
	all := newBodies(1)
	done, refused := all.take(t.Context(), largeBodies)
	if refused != nil {
		t.Fatal(refused)
	}
	// Small ones have room of their own.
	small, refused := all.take(t.Context(), maxUnknownBody)
	if refused != nil {
		t.Fatal(refused)
	}
	small()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, refused = all.take(gone, maxUnknownBody+1); reasonIn(refused) != stackyardv1.ErrorReason_OVERLOADED.String() {
		t.Error(refused)
	}
	done()
	if _, refused = all.take(t.Context(), largeBodies); refused != nil {
		t.Error(refused)
	}
}

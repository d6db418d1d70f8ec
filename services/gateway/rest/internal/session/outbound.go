package session

import (
	"io"
	"net/http"
	"sync"
)

// maxOutbound calls of providers go on at once; others wait for as long as the client lets them.
const maxOutbound = 16

// bounded is a client that makes no more calls at once.
func bounded(client *http.Client) *http.Client {
	own := *client
	if own.Transport == nil {
		own.Transport = http.DefaultTransport
	}
	own.Transport = &outbound{next: own.Transport, places: make(chan struct{}, maxOutbound)}
	return &own
}

type outbound struct {
	next   http.RoundTripper
	places chan struct{}
}

func (o *outbound) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case o.places <- struct{}{}:
	case <-r.Context().Done():
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, r.Context().Err()
	}
	leave := sync.OnceFunc(func() { <-o.places })
	answer, err := o.next.RoundTrip(r)
	if err != nil {
		leave()
		return nil, err
	}
	answer.Body = &leaving{answer.Body, leave}
	return answer, nil
}

// leaving makes room when the answer was read.
type leaving struct {
	io.ReadCloser
	leave func()
}

func (l *leaving) Close() error {
	defer l.leave()
	return l.ReadCloser.Close()
}

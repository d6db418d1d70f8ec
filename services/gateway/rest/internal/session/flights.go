package session

import (
	"sync"
	"time"
)

// flights has what is asked for by the same key at the same time, or shortly after, done once.
type flights struct {
	mutex   sync.Mutex
	flights map[string]*flight
}

type flight struct {
	done   chan struct{}
	result content
	err    error
}

// remembered is how long a result is handed out: requests that left the browser before the new
// cookie arrived still come with the old one.
const remembered = time.Minute

// patience is how long a fault is handed out: a provider that is away, or takes a refresh token no
// more, is not asked by every request.
const patience = 5 * time.Second

func (f *flights) do(key string, work func() (content, error)) (content, error) {
	f.mutex.Lock()
	if f.flights == nil {
		f.flights = map[string]*flight{}
	}
	if known, ok := f.flights[key]; ok {
		f.mutex.Unlock()
		<-known.done
		return known.result, known.err
	}
	own := &flight{done: make(chan struct{})}
	f.flights[key] = own
	f.mutex.Unlock()

	own.result, own.err = work()
	close(own.done)
	after := remembered
	if own.err != nil {
		after = patience
	}
	time.AfterFunc(after, func() {
		f.mutex.Lock()
		defer f.mutex.Unlock()
		delete(f.flights, key)
	})
	return own.result, own.err
}

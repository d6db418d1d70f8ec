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
	forget := func() {
		f.mutex.Lock()
		defer f.mutex.Unlock()
		delete(f.flights, key)
	}
	if own.err != nil {
		forget()
	} else {
		time.AfterFunc(remembered, forget)
	}
	return own.result, own.err
}

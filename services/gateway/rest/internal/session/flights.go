package session

import (
	"context"
	"errors"
	"sync"
	"time"
)

// flights has what is asked for by the same key at the same time, or shortly after, done once.
type flights[T any] struct {
	// remembered is how long a result is handed out.
	remembered time.Duration

	mutex   sync.Mutex
	flights map[string]*flight[T]
}

type flight[T any] struct {
	done   chan struct{}
	result T
	err    error
}

// patience is how long a fault is handed out: a provider that is away, or takes a refresh token no
// more, is not asked by every request.
const patience = 5 * time.Second

var errPanic = errors.New("a fault of ours; see the log")

// do waits for others' work no longer than its context lasts; its own work is not bound by it.
func (f *flights[T]) do(ctx context.Context, key string, work func() (T, error)) (T, error) {
	f.mutex.Lock()
	if f.flights == nil {
		f.flights = map[string]*flight[T]{}
	}
	if known, ok := f.flights[key]; ok {
		f.mutex.Unlock()
		select {
		case <-known.done:
			return known.result, known.err
		case <-ctx.Done():
			var none T
			return none, ctx.Err()
		}
	}
	// The error is what others are told when `work` panics.
	own := &flight[T]{done: make(chan struct{}), err: errPanic}
	f.flights[key] = own
	f.mutex.Unlock()

	defer func() {
		f.forget(key, own.err)
		close(own.done)
	}()
	own.result, own.err = work()
	return own.result, own.err
}

// forget makes room for the next flight, at once or after a while.
func (f *flights[T]) forget(key string, err error) {
	after := f.remembered
	if err != nil {
		after = patience
	}
	now := func() {
		f.mutex.Lock()
		defer f.mutex.Unlock()
		delete(f.flights, key)
	}
	if after == 0 {
		now()
		return
	}
	time.AfterFunc(after, now)
}

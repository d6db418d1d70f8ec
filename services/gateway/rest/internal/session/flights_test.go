package session

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhoWaitsIsToldOfAPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &flights[int]{remembered: time.Minute}
		release := make(chan struct{})
		go func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic is swallowed")
				}
			}()
			_, _ = f.do(t.Context(), "key", func() (int, error) { <-release; panic("x") })
		}()
		synctest.Wait()
		waited := make(chan error, 1)
		go func() {
			_, err := f.do(t.Context(), "key", func() (int, error) { return 1, nil })
			waited <- err
		}()
		synctest.Wait()
		close(release)
		if err := <-waited; !errors.Is(err, errPanic) {
			t.Error(err)
		}
		time.Sleep(patience + time.Second)
		if got, err := f.do(t.Context(), "key", func() (int, error) { return 1, nil }); got != 1 || err != nil {
			t.Error("it is never tried again:", err)
		}
	})
}

func TestWhoWaitsMayLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &flights[int]{}
		release := make(chan struct{})
		done := make(chan struct{})
		go func() {
			defer close(done)
			if got, err := f.do(t.Context(), "key", func() (int, error) { <-release; return 1, nil }); got != 1 || err != nil {
				t.Error(got, err)
			}
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := f.do(ctx, "key", nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		close(release)
		<-done
		// What is not remembered is done again.
		if got, _ := f.do(t.Context(), "key", func() (int, error) { return 2, nil }); got != 2 {
			t.Error(got)
		}
	})
}

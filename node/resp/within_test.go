package resp

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestWithin: a context whose timer is started late ends as one of context.WithTimeout
// does.
func TestWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, cancel := context.WithCancel(context.Background())
		defer cancel()
		make := func() *within { return &within{Context: parent, until: time.Now().Add(time.Second)} }
		late := make()
		time.Sleep(999 * time.Millisecond)
		if err := late.Err(); err != nil {
			t.Errorf("before its time: have %v", err)
		}
		child, stop := context.WithTimeout(late, time.Hour)
		defer stop()
		<-child.Done()
		if at, ok := late.Deadline(); !errors.Is(late.Err(), context.DeadlineExceeded) || !ok || !at.Equal(time.Now()) {
			t.Errorf("when its time is up: have %v, until %v", late.Err(), at)
		}
		late.end()
		early := make()
		early.end()
		if <-early.Done(); !errors.Is(early.Err(), context.Canceled) {
			t.Errorf("ended before anybody waited: have %v", early.Err())
		}
		waited := make()
		done := waited.Done()
		waited.end()
		if <-done; !errors.Is(waited.Err(), context.Canceled) {
			t.Errorf("ended while somebody waits: have %v", waited.Err())
		}
		follows := make()
		done = follows.Done()
		cancel()
		if <-done; !errors.Is(follows.Err(), context.Canceled) {
			t.Errorf("after its parent: have %v", follows.Err())
		}
		follows.end()
	})
}

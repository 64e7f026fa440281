package resp

import (
	"context"
	"sync"
	"time"
)

// within is a context that ends with another one, or when its time is up. It asks for
// a timer only when somebody waits for that: hardly any command waits.
type within struct {
	context.Context
	until time.Time

	once   sync.Once
	timed  context.Context // once somebody waits
	cancel context.CancelFunc
}

// over is a context that has ended.
var over = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

func (w *within) wait() context.Context {
	w.once.Do(func() { w.timed, w.cancel = context.WithDeadline(w.Context, w.until) })
	return w.timed
}

// end ends the context.
func (w *within) end() {
	w.once.Do(func() { w.timed = over })
	if w.cancel != nil {
		w.cancel()
	}
}

// Deadline implements context.Context.
func (w *within) Deadline() (time.Time, bool) { return w.until, true }

// Done implements context.Context.
func (w *within) Done() <-chan struct{} { return w.wait().Done() }

// Err implements context.Context.
func (w *within) Err() error { return w.wait().Err() }

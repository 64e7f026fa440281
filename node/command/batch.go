package command

import (
	"context"
	"errors"

	"github.com/atollcache/atoll/node/wire"
)

// ErrNotRun is the error of a [Future] whose batch has not been run.
var ErrNotRun = errors.New("the batch has not been run")

// Batch collects commands that are sent together, to save round trips. Its
// methods are those of [API] that look at or change keys; each returns a
// [Future] whose result is there once [API.Run] has returned.
//
// A batch is no transaction: commands on one key run in order, others run side
// by side, each succeeds or fails on its own, and other clients' commands may
// come between.
//
// A Batch belongs to one goroutine at a time.
type Batch struct {
	cmds    []wire.Command
	settles []func(wire.Reply) error
	errs    []error // of commands that could not even be collected
}

// NewBatch returns an empty batch.
func NewBatch() *Batch { return &Batch{} }

// Len returns how many commands Run will send.
func (b *Batch) Len() int { return len(b.cmds) }

// Future is the result of one command of a [Batch].
type Future[T any] struct {
	value T
	err   error
}

// Result returns what the method of [API] would have returned, and ErrNotRun
// before the batch is run.
func (f *Future[T]) Result() (T, error) { return f.value, f.err }

// Err returns the command's error alone.
func (f *Future[T]) Err() error { return f.err }

// add collects a call.
func add[T any](b *Batch, c call[T]) *Future[T] {
	f := &Future[T]{err: ErrNotRun}
	switch {
	case c.err != nil:
		f.err = c.err
		b.errs = append(b.errs, c.err)
	case c.empty:
		f.err = nil
	default:
		b.cmds = append(b.cmds, c.cmd)
		b.settles = append(b.settles, func(r wire.Reply) error {
			f.value, f.err = c.result(r)
			return f.err
		})
	}
	return f
}

// Run runs the commands that the batch has collected since it was made or last
// run, and empties it. It returns the first error of any of them; each future
// has its own.
func (a *API) Run(ctx context.Context, b *Batch) error {
	cmds, settles, errs := b.cmds, b.settles, b.errs
	*b = Batch{}
	var first error
	if len(errs) > 0 {
		first = errs[0]
	}
	for i, r := range a.Do(ctx, cmds...) {
		if err := settles[i](r); err != nil && first == nil {
			first = err
		}
	}
	return first
}

package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Bounds of a load.
const (
	maxCallers = 10_000
	maxDepth   = 4096
	fillDepth  = 128 // operations under way at once of each caller that fills
	fillers    = 8   // callers that fill
)

// Load is how a workload is driven.
type Load struct {
	// Callers is how many callers there are, each with a connection of its own where
	// the target has connections. 0 counts as 1.
	Callers int
	// Depth is how many operations a caller has under way at once: those of one
	// call. 0 counts as 1.
	Depth int
	// Rate is how many operations a second all callers together begin. 0: each begins
	// the next when it has the answer to the last.
	Rate float64
	// Duration is how long it goes on. Calls that have begun are waited for.
	Duration time.Duration
	// Every is how often a call's latency is taken: of each so many. More than 1 is
	// for targets whose calls are as cheap as looking at the clock. It excludes
	// Rate. 0 counts as 1.
	Every int
}

// Validate reports the first setting that makes no sense.
func (l Load) Validate() error {
	switch {
	case l.Callers < 0 || l.Callers > maxCallers:
		return fmt.Errorf("%w: %d callers; use 1 to %d", ErrConfig, l.Callers, maxCallers)
	case l.Depth < 0 || l.Depth > maxDepth:
		return fmt.Errorf("%w: %d operations under way at once; use 1 to %d", ErrConfig, l.Depth, maxDepth)
	case l.Rate < 0:
		return fmt.Errorf("%w: a rate of %v", ErrConfig, l.Rate)
	case l.Rate > 0 && l.Every > 1:
		return fmt.Errorf("%w: with a rate every call's latency counts", ErrConfig)
	case l.Duration <= 0:
		return fmt.Errorf("%w: a duration of %s; it must be more than 0", ErrConfig, l.Duration)
	}
	return nil
}

func (l Load) withDefaults() Load {
	l.Callers, l.Depth, l.Every = max(l.Callers, 1), max(l.Depth, 1), max(l.Every, 1)
	return l
}

// session is a target with its callers connected and what each of them does.
type session struct {
	target Target
	load   Load
	conns  []Conn
	ops    [][]Op // of each caller
}

// open connects the callers to a target.
func open(ctx context.Context, t Target, w *work, l Load) (*session, error) {
	if err := l.Validate(); err != nil {
		return nil, err
	}
	s := &session{target: t, load: l.withDefaults()}
	if depth, _ := limitsOf(t); s.load.Depth > depth {
		return nil, fmt.Errorf("%s: %d operations under way at once, at most %d: %w", t.Name(), s.load.Depth, depth, ErrUnsupported)
	}
	for i := range s.load.Callers {
		c, err := t.Connect(ctx)
		if err != nil {
			s.close()
			return nil, fmt.Errorf("%s: connect: %w", t.Name(), err)
		}
		s.conns = append(s.conns, c)
		s.ops = append(s.ops, w.ops(i))
	}
	return s, nil
}

func (s *session) close() {
	for _, c := range s.conns {
		_ = c.Close() // It has nothing to lose any more.
	}
}

// fill writes every key of a workload once. The target's own callers do it, so
// that nothing else is connected while the clock runs.
func (s *session) fill(ctx context.Context, w *work) error {
	n := min(fillers, len(s.conns))
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			var ops []Op
			for op := range w.fill(i, n) {
				if ops = append(ops, op); len(ops) < fillDepth {
					continue
				}
				if _, errs[i] = s.conns[i].Do(ctx, ops); errs[i] != nil {
					return
				}
				ops = ops[:0]
			}
			if len(ops) > 0 {
				_, errs[i] = s.conns[i].Do(ctx, ops)
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%s: fill: %w", s.target.Name(), err)
	}
	return s.settle(ctx)
}

// settle waits until what was written is where it is to go.
func (s *session) settle(ctx context.Context) error {
	t, ok := s.target.(Settler)
	if !ok {
		return nil
	}
	if err := t.Settle(ctx); err != nil {
		return fmt.Errorf("%s: settle: %w", s.target.Name(), err)
	}
	return nil
}

// run drives the target once. The result's time includes what settling takes.
func (s *session) run(ctx context.Context) (*Result, error) {
	// What the target does in this process begins with no garbage of the one before.
	runtime.GC()
	callers := make([]caller, len(s.conns))
	errs := make([]error, len(s.conns))
	began := time.Now()
	var wg sync.WaitGroup
	for i := range callers {
		callers[i] = caller{conn: s.conns[i], ops: s.ops[i], load: s.load, hist: newHistogram()}
		callers[i].begin = began
		if s.load.Rate > 0 {
			callers[i].every = time.Duration(float64(s.load.Depth*s.load.Callers) / s.load.Rate * float64(time.Second))
			callers[i].begin = began.Add(callers[i].every * time.Duration(i) / time.Duration(len(callers)))
		}
		callers[i].end = began.Add(s.load.Duration)
		wg.Go(func() { errs[i] = callers[i].run(ctx) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("%s: %w", s.target.Name(), err)
	}
	if err := s.settle(ctx); err != nil {
		return nil, err
	}
	r := &Result{Took: time.Since(began), Corrected: s.load.Rate > 0, hist: newHistogram()}
	for i := range callers {
		r.add(&callers[i])
	}
	return r, nil
}

// caller is one caller while it runs.
type caller struct {
	conn   Conn
	ops    []Op
	load   Load
	begin  time.Time
	end    time.Time
	every  time.Duration // between the beginnings of two calls; 0: no rate
	hist   *hdrhistogram.Histogram
	done   int64
	misses int64
}

// run calls until the end, at least once: on a machine with much else to do a caller
// may begin late.
func (c *caller) run(ctx context.Context) error {
	if c.every > 0 {
		return c.runAtRate(ctx)
	}
	at := 0
	for now := time.Now(); c.done == 0 || now.Before(c.end); {
		if err := ctx.Err(); err != nil {
			return err
		}
		for range c.load.Every - 1 {
			if err := c.call(ctx, &at); err != nil {
				return err
			}
		}
		if c.load.Every > 1 {
			now = time.Now()
		}
		if err := c.call(ctx, &at); err != nil {
			return err
		}
		after := time.Now()
		c.record(after.Sub(now))
		now = after
	}
	return nil
}

// runAtRate begins a call at each of its times. One that the call before has held
// up begins at once, and its latency counts from its time all the same.
func (c *caller) runAtRate(ctx context.Context) error {
	at := 0
	timer := time.NewTimer(0)
	defer timer.Stop()
	for meant := c.begin; meant.Before(c.end); meant = meant.Add(c.every) {
		timer.Reset(time.Until(meant))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := c.call(ctx, &at); err != nil {
			return err
		}
		c.record(time.Since(meant))
	}
	return nil
}

// call runs the next operations of the caller.
func (c *caller) call(ctx context.Context, at *int) error {
	if *at+c.load.Depth > len(c.ops) {
		*at = 0
	}
	missed, err := c.conn.Do(ctx, c.ops[*at:*at+c.load.Depth])
	*at += c.load.Depth
	c.done += int64(c.load.Depth)
	c.misses += int64(missed)
	return err
}

// record notes the latency of each operation of a call.
func (c *caller) record(took time.Duration) {
	_ = c.hist.RecordValues(clamp(took), int64(c.load.Depth)) // Within its range it cannot fail.
}

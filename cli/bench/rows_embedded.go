package bench

import (
	"context"
	"runtime"
)

// embeddedLoad is two callers in this process. One call in 64 is timed: looking at
// the clock takes as long as a call.
var embeddedLoad = Load{Callers: 2, Depth: 1, Every: 64}

var (
	atollEmbedded starter = func(ctx context.Context, _ *Env) (Target, error) { return StartEmbedded(ctx) }
	otterCache    starter = func(context.Context, *Env) (Target, error) { return NewOtter() }
)

// otterNote says what the peer does besides.
const otterNote = "otter has room for everything and times to live switched on, so that it looks at an entry's expiry as Atoll does; 2 goroutines"

func embeddedSet(ctx context.Context, e *Env) (*Measured, error) {
	m, err := versus(atollEmbedded, otterCache, sets, embeddedLoad)(ctx, e)
	if err != nil {
		return nil, err
	}
	m.Notes = append(m.Notes, otterNote)
	return m, nil
}

// embeddedGet compares, and then counts what a Get allocates.
func embeddedGet(ctx context.Context, e *Env) (*Measured, error) {
	m, err := versus(atollEmbedded, otterCache, gets, embeddedLoad)(ctx, e)
	if err != nil {
		return nil, err
	}
	allocated, err := e.allocations(ctx, gets)
	if err != nil {
		return nil, err
	}
	m.Figures, m.Notes = append(m.Figures, allocated), append(m.Notes, otterNote)
	return m, nil
}

// allocatedCalls is how many calls allocations are counted over, in each round.
const allocatedCalls = 20_000

// allocations returns how often memory is taken for each operation of a workload on
// an embedded node. What the node's own beats take meanwhile is counted too, and is
// spread over all calls; the result is rounded to a hundredth.
func (e *Env) allocations(ctx context.Context, w Workload) (Spread, error) {
	t, err := StartEmbedded(ctx)
	if err != nil {
		return Spread{}, err
	}
	defer t.Close()
	w.Keys = e.Scale.Keys
	made, err := w.prepare()
	if err != nil {
		return Spread{}, err
	}
	s, err := open(ctx, t, made, Load{Duration: e.Scale.Duration})
	if err != nil {
		return Spread{}, err
	}
	defer s.close()
	if err := s.fill(ctx, made); err != nil {
		return Spread{}, err
	}
	var xs []float64
	for range e.Scale.Rounds {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for i := range allocatedCalls {
			at := i % len(s.ops[0])
			if _, err := s.conns[0].Do(ctx, s.ops[0][at:at+1]); err != nil {
				return Spread{}, err
			}
		}
		runtime.ReadMemStats(&after)
		xs = append(xs, float64((after.Mallocs-before.Mallocs)*100/allocatedCalls)/100)
	}
	return spreadOf(xs), nil
}

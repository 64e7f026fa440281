package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/atollcache/atoll/node/command"
)

// What lag is measured with.
const (
	lagWAN     = 80 * time.Millisecond // a round trip; half of it is one way
	lagEvery   = 10 * time.Millisecond // between two probes
	lagProbers = 16                    // probes under way at once, more than fit into the lag
)

// lag writes in one region at a rate and measures, for some writes beside, how long
// it takes from when a client begins to write until a client in the other region has
// read it. The reader names the write it waits for, so that nothing is asked again
// and again; it is answered when the node there has seen it.
func lag(ctx context.Context, e *Env) (*Measured, error) {
	a, err := e.Servers.StartAtoll(ctx, []string{"one", "two"}, lagWAN)
	if err != nil {
		return nil, err
	}
	defer a.close()
	here, err := a.nats(0)
	if err != nil {
		return nil, err
	}
	defer here.Close()
	there, err := a.nats(1)
	if err != nil {
		return nil, err
	}
	defer there.Close()
	w := sets
	w.Keys = e.Scale.Keys
	made, err := w.prepare()
	if err != nil {
		return nil, err
	}
	s, err := open(ctx, here, made, Load{Callers: many.Callers, Rate: e.Scale.LagRate, Duration: e.Scale.LagFor})
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := settled(ctx, here.api, there.api); err != nil {
		return nil, err
	}
	e.progress("lag, %s", e.Scale.LagFor)
	hist := newHistogram()
	probed := make(chan error, 1)
	go func() { probed <- probe(ctx, here.api, there.api, e.Scale.LagFor, hist) }()
	r, err := s.run(ctx)
	if probeErr := <-probed; err == nil {
		err = probeErr
	}
	if err != nil {
		return nil, err
	}
	ms := func(q float64) float64 { return float64(hist.ValueAtQuantile(q)) / float64(time.Millisecond) }
	note := fmt.Sprintf("%.0f writes a second were made, %d probes: p50 %.1f ms, p99 %.1f ms, longest %.1f ms; from the call in one region to the answer in the other",
		r.PerSecond(), hist.TotalCount(), ms(50), ms(99), ms(100))
	return &Measured{Figures: []Spread{spreadOf([]float64{ms(99)})}, Notes: []string{note}}, nil
}

// probe makes a probe at each of its times, and returns when all have ended.
func probe(ctx context.Context, here, there *command.API, lasts time.Duration, hist *hdrhistogram.Histogram) error {
	took := make(chan time.Duration, lagProbers)
	errs := make(chan error, lagProbers)
	begin, under := time.Now(), 0
	collect := func() error {
		under--
		select {
		case d := <-took:
			return hist.RecordValue(clamp(d))
		case err := <-errs:
			return err
		}
	}
	var first error
	for i := 0; time.Duration(i)*lagEvery < lasts && first == nil; i++ {
		meant := begin.Add(time.Duration(i) * lagEvery)
		time.Sleep(time.Until(meant))
		if under == lagProbers {
			first = collect()
		}
		under++
		go func() {
			if err := probeOnce(ctx, here, there, fmt.Sprintf("probe-%d", i)); err != nil {
				errs <- err
				return
			}
			took <- time.Since(meant)
		}()
	}
	for under > 0 {
		if err := collect(); first == nil {
			first = err
		}
	}
	return first
}

// probeOnce writes a key here and returns when it has been read there.
func probeOnce(ctx context.Context, here, there *command.API, key string) error {
	ctx, cancel := context.WithTimeout(command.WithSession(ctx), patience)
	defer cancel()
	if _, err := here.Set(ctx, key, "x"); err != nil {
		return err
	}
	for {
		_, ok, err := there.Get(ctx, key)
		if err == nil && ok {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s has not arrived within %s: %w", key, patience, err)
		}
	}
}

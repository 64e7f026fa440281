package bench

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// DefaultRounds is how many rounds a comparison has, the least whose median and
// spread say something.
const DefaultRounds = 5

// maxRounds bounds a comparison.
const maxRounds = 1000

// Spec is a comparison, or with no peer a measurement.
type Spec struct {
	Workload Workload
	Load     Load
	// Rounds is how often each target runs. 0 counts as DefaultRounds.
	Rounds int
	// Warm is how long each target runs before anything counts. 0: not at all.
	Warm time.Duration
	// Progress, if there is one, is told before each run.
	Progress func(target string, round int)
}

// Spread is what several rounds made of one number.
type Spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// spreadOf returns the spread of some numbers, zero of none.
func spreadOf(xs []float64) Spread {
	if len(xs) == 0 {
		return Spread{}
	}
	xs = slices.Sorted(slices.Values(xs))
	mid := len(xs) / 2
	s := Spread{Median: xs[mid], Min: xs[0], Max: xs[len(xs)-1]}
	if len(xs)%2 == 0 {
		s.Median = (xs[mid-1] + xs[mid]) / 2
	}
	return s
}

// Side is what one target did.
type Side struct {
	Name   string
	Rounds []*Result
}

// Throughput returns operations a second over the rounds.
func (s *Side) Throughput() Spread {
	var xs []float64
	for _, r := range s.Rounds {
		xs = append(xs, r.PerSecond())
	}
	return spreadOf(xs)
}

// All returns the rounds as one.
func (s *Side) All() *Result { return merged(s.Rounds) }

// Comparison is what two targets did in turns.
type Comparison struct {
	Spec   Spec
	Target Side
	Peer   *Side // nil: there was none
}

// Ratio returns the target's throughput in the peer's, of each round's own ratio.
func (c *Comparison) Ratio() Spread {
	if c.Peer == nil {
		return Spread{}
	}
	var xs []float64
	for i, r := range c.Target.Rounds {
		xs = append(xs, r.PerSecond()/max(c.Peer.Rounds[i].PerSecond(), 1e-9))
	}
	return spreadOf(xs)
}

// Compare fills both targets and then drives them in turns: target, peer, target,
// peer, and so on. A nil peer is none. The first error of either ends it.
func Compare(ctx context.Context, spec Spec, target, peer Target) (*Comparison, error) {
	if spec.Rounds == 0 {
		spec.Rounds = DefaultRounds
	}
	if spec.Rounds < 1 || spec.Rounds > maxRounds {
		return nil, fmt.Errorf("%w: %d rounds; use 1 to %d", ErrConfig, spec.Rounds, maxRounds)
	}
	targets := []Target{target}
	if peer != nil {
		targets = append(targets, peer)
	}
	for _, t := range targets {
		if _, expiry := limitsOf(t); !expiry {
			spec.Workload.TTL = 0
		}
	}
	w, err := spec.Workload.prepare()
	if err != nil {
		return nil, err
	}
	c := &Comparison{Spec: spec, Target: Side{Name: target.Name()}}
	sides := []*Side{&c.Target}
	if peer != nil {
		c.Peer = &Side{Name: peer.Name()}
		sides = append(sides, c.Peer)
	}
	var sessions []*session
	defer func() {
		for _, s := range sessions {
			s.close()
		}
	}()
	for _, t := range targets {
		s, err := open(ctx, t, w, spec.Load)
		if err != nil {
			return nil, err
		}
		sessions = append(sessions, s)
		if err := s.fill(ctx, w); err != nil {
			return nil, err
		}
	}
	return c, spec.alternate(ctx, sides, sessions)
}

// alternate drives each session once a round.
func (spec Spec) alternate(ctx context.Context, sides []*Side, sessions []*session) error {
	for round := range spec.Rounds + 1 {
		for i, s := range sessions {
			if round == 0 && spec.Warm <= 0 {
				continue
			}
			if spec.Progress != nil {
				spec.Progress(s.target.Name(), round)
			}
			full := s.load.Duration
			if round == 0 {
				s.load.Duration = spec.Warm
			}
			r, err := s.run(ctx)
			s.load.Duration = full
			if err != nil {
				return err
			}
			if round > 0 {
				sides[i].Rounds = append(sides[i].Rounds, r)
			}
		}
	}
	return nil
}

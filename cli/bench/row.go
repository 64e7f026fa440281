package bench

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Bound is what a figure must reach.
type Bound struct {
	Least bool // the figure is to be no less; otherwise no more
	Value float64
	Unit  string // such as "× redis-server"
}

// atLeast and atMost make the table read as a table.
func atLeast(value float64, unit string) Bound { return Bound{true, value, unit} }
func atMost(value float64, unit string) Bound  { return Bound{false, value, unit} }

// Holds reports whether a figure is within the bound.
func (b Bound) Holds(figure float64) bool {
	if b.Least {
		return figure >= b.Value
	}
	return figure <= b.Value
}

// String returns the bound as the table shows it.
func (b Bound) String() string {
	sign := "≤"
	if b.Least {
		sign = "≥"
	}
	return sign + " " + figureText(b.Value, b.Unit)
}

// Row is one line of the table: what is measured, what it must reach, and how.
type Row struct {
	Name   string  // what the command line calls it
	What   string  // what is measured
	Bounds []Bound // what it must reach; none: it is there to judge the others by
	Run    func(ctx context.Context, e *Env) (*Measured, error)
}

// Measured is what a row came to.
type Measured struct {
	Figures    []Spread    // one for each of the row's bounds
	Comparison *Comparison // behind the first of them, where it is one
	Notes      []string    // what else there is to know
}

// Scale says how large and how long everything is.
type Scale struct {
	Name       string
	Rounds     int
	Duration   time.Duration // of each round of a comparison
	Warm       time.Duration // before anything counts
	Keys       int           // of comparisons
	MemoryKeys int           // of the row about memory
	Hashes     int           // of the row about hashes
	Writes     int           // of a round of replication
	LagFor     time.Duration // for which lag is measured
	LagRate    float64       // writes a second meanwhile
	GrowthOps  int           // operations for each node of the row about growth
	Growth     []int         // nodes of that row, from 1 on
}

// Full is what the table is meant to be measured with, and Short is less than a
// minute's worth: enough to see that every row works, too little to believe.
var (
	Full = Scale{
		Name: "full", Rounds: 7, Duration: 5 * time.Second, Warm: time.Second, Keys: 100_000, MemoryKeys: 10_000_000,
		Hashes: 1_000, Writes: 1_000_000, LagFor: 30 * time.Second, LagRate: 20_000,
		GrowthOps: 20_000, Growth: []int{1, 2, 4, 8},
	}
	Short = Scale{
		Name: "short", Rounds: 5, Duration: 100 * time.Millisecond, Warm: 50 * time.Millisecond, Keys: 10_000, MemoryKeys: 50_000,
		Hashes: 20, Writes: 20_000, LagFor: 2 * time.Second, LagRate: 2_000,
		GrowthOps: 2_000, Growth: []int{1, 8},
	}
)

// Env is what a row runs in.
type Env struct {
	Servers Servers
	Scale   Scale
	// Progress, if there is one, is told what is under way.
	Progress func(what string)
}

func (e *Env) progress(format string, args ...any) {
	if e.Progress != nil {
		e.Progress(fmt.Sprintf(format, args...))
	}
}

// starter starts a target.
type starter func(ctx context.Context, e *Env) (Target, error)

// versus returns a row's run: the throughput of a target in that of its peer.
func versus(target, peer starter, w Workload, l Load) func(context.Context, *Env) (*Measured, error) {
	return func(ctx context.Context, e *Env) (*Measured, error) {
		c, err := e.compare(ctx, target, peer, w, l)
		if err != nil {
			return nil, err
		}
		return &Measured{Figures: []Spread{c.Ratio()}, Comparison: c}, nil
	}
}

// compare starts two targets, compares them, and stops them.
func (e *Env) compare(ctx context.Context, target, peer starter, w Workload, l Load) (*Comparison, error) {
	a, err := target(ctx, e)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	b, err := peer(ctx, e)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	w.Keys, l.Duration = e.Scale.Keys, e.Scale.Duration
	return Compare(ctx, Spec{
		Workload: w, Load: l, Rounds: e.Scale.Rounds, Warm: e.Scale.Warm,
		Progress: func(name string, round int) { e.progress("%s, round %d of %d", name, round, e.Scale.Rounds) },
	}, a, b)
}

// Outcome is a row and what it came to.
type Outcome struct {
	Row Row
	*Measured
	Err error
}

// RunRow runs one row. What the row is about and its error stand in the outcome.
func (e *Env) RunRow(ctx context.Context, r Row) Outcome {
	m, err := r.Run(ctx, e)
	if err == nil && len(m.Figures) < len(r.Bounds) {
		err = fmt.Errorf("%w: row %s has %d figures for %d bounds", ErrConfig, r.Name, len(m.Figures), len(r.Bounds))
	}
	return Outcome{Row: r, Measured: m, Err: err}
}

// RowsNamed returns the rows of some names, all rows for none, or ErrUnknown.
func RowsNamed(names ...string) ([]Row, error) {
	all := Rows()
	if len(names) == 0 {
		return all, nil
	}
	var out []Row
	for _, name := range names {
		i := slices.IndexFunc(all, func(r Row) bool { return r.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("row %q: %w", name, ErrUnknown)
		}
		out = append(out, all[i])
	}
	return out, nil
}

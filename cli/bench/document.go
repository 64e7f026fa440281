package bench

import (
	"errors"
	"time"
)

// SideDocument is one side of a comparison as JSON. Latencies are in microseconds.
type SideDocument struct {
	Name      string  `json:"name"`
	Ops       int64   `json:"ops"`
	Misses    int64   `json:"misses"`
	PerSecond Spread  `json:"ops_per_second"`
	P50       float64 `json:"p50_us"`
	P99       float64 `json:"p99_us"`
	P999      float64 `json:"p999_us"`
	Max       float64 `json:"max_us"`
}

// ComparisonDocument is a comparison as JSON.
type ComparisonDocument struct {
	Workload  string        `json:"workload"`
	Callers   int           `json:"callers"`
	Pipeline  int           `json:"pipeline"`
	Rate      float64       `json:"rate,omitempty"`
	Rounds    int           `json:"rounds"`
	Corrected bool          `json:"corrected"` // for coordinated omission
	Target    SideDocument  `json:"target"`
	Peer      *SideDocument `json:"peer,omitempty"`
	Ratio     *Spread       `json:"ratio,omitempty"`
}

// Document returns the comparison as JSON has it.
func (c *Comparison) Document() ComparisonDocument {
	load := c.Spec.Load.withDefaults()
	d := ComparisonDocument{
		Workload: c.Spec.Workload.Name, Callers: load.Callers, Pipeline: load.Depth, Rate: load.Rate,
		Rounds: len(c.Target.Rounds), Corrected: load.Rate > 0, Target: c.Target.document(),
	}
	if c.Peer != nil {
		peer, ratio := c.Peer.document(), c.Ratio()
		d.Peer, d.Ratio = &peer, &ratio
	}
	return d
}

func (s *Side) document() SideDocument {
	all := s.All()
	micros := func(part float64) float64 { return float64(all.Latency(part)) / float64(time.Microsecond) }
	return SideDocument{
		Name: s.Name, Ops: all.Ops, Misses: all.Misses, PerSecond: s.Throughput(),
		P50: micros(0.5), P99: micros(0.99), P999: micros(0.999), Max: float64(all.Max()) / float64(time.Microsecond),
	}
}

// FigureDocument is what must be reached and what was, as JSON.
type FigureDocument struct {
	Bound   string `json:"bound"`
	Reached Spread `json:"reached"`
	Holds   bool   `json:"holds"`
}

// RowDocument is a row of the table as JSON.
type RowDocument struct {
	Name       string              `json:"name"`
	What       string              `json:"what"`
	Figures    []FigureDocument    `json:"figures,omitempty"`
	Notes      []string            `json:"notes,omitempty"`
	Comparison *ComparisonDocument `json:"comparison,omitempty"`
	NotRun     bool                `json:"not_run,omitempty"` // a peer is missing
	Error      string              `json:"error,omitempty"`
}

// Table is the whole table as JSON.
type Table struct {
	Machine Machine       `json:"machine"`
	Scale   string        `json:"scale"`
	Rows    []RowDocument `json:"rows"`
}

// TableDocument returns the table as JSON has it.
func TableDocument(m Machine, scale Scale, outcomes []Outcome) Table {
	t := Table{Machine: m, Scale: scale.Name}
	for _, o := range outcomes {
		t.Rows = append(t.Rows, o.document())
	}
	return t
}

func (o Outcome) document() RowDocument {
	d := RowDocument{Name: o.Row.Name, What: o.Row.What}
	if o.Err != nil {
		d.NotRun, d.Error = errors.Is(o.Err, ErrMissing), o.Err.Error()
		return d
	}
	d.Notes = o.Notes
	for i, b := range o.Row.Bounds {
		d.Figures = append(d.Figures, FigureDocument{b.String(), o.Figures[i], b.Holds(o.Figures[i].Median)})
	}
	if o.Comparison != nil {
		c := o.Comparison.Document()
		d.Comparison = &c
	}
	return d
}

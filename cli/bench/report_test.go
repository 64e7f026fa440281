package bench

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// update rewrites the expected output; review it as a diff.
var update = flag.Bool("update", false, "rewrite the expected output in testdata")

// made returns a result of so many operations in a second, whose latencies are those
// given, over and over.
func made(ops int64, misses int64, latencies ...time.Duration) *Result {
	r := &Result{Ops: ops, Misses: misses, Took: time.Second, hist: newHistogram()}
	for i := range ops {
		if err := r.hist.RecordValue(int64(latencies[i%int64(len(latencies))])); err != nil {
			panic(err)
		}
	}
	return r
}

// someComparison is what two targets might have done.
func someComparison() *Comparison {
	us := time.Microsecond
	return &Comparison{
		Spec:   Spec{Workload: gets, Load: Load{Callers: 50, Depth: 16}},
		Target: Side{"atoll, RESP", []*Result{made(3000, 3, 100*us, 200*us, 9*us), made(3200, 0, 150*us, 4*time.Millisecond), made(2800, 0, 110*us)}},
		Peer:   &Side{"redis-server", []*Result{made(2000, 0, 300*us), made(1600, 0, 310*us, 700*us), made(2000, 0, 90*us)}},
	}
}

func golden(t *testing.T, name string, have []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, have, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, have) {
		t.Errorf("%s: want\n%s\nhave\n%s", path, want, have)
	}
}

// TestReport renders a table in which one row holds, one does not, one has no bound,
// one lacks a program and one has failed.
func TestReport(t *testing.T) {
	c := someComparison()
	row := func(name string, bounds ...Bound) Row {
		return Row{Name: name, What: "what " + name + " is about", Bounds: bounds}
	}
	outcomes := []Outcome{
		{Row: row("holds", atLeast(1.3, ofRedis)), Measured: &Measured{Figures: []Spread{c.Ratio()}, Comparison: c}},
		{Row: row("falls-short", atLeast(300_000, "SETs/s"), atMost(24, "B")),
			Measured: &Measured{Figures: []Spread{{250_123, 240_000, 310_000}, {19.5, 19.5, 19.5}}, Notes: []string{"a note", "another"}}},
		{Row: row("second-falls-short", atLeast(0.8, ofOtter), atMost(0, "allocations")),
			Measured: &Measured{Figures: []Spread{{0.9, 0.8, 1}, {1, 0, 1}}}},
		{Row: row("no-bound"), Measured: &Measured{Figures: []Spread{{0.5, 0.4, 0.6}}}},
		{Row: row("lacks", atLeast(1, ofRedis)), Err: fmt.Errorf("redis-server: %w", ErrMissing)},
		{Row: row("fails", atLeast(1, ofRedis), atMost(1, "ms")), Err: errFake},
	}
	m := Machine{
		Date: time.Date(2026, 11, 23, 15, 4, 5, 0, time.UTC), OS: "linux/amd64", CPU: "Some CPU", CPUs: 2, Memory: "24684084 kB",
		Go: "go1.26.8", Redis: "Redis server v=7.0.15", NATS: "v2.15.2",
	}
	var b bytes.Buffer
	if err := Report(&b, m, Full, outcomes); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.md", b.Bytes())
	var lines [][]string
	for _, o := range outcomes {
		lines = append(lines, o.Line())
	}
	golden(t, "table.txt", []byte(textTable(TableHeader(), lines)))
	var verdicts []string
	for _, o := range outcomes {
		verdicts = append(verdicts, o.Verdict())
	}
	if have, want := fmt.Sprint(verdicts), "[yes no no  not run failed]"; have != want {
		t.Errorf("want %s, have %s", want, have)
	}
	d := TableDocument(m, Full, outcomes)
	if len(d.Rows) != 6 || !d.Rows[0].Figures[0].Holds || d.Rows[1].Figures[0].Holds || !d.Rows[1].Figures[1].Holds || !d.Rows[4].NotRun || d.Rows[5].Error == "" {
		t.Errorf("as JSON: have %+v", d)
	}
}

// TestPlotFits renders for narrow and wide terminals.
func TestPlotFits(t *testing.T) {
	for _, width := range []int{0, 40, 80, 200} {
		for i, line := range bytes.Split([]byte(someComparison().Plot(width)), []byte("\n")) {
			if n := len([]rune(string(line))); n > max(width, leastPlot) {
				t.Errorf("width %d: line %d has %d columns: %s", width, i, n, line)
			}
		}
	}
	empty := &Comparison{Target: Side{Name: "a"}}
	if p := empty.Plot(80); p != "" {
		t.Errorf("nothing measured: want no plot, have %q", p)
	}
}

func TestFigureText(t *testing.T) {
	for want, c := range map[string]struct {
		v    float64
		unit string
	}{
		"0.80× otter": {0.8, "× otter"}, "300,000 SETs/s": {300_000, "SETs/s"}, "1,234,567 B": {1_234_567, "B"}, "24.0 B": {24, "B"}, "56,017 x": {56017, "x"}, "999 x": {999, "x"},
	} {
		if have := figureText(c.v, c.unit); have != want {
			t.Errorf("%v %s: want %s, have %s", c.v, c.unit, want, have)
		}
	}
}

// TestRows checks that the table is complete and that its names are its own.
func TestRows(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rows() {
		if seen[r.Name] || r.What == "" || r.Run == nil {
			t.Errorf("row %+v: named twice, or incomplete", r)
		}
		seen[r.Name] = true
	}
	if _, err := RowsNamed("resp-get", "nonsense"); err == nil {
		t.Error("row nonsense: want an error")
	}
	some, err := RowsNamed("lag", "hash")
	if err != nil || len(some) != 2 || some[0].Name != "lag" {
		t.Errorf("lag and hash: have %v, %v", some, err)
	}
}

// TestPauses reads a trace of the collector.
func TestPauses(t *testing.T) {
	const trace = `something else
gc 1 @0.012s 1%: 0.031+0.55+0.004 ms clock, 0.062+0.10/0.40/0.31+0.009 ms cpu, 3->4->1 MB, 4 MB goal, 0 MB stacks, 0 MB globals, 2 P
gc 2 @0.1s 1%: 1.5+20+0.5 ms clock, 0+0/0/0+0 ms cpu, 3->4->1 MB, 4 MB goal, 0 MB stacks, 0 MB globals, 2 P (forced)
gc 3 @0.1s 1%: broken ms clock
scvg: 1 MB released
`
	have := pausesOf(trace)
	us := time.Microsecond
	if want := []time.Duration{31 * us, 4 * us, 1500 * us, 500 * us}; fmt.Sprint(have) != fmt.Sprint(want) {
		t.Errorf("want %v, have %v", want, have)
	}
	if q := quantile(have, 0.99); q != 1500*us {
		t.Errorf("p99: want 1.5 ms, have %s", q)
	}
	if q := quantile(nil, 0.99); q != 0 {
		t.Errorf("of none: want 0, have %s", q)
	}
}

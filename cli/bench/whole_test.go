package bench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/atollcache/atoll/cli"
	"github.com/atollcache/atoll/cli/bench"
)

// TestMain lets the benchmark start this binary as the program that it starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "dev" || os.Args[1] == "bench") {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		context.AfterFunc(ctx, stop)
		os.Exit(cli.Run(ctx, append([]string{"atoll"}, os.Args[1:]...), strings.NewReader(""), os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// tiny is enough to see that everything works.
var tiny = bench.Scale{
	Name: "tiny", Rounds: 1, Duration: 20 * time.Millisecond, Keys: 500, MemoryKeys: 3000, Hashes: 1, Writes: 2000,
	LagFor: 300 * time.Millisecond, LagRate: 500, GrowthOps: 100, Growth: []int{1, 2},
}

func servers(t *testing.T) bench.Servers {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return bench.Servers{Program: program}
}

// hasRedis reports whether there is a redis-server. Without one what needs it is not
// run, and says so; where CI is set that is a failure.
func hasRedis(t *testing.T) bool {
	t.Helper()
	switch {
	case bench.HasRedis():
		return true
	case os.Getenv("CI") != "":
		t.Fatal("no redis-server: install the package of that name")
	}
	t.Log("no redis-server: nothing is compared with it; install the package of that name")
	return false
}

// TestEveryRow runs the whole table, tiny. Which figures come out is not its business.
func TestEveryRow(t *testing.T) {
	withRedis := hasRedis(t)
	env := &bench.Env{Servers: servers(t), Scale: tiny}
	for _, r := range bench.Rows() {
		t.Run(r.Name, func(t *testing.T) {
			t.Parallel() // Each waits most of the time for its nodes to join.
			o := env.RunRow(t.Context(), r)
			if o.Err != nil {
				if !withRedis && errors.Is(o.Err, bench.ErrMissing) {
					return
				}
				t.Fatal(o.Err)
			}
			for i, f := range o.Figures {
				if f.Median < 0 || f.Min > f.Median || f.Max < f.Median || f.Max == 0 && i == 0 {
					t.Errorf("figure %d: have %+v", i, f)
				}
			}
			if c := o.Comparison; c != nil {
				for _, s := range []bench.Side{c.Target, *c.Peer} {
					if all := s.All(); all.Ops == 0 || all.Misses != 0 || all.Latency(0.5) <= 0 {
						t.Errorf("%s: have %d operations, %d of them misses, p50 %s", s.Name, all.Ops, all.Misses, all.Latency(0.5))
					}
				}
			}
		})
	}
}

// TestEveryWorkload runs every workload on Atoll and on Redis by the same client:
// both understand all of it, and where nothing is deleted nothing is missed.
func TestEveryWorkload(t *testing.T) {
	if !hasRedis(t) {
		return
	}
	ours, err := servers(t).StartRESP(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	theirs, err := bench.StartRedis(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	for _, w := range bench.Workloads() {
		w.Keys, w.Fields = 100, min(w.Fields, 5)
		deletes := false
		for _, s := range w.Mix {
			deletes = deletes || s.Kind == bench.Del
		}
		c, err := bench.Compare(t.Context(), bench.Spec{
			Workload: w, Load: bench.Load{Callers: 2, Depth: 8, Duration: 20 * time.Millisecond}, Rounds: 1,
		}, ours, theirs)
		if err != nil {
			t.Errorf("%s: %v", w.Name, err)
			continue
		}
		for _, s := range []bench.Side{c.Target, *c.Peer} {
			if all := s.All(); all.Ops == 0 || all.Misses > 0 && !deletes {
				t.Errorf("%s: %s has %d operations, %d of them misses", w.Name, s.Name, all.Ops, all.Misses)
			}
		}
	}
}

// TestEveryTarget drives everything that may be named on the command line.
func TestEveryTarget(t *testing.T) {
	for _, args := range [][]string{
		{"--target", "embedded", "--vs", "otter"},
		{"--target", "embedded", "--vs", "null", "--rate", "2000"},
		{"--target", "node-nats", "--vs", "natskv", "--workload", "cluster4", "--callers", "4"},
		{"--target", "node", "--pipeline", "4", "--workload", "cluster23"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			checkDocument(t, args...)
		})
	}
	if hasRedis(t) {
		checkDocument(t, "--target", "embedded", "--vs", "redis")
	}
}

// checkDocument runs the command and looks at what it says as JSON.
func checkDocument(t *testing.T, args ...string) {
	t.Helper()
	words := append([]string{"atoll", "bench", "--json", "--duration", "20ms", "--rounds", "2", "--keys", "200", "--callers", "2"}, args...)
	var out, errs bytes.Buffer
	if code := cli.Run(t.Context(), words, strings.NewReader(""), &out, &errs); code != 0 {
		t.Fatalf("%v: exit code %d: %s", args, code, errs.String())
	}
	var d bench.ComparisonDocument
	if err := json.Unmarshal(out.Bytes(), &d); err != nil {
		t.Fatalf("%v: %v in %s", args, err, out.String())
	}
	sides := []bench.SideDocument{d.Target}
	if d.Peer != nil {
		sides = append(sides, *d.Peer)
		if d.Ratio == nil || d.Ratio.Median <= 0 {
			t.Errorf("%v: have no ratio", args)
		}
	}
	for _, s := range sides {
		if s.Ops == 0 || s.PerSecond.Median <= 0 || s.P50 <= 0 || s.P99 < s.P50 || s.P999 < s.P99 || s.Max < s.P999 {
			t.Errorf("%v: have %+v", args, s)
		}
	}
}

// TestReportIsWritten runs one row of the table and finds it in the report.
func TestReportIsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.md")
	var out, errs bytes.Buffer
	code := cli.Run(t.Context(), []string{"atoll", "bench", "--table", "--short", "--report", path, "nats-set-1"}, strings.NewReader(""), &out, &errs)
	if code > 1 {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	report, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Too short to believe", "NATS KV", "### nats-set-1"} {
		if !strings.Contains(string(report), want) {
			t.Errorf("want %q in the report, have\n%s", want, report)
		}
	}
	if !strings.Contains(out.String(), "nats-set-1") {
		t.Errorf("want the row on standard output, have %s", out.String())
	}
}

package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/atollcache/atoll/cli/bench"
)

func benchVerb() verb {
	return verb{
		name: "bench", group: groupSee, args: "[ROW...]", max: unbounded, brief: "measure beside redis-server, NATS KV or otter",
		examples: []string{
			"atoll bench --vs redis --pipeline 16                  a node and a redis-server, both started for it",
			"atoll bench --vs redis --workload cluster52           the mix of one of Twitter's clusters",
			"atoll bench --target redis://127.0.0.1:7000 --vs redis  what speaks RESP there, such as atoll dev",
			"atoll bench --target nats --callers 64 --vs natskv    the cluster at --server, by the Go client",
			"atoll bench --rate 20000                              latency at a rate, whatever the node does",
			"atoll bench --table --short                           all that must hold, in less than a minute",
		},
		about: "A target and its peer (--vs) do the same work in turns; the ratio is the median of the rounds, with\n" +
			"the lowest and the highest. Targets are\n" +
			"  node, node-nats           a node started for it, by RESP or by the Go client over NATS\n" +
			"  embedded                  a node in this process\n" +
			"  nats                      the cluster at --server\n" +
			"  redis://HOST:PORT         whatever speaks RESP there: Atoll or Redis\n" +
			"  redis                     a redis-server started for it\n" +
			"  natskv, nats://HOST:PORT  NATS KV of a server started for it, or there (bucket atoll-bench is replaced)\n" +
			"  otter, null               a cache in this process, and a server that does nothing\n" +
			"What is there already is written over: keys key-…, hash-… and n:key-…. --list names the workloads and rows.",
		flags: benchFlags(),
		long:  true,
		run:   runBench,
	}
}

func benchFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "target", Usage: "`TARGET` to measure", Value: "node"},
		&cli.StringFlag{Name: "vs", Usage: "`TARGET` to measure beside it"},
		&cli.StringFlag{Name: "workload", Usage: "`NAME` of what is done", Value: "mixed-zipf"},
		&cli.IntFlag{Name: "callers", Usage: "`N` callers, each with a connection", Value: 50},
		&cli.IntFlag{Name: "pipeline", Usage: "`N` operations of a caller under way at once", Value: 1},
		&cli.Float64Flag{Name: "rate", Usage: "`N` operations a second in all; latency then counts from when one was meant to begin. Without it, as fast as they are answered"},
		&cli.IntFlag{Name: "keys", Usage: "`N` keys in place of the workload's"},
		&cli.IntFlag{Name: "size", Usage: "`BYTES` of a value in place of the workload's"},
		&cli.DurationFlag{Name: "duration", Usage: "`DURATION` of each round", Value: 2 * time.Second},
		&cli.IntFlag{Name: "rounds", Usage: "`N` rounds of each side", Value: bench.DefaultRounds},
		&cli.Uint64Flag{Name: "seed", Usage: "`NUMBER` that chooses the keys", Value: 1},
		&cli.BoolFlag{Name: "table", Usage: "measure all that must hold, or the rows named"},
		&cli.BoolFlag{Name: "short", Usage: "with --table: sizes that show that it works, not how well"},
		&cli.StringFlag{Name: "report", Usage: "with --table: write a report, Markdown, to `FILE`"},
		&cli.BoolFlag{Name: "list", Usage: "list the workloads and the rows of the table"},
		&cli.StringFlag{Name: "serve", Usage: "only serve a `PEER`, null or natskv, until interrupted"},
	}
}

func runBench(ctx context.Context, c *call) error {
	switch {
	case c.String("serve") != "":
		return c.benchServe(ctx, c.String("serve"))
	case c.Bool("list"):
		return c.benchList()
	case c.Bool("table"):
		return c.benchTable(ctx)
	case len(c.args) > 0:
		return usagef("rows are measured with --table").withHint("atoll bench --table %s", strings.Join(c.args, " "))
	}
	return c.benchCompare(ctx)
}

// benchError says what is wrong with what was asked for.
func benchError(err error) error {
	switch {
	case errors.Is(err, bench.ErrConfig), errors.Is(err, bench.ErrUnsupported):
		return usagef("%w", err)
	case errors.Is(err, bench.ErrUnknown):
		return usagef("%w", err).withHint("`atoll bench --list` names them")
	case errors.Is(err, bench.ErrMissing):
		return (&failure{code: exitUnreachable, err: err}).withHint("install it, or choose another peer with --vs")
	}
	return err
}

// benchServers says how to start this program anew.
func benchServers() (bench.Servers, error) {
	program, err := os.Executable()
	return bench.Servers{Program: program}, err
}

// benchStart returns the target of a name, for values of so many bytes.
func (c *call) benchStart(ctx context.Context, name string, valueBytes int) (bench.Target, error) {
	servers, err := benchServers()
	if err != nil {
		return nil, err
	}
	scheme, address, isURL := strings.Cut(name, "://")
	switch {
	case isURL && scheme == "redis":
		return bench.RESP(name, strings.TrimSuffix(address, "/")), nil
	case isURL && scheme == "nats":
		return bench.NATSKV(ctx, name)
	}
	switch name {
	case "node":
		return servers.StartRESP(ctx)
	case "node-nats":
		return servers.StartNATS(ctx)
	case "embedded":
		return bench.StartEmbedded(ctx)
	case "redis":
		return bench.StartRedis(ctx, false)
	case "natskv":
		return servers.StartKV(ctx)
	case "null":
		return servers.StartNull(ctx, valueBytes)
	case "otter":
		return bench.NewOtter()
	case "nats":
		api, err := c.connect(ctx)
		if err != nil {
			return nil, err
		}
		return bench.API("atoll, NATS", api), nil
	}
	return nil, usagef("there is no target %q", name).withHint("`atoll bench --help` lists them")
}

// benchSpec returns what the flags ask for.
func (c *call) benchSpec() (bench.Spec, error) {
	w, err := bench.WorkloadNamed(c.String("workload"))
	if err != nil {
		return bench.Spec{}, err
	}
	if n := c.Int("keys"); n != 0 {
		w.Keys = n
	}
	if n := c.Int("size"); n != 0 {
		w.ValueBytes = n
	}
	w.Seed = c.Uint64("seed")
	l := bench.Load{Callers: c.Int("callers"), Depth: c.Int("pipeline"), Rate: c.Float64("rate"), Duration: c.Duration("duration")}
	if l.Callers < 1 || l.Depth < 1 || c.Int("rounds") < 1 {
		return bench.Spec{}, usagef("--callers, --pipeline and --rounds are at least 1")
	}
	if name := c.String("target"); (name == "embedded" || name == "otter") && l.Rate == 0 {
		l.Every = 64 // A call is as cheap as looking at the clock.
	}
	spec := bench.Spec{Workload: w, Load: l, Rounds: c.Int("rounds"), Warm: l.Duration / 4}
	return spec, errors.Join(w.Validate(), l.Validate())
}

// benchCompare measures one target, or two in turns.
func (c *call) benchCompare(ctx context.Context) error {
	spec, err := c.benchSpec()
	if err != nil {
		return benchError(err)
	}
	say, stop := c.benchProgress()
	defer stop()
	spec.Progress = func(target string, round int) { say(fmt.Sprintf("%s, round %d of %d", target, round, spec.Rounds)) }
	target, err := c.benchStart(ctx, c.String("target"), spec.Workload.ValueBytes)
	if err != nil {
		return benchError(err)
	}
	defer target.Close()
	var peer bench.Target
	if name := c.String("vs"); name != "" {
		if peer, err = c.benchStart(ctx, name, spec.Workload.ValueBytes); err != nil {
			return benchError(err)
		}
		defer peer.Close()
	}
	result, err := bench.Compare(ctx, spec, target, peer)
	if ctx.Err() != nil {
		return ctx.Err() // What was started for it has been interrupted as well.
	}
	if err != nil {
		return benchError(err)
	}
	stop()
	if c.json {
		return c.document(result.Document())
	}
	c.table(&table{header: result.Header(), rows: result.Rows()})
	c.printf("%s\n%s: %s\n%s\n", result.Plot(c.width), spec.Workload.Name, spec.Workload.About, result.Corrected())
	return nil
}

// benchTable measures the rows of the table.
func (c *call) benchTable(ctx context.Context) error {
	rows, err := bench.RowsNamed(c.args...)
	if err != nil {
		return benchError(err)
	}
	servers, err := benchServers()
	if err != nil {
		return err
	}
	machine, scale := bench.ThisMachine(), bench.Full
	if c.Bool("short") {
		scale = bench.Short
	}
	say, stop := c.benchProgress()
	defer stop()
	env := &bench.Env{Servers: servers, Scale: scale, Progress: say}
	var outcomes []bench.Outcome
	for _, r := range rows {
		o := env.RunRow(ctx, r)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		outcomes = append(outcomes, o)
	}
	stop()
	if err := c.benchReport(machine, scale, outcomes); err != nil {
		return err
	}
	for _, o := range outcomes {
		if o.Verdict() == "no" || o.Verdict() == "failed" {
			return errNo
		}
	}
	return nil
}

// benchReport writes the table, and the report where one is asked for.
func (c *call) benchReport(machine bench.Machine, scale bench.Scale, outcomes []bench.Outcome) error {
	if name := c.String("report"); name != "" {
		f, err := os.Create(name)
		if err != nil {
			return usagef("%w", err)
		}
		if err := errors.Join(bench.Report(f, machine, scale, outcomes), f.Close()); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	if c.json {
		return c.document(bench.TableDocument(machine, scale, outcomes))
	}
	tb := &table{header: bench.TableHeader()}
	for _, o := range outcomes {
		tb.add(o.Line()...)
	}
	c.table(tb)
	return nil
}

// benchProgress returns what shows on a terminal what is under way, and what takes
// that away again.
func (c *call) benchProgress() (say func(string), stop func()) {
	if !c.errTTY || c.json {
		return func(string) {}, func() {}
	}
	return func(what string) { fmt.Fprintf(c.err, "\r\x1b[K%s", what) }, func() { fmt.Fprint(c.err, "\r\x1b[K") }
}

// benchList names what there is.
func (c *call) benchList() error {
	workloads, rows := bench.Workloads(), bench.Rows()
	if c.json {
		names := object{}
		var ws, rs []object
		for _, w := range workloads {
			ws = append(ws, object{"name": w.Name, "about": w.About})
		}
		for _, r := range rows {
			rs = append(rs, object{"name": r.Name, "about": r.What})
		}
		names["workloads"], names["rows"] = ws, rs
		return c.document(names)
	}
	c.printf("%s\n", c.paint(bold, "Workloads"))
	var pairs [][2]string
	for _, w := range workloads {
		pairs = append(pairs, [2]string{w.Name, w.About})
	}
	c.pairs(pairs)
	c.printf("\n%s\n", c.paint(bold, "Rows of the table"))
	pairs = nil
	for _, r := range rows {
		pairs = append(pairs, [2]string{r.Name, r.What})
	}
	c.pairs(pairs)
	return nil
}

// nullValue is how many bytes the null server answers a GET with, unless it is told.
const nullValue = 100

// benchServe serves a peer until ctx ends.
func (c *call) benchServe(ctx context.Context, peer string) error {
	ready := func(address string) error {
		if c.json {
			return c.document(object{"peer": peer, "address": address, "ready": true})
		}
		c.printf("%s at %s\nready\n", peer, address)
		return nil
	}
	switch peer {
	case "natskv":
		return bench.ServeKV(ctx, ready)
	case "null":
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		if err := ready(l.Addr().String()); err != nil {
			return errors.Join(err, l.Close())
		}
		return bench.ServeNull(ctx, l, cmp.Or(max(c.Int("size"), 0), nullValue))
	}
	return usagef("there is no peer %q to serve; use null or natskv", peer)
}

package nodetest

import (
	"context"
	"fmt"
	"hash"
	"hash/crc64"
	"io"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// world is one history while it runs.
type world struct {
	plan
	pcg       *rand.PCG // seeded anew for each message, so that histories with fewer steps stay similar
	rand      *rand.Rand
	now       time.Duration // since the epoch
	events    events
	seq       int
	links     [][]link                 // by sender and receiver
	nodes     []*node                  // by place, nil where nobody lives
	lives     map[crdt.ReplicaID]*node // the living
	clocks    []clock                  // by place
	started   []time.Time              // by place, when its last life said that it began
	knew      [][]region.Member        // by place, whom its last life knew when it left or ended
	drives    []*disk                  // by place, nil where there is none
	shown     time.Time                // the latest that a clock has shown to a process that has ended
	born      int
	starting  int             // nodes that are going to be started
	slowDisks []time.Duration // by place, until when

	parts    []*history // by partition
	requests map[uint64][]run
	sessions []*session               // from 1
	ownRuns  map[string]crdt.Version  // by value of a session's own key, the highest that set it
	present  map[string]time.Duration // since when a pinned key is there
	missed   map[string]time.Duration // when a key was last evicted and nowhere to be had
	relaxed  bool                     // there is room for everything, whatever the plan says
	loading  map[string][]string      // by key, the tokens that clients have been given
	open     int                      // commands without a reply

	disturbed map[string]time.Duration // by region, when something last happened to its members
	troubled  time.Duration            // until when something is broken
	began     time.Duration            // since when something is or was broken without a break
	longest   time.Duration            // the longest time for which something was
	settling  bool

	counts Counts
	trace  hash.Hash64
	log    io.Writer
	err    error
}

var crcTable = crc64.MakeTable(crc64.ECMA)

func newWorld(p *plan, o Options) *world {
	w := &world{
		plan:  *p,
		pcg:   rand.NewPCG(p.seed, 0),
		lives: map[crdt.ReplicaID]*node{}, requests: map[uint64][]run{}, ownRuns: map[string]crdt.Version{},
		present: map[string]time.Duration{}, missed: map[string]time.Duration{}, loading: map[string][]string{}, disturbed: map[string]time.Duration{},
		trace: crc64.New(crcTable), log: o.Log,
	}
	w.rand = rand.New(w.pcg)
	if p.disks != nil {
		disks := *p.disks
		w.disks = &disks
	}
	n := len(p.places)
	w.nodes, w.clocks, w.started, w.knew = make([]*node, n), make([]clock, n), make([]time.Time, n), make([][]region.Member, n)
	w.drives, w.slowDisks = make([]*disk, n), make([]time.Duration, n)
	for range p.places {
		w.links = append(w.links, make([]link, n))
	}
	for range p.cfg.Partitions.Count() {
		w.parts = append(w.parts, &history{
			byDot: map[crdt.Dot]*write{}, byKey: map[string][]*write{}, issued: map[crdt.ReplicaID]uint64{},
			blurred: map[string]bool{}, fills: newFills(),
		})
	}
	for range maxSessions + 1 {
		w.sessions = append(w.sessions, &session{wrote: map[region.Slot]crdt.Dot{}})
	}
	for at, x := range p.places {
		w.clocks[at].skew = x.skew
		if x.up {
			w.startAfter(p.stagger*time.Duration(at), at)
		}
	}
	if p.gentle {
		w.counts.Gentle++
	}
	return w
}

// do runs one step.
func (w *world) do(s step) {
	w.pass(s.after)
	if w.err != nil {
		return
	}
	w.note(nil, "%v", s)
	n, here := w.nodes[s.at%len(w.nodes)], w.places[s.at%len(w.nodes)].region
	there := w.places[s.other%len(w.places)].region
	switch s.action {
	case doCommand:
		w.command(s)
	case doStart:
		w.start(s.at)
	case doCut:
		w.cut(s.at, s.other, s.lasts)
	case doIsolate:
		w.isolate(here, s.other%4 != 0, s.other%4 != 1, s.lasts)
	case doJump:
		w.jump(s.at, s.by, s.lasts)
	case doPower:
		w.power(here, s)
	case doDestroy:
		if d := w.drives[s.at]; d != nil && d.resting && n == nil {
			w.destroy(s.at)
		}
	case doDesert:
		w.desert(here)
	case doSettle:
		for at, x := range w.places {
			if x.region == here {
				w.start(at)
			}
		}
	default:
		if n != nil {
			w.doAt(n, s, here, there)
		}
	}
}

// doAt runs a step that needs a living node.
func (w *world) doAt(n *node, s step, here, there string) {
	switch s.action {
	case doLeave:
		w.leave(n, -1)
	case doRestart:
		w.leave(n, s.lasts)
	case doKill:
		n.killAt = 1 + s.other%3
		w.leave(n, s.lasts)
	case doDamage:
		w.damage(n, partition(s.other%len(w.parts)))
	case doSlowDisk:
		w.slowDisk(n, s.lasts)
	case doCrash:
		w.crash(n, s.lasts)
	case doOutlive:
		w.outlive(n)
	case doFreeze:
		w.freeze(n, s.lasts)
	case doSlow:
		w.slow(n, s.lasts)
	case doPause:
		w.pause(n, here, there, s.lasts)
	case doAudit:
		for p := range w.parts {
			w.audit(n, partition(p))
		}
	}
}

// desert has all nodes of a region leave, unless no other region has any.
func (w *world) desert(name string) {
	others := false
	for at, n := range w.nodes {
		others = others || n != nil && w.places[at].region != name && n.state == core.Ready
	}
	if !others {
		return
	}
	w.counts.Deserted++
	for at, n := range w.nodes {
		if n != nil && w.places[at].region == name {
			w.leave(n, -1)
		}
	}
}

// broken notes the first promise that was broken.
func (w *world) broken(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("%v: %w", w.now, fmt.Errorf(format, args...))
		w.note(nil, "broken: %v", w.err)
	}
}

// note writes a line to the log.
func (w *world) note(n *node, format string, args ...any) {
	if w.log == nil {
		return
	}
	who := ""
	if n != nil {
		who = w.places[n.at].name + ": "
	}
	fmt.Fprintf(w.log, "%10v %s%s\n", w.now, who, fmt.Sprintf(format, args...))
}

// logHandler writes what a node logs to the log of its world.
type logHandler struct {
	w *world
	n *node
}

// Enabled implements slog.Handler.
func (h logHandler) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (h logHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&b, " %v", a)
		return true
	})
	h.w.note(h.n, "[%v] %s%s", r.Level, r.Message, &b)
	return nil
}

// WithAttrs implements slog.Handler.
func (h logHandler) WithAttrs([]slog.Attr) slog.Handler { return h }

// WithGroup implements slog.Handler.
func (h logHandler) WithGroup(string) slog.Handler { return h }

// Run makes up the history of a seed and runs it.
func Run(seed uint64, o Options) Result {
	o = o.withDefaults()
	return runPlan(draw(seed, o), o)
}

// runPlan runs a history.
func runPlan(p *plan, o Options) (res Result) {
	w := newWorld(p, o)
	defer func() {
		if x := recover(); x != nil {
			res.Err = fmt.Errorf("%v: panic: %v\n%s", w.now, x, debug.Stack())
		}
	}()
	for _, s := range p.steps {
		if w.do(s); w.err != nil {
			break
		}
	}
	healed := w.now
	if w.err == nil {
		w.settle()
	}
	return w.result(healed)
}

// result sums a history up.
func (w *world) result(healed time.Duration) Result {
	for _, n := range w.nodes {
		if n == nil || n.core == nil {
			continue
		}
		w.countEvicted(n)
		for _, s := range n.core.Shards() {
			w.counts.Engines = w.counts.Engines.Add(statsOf(s))
			s.Look(func(_ *cachesync.Engine, state *crdt.Partition) { w.trace.Write(stateOf(state)) })
		}
	}
	return Result{Err: w.err, Trace: w.trace.Sum64(), Lasted: w.now, Healed: w.now - healed, Counts: w.counts}
}

func statsOf(s *core.Shard) (out cachesync.Stats) {
	s.Do(func(e *cachesync.Engine) { out = e.Stats() })
	return out
}

// noteCall writes a line about a command to the log.
func (w *world) noteCall(c *call, format string, args ...any) {
	if w.log != nil {
		w.note(nil, "%v in %s: %s", c.cmd.Args, c.step.region, fmt.Sprintf(format, args...))
	}
}

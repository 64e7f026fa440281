package simtest

import (
	"bytes"
	"fmt"
	"hash"
	"hash/crc64"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// partition is the one that all engines hold.
const partition region.Partition = 7

// world is one history while it runs.
type world struct {
	plan
	pcg         *rand.PCG // seeded anew for each message, so that histories with fewer steps stay similar
	rand        *rand.Rand
	now         time.Duration // since the epoch
	events      events
	seq         int
	links       [][]link // by sender and receiver
	replicas    []*replica
	slots       map[crdt.ReplicaID]int // where the living are
	dead        []crdt.ReplicaID
	members     []member // whom the others know of
	lives       int
	shown       int64                         // the latest time that a clock of a life that has ended has shown
	retirements []*crdt.Delta                 // every one that was ever made
	forgotten   []forgotten                   // all that was ever forgotten anywhere
	history     []write                       // every accepted write, in an order in which causes come first
	largest     int                           // the size of the largest delta that was written or sent
	stamps      map[crdt.ReplicaID][]crdt.HLC // of every life's writes
	stages      []stage                       // all that let fills be made
	counts      Counts
	trace       hash.Hash64
	log         io.Writer
	err         error
}

// replica is one place at which an engine lives, one life after another.
type replica struct {
	slot    int
	region  string
	skew    time.Duration
	id      crdt.ReplicaID
	engine  *cachesync.Engine
	part    *crdt.Partition
	clock   time.Time   // the latest that its engine was given
	seen    crdt.Vector // what it had applied when it was last looked at
	asked   request
	heads   int // announcements made
	paused  map[string]bool
	rebuilt int // times its state was dropped for another's in this life
	serves  bool
	frozen  bool
	leftOut int // times it had left somebody out in this life
	fills   filler
	forgot  int // how many times it had forgotten something in this life
}

// member is a life that the others know of from a time on, until they know that
// it has ended.
type member struct {
	id    crdt.ReplicaID
	known time.Duration
}

// writer returns the ID under which the replica writes.
func (r *replica) writer() crdt.ReplicaID { return r.engine.Writer() }

// time returns the replica's wall clock, which never goes back.
func (r *replica) time(w *world) time.Time {
	if now := epoch.Add(w.now + r.skew); now.After(r.clock) {
		r.clock = now
	}
	return r.clock
}

var crcTable = crc64.MakeTable(crc64.ECMA)

func newWorld(p *plan, o Options) *world {
	w := &world{
		plan:  *p,
		pcg:   rand.NewPCG(p.seed, 0),
		slots: map[crdt.ReplicaID]int{}, stamps: map[crdt.ReplicaID][]crdt.HLC{},
		trace: crc64.New(crcTable), log: o.Log,
	}
	w.rand = rand.New(w.pcg)
	for slot, name := range p.regions {
		r := &replica{slot: slot, region: name, skew: p.skews[slot], paused: map[string]bool{}}
		w.replicas = append(w.replicas, r)
		w.links = append(w.links, make([]link, len(p.regions)))
		w.live(r)
		w.schedule(event{at: time.Duration(slot) * p.beat / time.Duration(len(p.regions)), slot: slot})
	}
	return w
}

// live begins a new life at a replica, with an empty memory.
func (w *world) live(r *replica) {
	w.lives++
	// The order of the IDs says nothing about the order of the lives.
	r.id = crdt.ReplicaID((uint64(w.lives)*7919%1000 + 1) * crdt.Lives)
	r.part = &crdt.Partition{}
	r.engine = cachesync.NewEngine(w.cfg, cachesync.Identity{Replica: r.id, Region: r.region, Partition: partition}, store{r.part, w, r})
	r.fills = filler{tokens: r.fills.tokens}
	r.seen, r.asked, r.rebuilt, r.forgot, r.leftOut, r.serves, r.frozen = nil, request{}, 0, 0, 0, false, false
	known := w.now
	if w.lives > len(w.regions) {
		known += w.net.knownAfter
	}
	w.members = append(w.members, member{r.id, known})
	for name := range r.paused {
		r.engine.Pause(name)
	}
	w.slots[r.id] = r.slot
	r.serves = w.lives <= len(w.regions)
}

// do runs one step.
func (w *world) do(s step) {
	w.pass(s.after)
	if w.err != nil {
		return
	}
	r := w.replicas[s.at]
	if r.frozen && s.action != doThaw && s.action != doCut && s.action != doMend && s.action != doCrash && s.action != doSkew {
		return
	}
	if w.log != nil {
		fmt.Fprintf(w.log, "%8v %v\n", w.now, s)
	}
	switch s.action {
	case doWrite:
		if w.serves(r) {
			w.write(r, s)
		}
	case doFlush:
		w.flush(r)
	case doCut, doMend:
		w.links[s.at][s.other].cut = s.action == doCut && s.at != s.other
	case doPause:
		w.pause(r, w.replicas[s.other].region)
	case doResume:
		w.resume(r, w.replicas[s.other].region)
	case doCrash:
		w.crash(r)
	case doSkew:
		w.counts.Skews++
		r.skew = w.skews[s.at] + s.by
	case doAbsurd:
		w.absurd(r, s.other)
	case doAudit:
		w.audit(r)
	case doFreeze:
		w.freeze(r)
	case doThaw:
		w.thaw(r)
	case doEvict:
		w.evict(r, s.command.Key)
	case doWant:
		w.want(r, w.replicas[s.other])
	case doMiss, doFill:
		if w.serves(r) {
			w.load(r, s)
		}
	}
}

// serves reports whether a replica takes commands: one that begins a new life does
// when the others know of it, and it has heard of all and has what they have
// announced. The first lives all begin together.
func (w *world) serves(r *replica) bool {
	if r.serves {
		return true
	}
	peers := r.engine.Peers()
	r.serves = !r.engine.Behind() && !slices.ContainsFunc(w.members, func(m member) bool {
		heard := slices.ContainsFunc(peers, func(p cachesync.Peer) bool { return p.Replica == m.id })
		return w.now < m.known || m.id != r.id && !heard && !slices.Contains(w.dead, m.id)
	})
	if !r.serves {
		w.counts.Unready++
	}
	return r.serves
}

func (w *world) pause(r *replica, name string) {
	w.counts.Pauses++
	r.paused[name], r.asked = true, request{}
	r.engine.Pause(name)
}

func (w *world) resume(r *replica, name string) {
	delete(r.paused, name)
	r.engine.Resume(name)
}

// crash ends a life. What nobody else had is lost.
func (w *world) crash(r *replica) {
	var saved uint64
	for _, o := range w.replicas {
		if o != r {
			saved = max(saved, w.seenBy(o).Get(r.writer()))
		}
	}
	w.counts.Crashes++
	w.counts.Died += int(w.issued(r.writer()) - saved)
	w.counts.Engines = w.counts.Engines.Add(r.engine.Stats())
	w.shown = max(w.shown, r.clock.UnixMilli())
	delete(w.slots, r.id)
	w.dead = append(w.dead, r.id)
	w.live(r)
	if w.net.forgetsTheDead {
		w.forget()
	}
}

// forget tells every replica who is gone.
func (w *world) forget() {
	w.members = slices.DeleteFunc(w.members, func(m member) bool { return slices.Contains(w.dead, m.id) })
	for _, r := range w.replicas {
		for _, id := range w.dead {
			r.engine.Forget(id)
			if r.asked.to == id {
				r.asked = request{}
			}
		}
	}
}

// beat gives a replica the time, as its runner does.
func (w *world) beat(r *replica) {
	w.schedule(event{at: w.now + w.plan.beat, slot: r.slot})
	if r.frozen {
		return
	}
	if m := r.engine.Heads(r.time(w)); m != nil {
		r.heads++
		w.broadcast(r, m)
	}
	r.engine.Living(r.time(w), w.holders(r))
	w.sweep(r)
	w.noteRetirements(r)
	w.look(r)
	w.tick(r)
}

// holders returns the lives that a replica knows of.
func (w *world) holders(r *replica) (out []crdt.ReplicaID) {
	for _, m := range w.members {
		if m.id == r.id || w.now >= m.known {
			out = append(out, m.id)
		}
	}
	return out
}

func (w *world) tick(r *replica) {
	m, to := r.engine.Tick(r.time(w))
	w.look(r)
	if m != nil {
		w.ask(r, m, to)
	}
}

// flush broadcasts all that is queued.
func (w *world) flush(r *replica) {
	for m := r.engine.Next(); m != nil; m = r.engine.Next() {
		w.fits(r, m)
		w.broadcast(r, m)
	}
}

// broken notes the first promise that was broken.
func (w *world) broken(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("%v: %w", w.now, fmt.Errorf(format, args...))
	}
}

// Run makes up the history of a seed and runs it.
func Run(seed uint64, o Options) Result {
	o = o.withDefaults()
	return run(draw(seed, o), o)
}

func run(p *plan, o Options) (res Result) {
	w := newWorld(p, o)
	defer func() {
		if x := recover(); x != nil {
			res.Err = fmt.Errorf("%v: panic: %v", w.now, x)
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
	for _, r := range w.replicas {
		w.counts.Engines = w.counts.Engines.Add(r.engine.Stats())
		w.trace.Write(r.state(w.wall()))
	}
	w.counts.Barred = w.barred()
	return Result{Err: w.err, Trace: w.trace.Sum64(), Healed: w.now - healed, Counts: w.counts}
}

// state returns the form of a replica's live state that is the same wherever the
// state is the same.
func (r *replica) state(nowMillis int64) []byte { return state(r.part, nowMillis, nil) }

// state is that of a partition, without some keys.
func state(p *crdt.Partition, nowMillis int64, without map[string]bool) []byte {
	var b bytes.Buffer
	for _, k := range p.Keys() {
		if without[k] {
			continue
		}
		b.Write(p.Entry(k).AppendLive(nil, k, nowMillis))
	}
	return b.Bytes()
}

// latest returns the latest time that any clock has shown, in milliseconds since
// the Unix epoch: what expires by then may have been forgotten.
func (w *world) latest() int64 {
	at := w.wall()
	for _, r := range w.replicas {
		at = max(at, r.clock.UnixMilli())
	}
	return max(at, w.shown)
}

// wall returns the true wall time in milliseconds since the Unix epoch.
func (w *world) wall() int64 { return epoch.Add(w.now).UnixMilli() }

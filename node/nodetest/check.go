package nodetest

import (
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/crdttest"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/wire"
	cachesync "github.com/atollcache/atoll/sync"
)

// afterAll is a wall time at which everything that ever expires has.
var afterAll = epoch.Add(10000 * time.Hour).UnixMilli()

// audit compares all that a node shows of a partition with what the specification
// makes of the writes that its vector covers, now by the clock that is ahead of all
// others, and when everything has expired.
func (w *world) audit(n *node, p partition) {
	s := n.core.Shard(p)
	if s == nil || w.err != nil || w.light || n.saver != nil && isUnread(s) {
		return
	}
	w.counts.Audits++
	var state *crdt.Partition
	s.Look(func(_ *cachesync.Engine, p *crdt.Partition) { state = p })
	for _, at := range []int64{w.latest(), afterAll} {
		w.auditAt(n, p, state, at)
	}
	if w.err != nil {
		w.note(n, "copies: %s", w.holders(p))
	}
}

func (w *world) auditAt(n *node, p partition, state *crdt.Partition, at int64) {
	h := w.parts[p]
	for _, key := range w.keysOf(p) {
		ops := h.covered(h.full(state.Vector()), key)
		if e := state.Entry(key); state.Err() != nil {
			return // Nothing of it shows.
		} else if e.IsEvicted() {
			w.checkGhost(n, p, key, ops, e, at)
		} else if !w.isRight(p, ops, e, at) {
			w.broken("%s, partition %d at %v: %s is %+v, specified is %+v", w.places[n.at].name, p, state.Vector(), key,
				read(state.Entry(key).View(at)), crdttest.Spec(ops, at))
			return
		}
	}
	for _, key := range state.Keys() {
		if h.byKey[key] == nil {
			w.broken("%s, partition %d: has %q, which was never written", w.places[n.at].name, p, key)
		}
	}
}

// keysOf returns the keys that were ever written in a partition, in the order in
// which they first were.
func (w *world) keysOf(p partition) (keys []string) {
	seen := map[string]bool{}
	for _, o := range w.parts[p].writes {
		if key := o.delta.Key; !seen[key] {
			seen[key] = true
			keys = append(keys, key)
		}
	}
	return keys
}

// run is one of several executions under one request ID.
type run struct {
	dot crdt.Dot
	p   partition
}

// checkRequest checks that no command with a request ID runs twice, unless nodes
// could not reach each other; and never at a node that knows of the first time: that
// has received, as a delta, what it wrote.
func (w *world) checkRequest(n *node, p partition, request uint64, dot crdt.Dot) {
	if request == 0 {
		return
	}
	for _, o := range w.requests[request] {
		if first := w.parts[p].byDot[o.dot]; o.p != p || first != nil && first.died && !n.held[p].seen.Covers(o.dot) {
			continue
		}
		w.counts.Twice++
		if w.cfg.Sync.Requests >= 1024 && !w.isSevered() {
			w.broken("%s runs request %d again as %v although all nodes live and can reach each other; it was %v", w.places[n.at].name, request, dot, o.dot)
		}
		if w.cfg.Sync.Requests < 1024 || !n.held[p].seen.Covers(o.dot) {
			continue
		}
		var s cachesync.Stats
		n.core.Do(p, func(e *cachesync.Engine) { s = e.Stats() })
		if s.Snapshots == 0 && s.Rebuilt == 0 && !n.held[p].warm {
			w.broken("%s runs request %d again as %v although it has %v", w.places[n.at].name, request, dot, o.dot)
		}
	}
	w.requests[request] = append(w.requests[request], run{dot, p})
}

// isSevered reports whether what one node asked of another may have had no answer,
// other than that the other was slow or stood still.
func (w *world) isSevered() bool {
	return w.counts.Cuts+w.counts.Crashes+w.counts.Outlived > 0 || w.net.hang > 0
}

// acknowledged notes the reply to a write, and that a key which nobody removes is
// there.
func (w *world) acknowledged(c *call, r wire.Reply) {
	key := c.cmd.Key()
	if o := w.parts[w.cfg.Partitions.Of(key)].byDot[r.Wrote]; o != nil && o.acked == 0 {
		o.acked, o.region = w.now, c.step.region
	}
	if r.Wrote.IsZero() || !slices.Contains(pinnedKeys, key) {
		return
	}
	if _, ok := w.present[key]; !ok {
		w.present[key] = w.now
	}
}

// checkFence checks that a command about to run has all before it that clients in
// its region had been told of when it came here, unless somebody who was to be
// asked for it has not answered. A read at a holder that is merely near may be a
// moment behind.
func (n *node) checkFence(f *fenced) {
	w, p, name := n.w, f.Partition, n.w.places[n.at]
	if !w.gentle || f.late || f.Spec.Write && !f.Unsafe || f.Hops == 0 && w.ownerOf(n, p) != name.name {
		return
	}
	for _, o := range w.parts[p].writes {
		if o.acked > 0 && o.acked <= f.came && o.region == name.region && !o.died && !n.held[p].seen.Covers(o.delta.Dot) {
			w.broken("%s runs %v, which came at %v, without %v to %s, acknowledged at %v", name.name, f.Args, f.came,
				o.delta.Dot, o.delta.Key, o.acked)
			return
		}
	}
}

// checkPresent checks that what is there for longer than it takes to get anywhere,
// and was never removed, is not missed while nothing is broken.
func (w *world) checkPresent(c *call, r wire.Reply) {
	since, ok := w.present[c.cmd.Key()]
	if missed, lost := w.missed[c.cmd.Key()]; lost && missed >= c.began {
		return
	}
	if !w.gentle || !ok || c.warm || c.began-since < time.Second || r.Type == wire.TypeError {
		return
	}
	if r.Type == wire.TypeNil || r.Type == wire.TypeList && len(r.List) == 0 {
		w.broken("%v in %s misses what is there since %v", c.cmd.Args, c.step.region, since)
	}
}

// mustAnswer says why somebody should have answered a command, nothing when there
// is an excuse.
func (w *world) mustAnswer(c *call, r wire.Reply) string {
	ready := false
	for at, n := range w.nodes {
		ready = ready || n != nil && w.places[at].region == c.step.region && n.state == core.Ready && !n.frozen && n.readyAt <= c.began
	}
	after := w.parts[w.cfg.Partitions.Of(c.cmd.Key())].byDot[c.cmd.After]
	switch {
	case !ready, after != nil && after.died, w.refuses(c.step.region), w.hasNoRoom(c, r):
		return ""
	case w.gentle:
		return "nothing is broken"
	case r.Err.Code == command.ErrReplyLost.Code && r.Err.Text == command.ErrReplyLost.Text && len(w.requests[c.cmd.Request]) > 0:
		return "" // It has run, and been answered so: no node can say more, however often it is asked.
	case w.net.hang > 0 || w.net.loss > 2 || w.now < w.disturbed[c.step.region]+w.calm():
		return ""
	case r.Err.Code == wire.CodeTimeout && after != nil && w.troubledSince(c.began):
		return "" // What its session refers to may be elsewhere.
	}
	return "a node of the region is ready and nothing has happened there for long"
}

// disturb notes that something happens in a region that its members have to settle
// after.
func (w *world) disturb(region string) {
	w.disturbed[region] = max(w.disturbed[region], w.now)
}

// disturbFor is disturb for what lasts.
func (w *world) disturbFor(region string, lasts time.Duration) {
	w.disturbed[region] = max(w.disturbed[region], w.now+lasts)
	w.trouble(lasts)
}

// latest returns the latest time that any clock has shown, in milliseconds since
// the Unix epoch: what has expired by then may have been forgotten.
func (w *world) latest() int64 {
	at := epoch
	if w.shown.After(at) {
		at = w.shown
	}
	for i := range w.clocks {
		if t := w.clocks[i].last; t.After(at) {
			at = t
		}
	}
	return at.UnixMilli()
}

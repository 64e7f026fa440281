package nodetest

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// settle ends all faults, waits until nothing more happens and checks what must
// hold then.
func (w *world) settle() {
	w.heal()
	// What has been written expires, and what is on its way comes.
	w.pass(2*time.Second + w.cfg.Sync.MaxSkew)
	if w.memory != nil {
		w.relax()
	}
	w.becomeEqual("without faults")
	w.readAll()
	if w.fills {
		w.fillAll()
	}
	w.blackout()
	w.hurt()
	w.becomeEqual("after damage")
	w.stayQuiet()
	w.checkRefusals()
}

// heal ends all faults.
func (w *world) heal() {
	w.note(nil, "everything heals")
	w.settling = true
	w.net = weather{least: w.net.least, spread: w.net.spread, far: w.net.far}
	for i := range w.places {
		w.clocks[i].skew = w.places[i].skew
		for j := range w.places {
			w.links[i][j].cut = 0
		}
	}
	w.healDisks()
	anybody := w.starting > 0 && w.disks != nil
	for _, n := range w.nodes {
		if n != nil {
			n.slowUntil = 0
			w.thaw(n)
			anybody = anybody || !n.closing
		}
	}
	if !anybody {
		w.startAfter(w.patience/4, 0)
	}
}

// becomeEqual waits until the cluster is equal and quiet, and compares everything.
func (w *world) becomeEqual(when string) {
	deadline := w.now + w.patience
	for why := w.unfinished(); why != "" && w.err == nil; why = w.unfinished() {
		if w.now > deadline {
			w.broken("after %v %s, %s", w.patience, when, why)
			return
		}
		w.resumeAll() // Who was cut off may tell of a pause now.
		w.pass(5 * w.beat)
	}
	for p := range w.parts {
		w.compare(partition(p))
	}
}

// unfinished says what is left to do, nothing when nothing is.
func (w *world) unfinished() string {
	if w.open > 0 {
		return fmt.Sprintf("%d commands wait for their reply", w.open)
	}
	if w.starting > 0 {
		return fmt.Sprintf("%d nodes are going to be started", w.starting)
	}
	anybody := false
	for at, n := range w.nodes {
		if n == nil {
			continue
		}
		anybody = true
		if n.state != core.Ready {
			return fmt.Sprintf("%s is %v", w.places[at].name, n.state)
		}
		if why := w.wrongView(n); why != "" {
			return why
		}
		if why := w.unsavedDisk(n); why != "" {
			return why
		}
	}
	if !anybody {
		return "nobody is there"
	}
	for p := range w.parts {
		if why := w.unequal(partition(p)); why != "" {
			return why
		}
	}
	return ""
}

// wrongView says what a node's member list says wrongly.
func (w *world) wrongView(n *node) string {
	members := n.core.Place().Members()
	living := 0
	for at, o := range w.nodes {
		if o == nil {
			continue
		}
		living++
		if !slices.ContainsFunc(members, func(m region.Member) bool {
			return m.Replica == o.id && m.State == region.StateReady && m.Name == w.places[at].name
		}) {
			return fmt.Sprintf("%s does not know that %s is ready", w.places[n.at].name, w.places[at].name)
		}
	}
	if len(members) != living {
		return fmt.Sprintf("%s knows %d members of %d: %v", w.places[n.at].name, len(members), living, members)
	}
	return ""
}

// unequal says what is left to do about a partition.
func (w *world) unequal(p partition) string {
	var first *node
	for at, n := range w.nodes {
		if n == nil {
			continue
		}
		name := w.places[at].name
		ring := n.core.Place().Serving(w.places[at].region)
		s := n.core.Shard(p)
		if ring.Holds(name, p) != (s != nil) {
			return fmt.Sprintf("%s holds partition %d: %v%s", name, p, s != nil, w.holders(p))
		}
		if s == nil {
			continue
		}
		if first == nil {
			first = n
		}
		if why := unsettled(s, n.now().UnixMilli()); why != "" {
			return fmt.Sprintf("%s, partition %d: %s%s", name, p, why, w.holders(p))
		}
		if why := w.unretired(n, p); why != "" {
			return fmt.Sprintf("%s, partition %d: %s%s", name, p, why, w.holders(p))
		}
		if !n.held[p].seen.Equal(first.held[p].seen) {
			return fmt.Sprintf("partition %d: %s has %v, %s %v", p, w.places[first.at].name, first.held[p].seen, name, n.held[p].seen)
		}
		if key := ""; w.isLimited() {
			if key = w.sameDigests(p, first, n); key != "" {
				return fmt.Sprintf("partition %d: %s and %s differ in %s", p, w.places[first.at].name, name, key)
			}
		} else if !sameState(s, first.core.Shard(p)) {
			return fmt.Sprintf("partition %d differs between %s and %s at %v", p, w.places[first.at].name, name, n.held[p].seen)
		}
	}
	return ""
}

// unsettled says what an engine still has to do.
func unsettled(s *core.Shard, now int64) (why string) {
	s.Look(func(e *cachesync.Engine, state *crdt.Partition) {
		stats, mortal := e.Stats(), false
		state.Each(func(_ string, o *crdt.Entry) bool {
			v := o.View(now)
			mortal = mortal || !v.Exists() && !v.IsEvicted() || v.ExpireAt() != crdt.Never
			return true
		})
		switch {
		case mortal:
			why = "something is going to expire"
		case stats.HoldBytes > 0:
			why = "deltas are held back"
		case e.Behind():
			why = "it thinks that it is behind"
		case stats.QueueBytes > 0:
			why = "something is queued"
		case state.Waiting().Keys > 0:
			why = fmt.Sprintf("%+v waits to be forgotten: %+v", state.Waiting(), e.Backlog())
		}
	})
	return why
}

// sameState reports whether two shards keep the same, to the byte.
func sameState(a, b *core.Shard) bool {
	return bytes.Equal(stateOf(stateIn(a)), stateOf(stateIn(b)))
}

func stateIn(s *core.Shard) (out *crdt.Partition) {
	s.Look(func(_ *cachesync.Engine, state *crdt.Partition) { out = state })
	return out
}

// stateOf returns the bytes of all that a partition keeps.
func stateOf(p *crdt.Partition) (out []byte) {
	for _, k := range p.Keys() {
		out = append(out, k...)
		out = append(out, crdt.AppendEntry(nil, p.Entry(k))...)
	}
	return out
}

// compare checks all holders of a partition against what was written.
func (w *world) compare(p partition) {
	var have crdt.Vector
	for _, n := range w.nodes {
		if n == nil || !n.held[p].on || w.err != nil {
			continue
		}
		have = n.held[p].seen
		w.audit(n, p)
		if !w.isLimited() {
			w.checkPlain(n, p)
		}
		w.compareDisk(n, p)
	}
	for _, o := range w.parts[p].writes {
		if !o.died && !have.Covers(o.delta.Dot) {
			w.broken("partition %d: all holders have %v, and %v to %s at %v is lost", p, have, o.delta.Dot, o.delta.Key, o.at)
			return
		}
	}
}

// checkPlain checks that a holder keeps nothing but what it shows, and accounts
// for no byte more.
func (w *world) checkPlain(n *node, p partition) {
	now := n.now().UnixMilli()
	n.core.Shard(p).Look(func(_ *cachesync.Engine, state *crdt.Partition) {
		for _, k := range state.Keys() {
			if why := notPlain(state.Entry(k), now); why != "" {
				w.broken("%s, partition %d: of %s it keeps %s", w.places[n.at].name, p, k, why)
			}
		}
		s := state.Snapshot()
		s.Horizon = crdt.Horizon{}
		var fresh crdt.Partition
		fresh.Adopt(s)
		if _, have := state.Kept(); have != fresh.Bytes() {
			w.broken("%s, partition %d accounts for %d bytes, a fresh one with the same for %d", w.places[n.at].name, p, have, fresh.Bytes())
		}
	})
}

// notPlain says what an entry keeps beside what it shows.
func notPlain(e *crdt.Entry, now int64) string {
	v := e.View(now)
	if !v.Exists() {
		return "something although nothing shows"
	}
	if e.Cut() != 0 || len(e.Expiries()) > 1 {
		return "a time cut or expiries"
	}
	if len(e.Bars()) > 0 {
		return "what bars fills"
	}
	for name, c := range e.Cells() {
		if name.Kind != v.Kind() {
			return "another kind"
		}
		if len(c.Writes()) > 1 {
			return "losing writes"
		}
		for _, s := range c.Contributions() {
			if s.RemovedN >= s.N {
				return "a removed contribution"
			}
		}
	}
	return ""
}

// readAll reads every key in every region as clients do.
func (w *world) readAll() {
	var regions []string
	for _, x := range w.places {
		if !slices.Contains(regions, x.region) && w.isInhabited(x.region) {
			regions = append(regions, x.region)
		}
	}
	for _, name := range regions {
		for p := range w.parts {
			for i, key := range w.keysOf(partition(p)) {
				s := clientStep{region: name, way: way(i % int(numWays))}
				c := &call{w: w, step: s, nth: i, cmd: wire.Command{Args: []string{"TYPE", key}}}
				c.start()
			}
		}
	}
	for deadline := w.now + 2*w.waits.call; w.open > 0 && w.now < deadline && w.err == nil; {
		w.pass(w.beat)
	}
	if w.open > 0 {
		w.broken("%d reads are not answered although everything is healed", w.open)
	}
}

// isInhabited reports whether somebody lives in a region.
func (w *world) isInhabited(name string) bool {
	return slices.ContainsFunc(w.nodes, func(n *node) bool { return n != nil && w.places[n.at].region == name })
}

// hurt has some holder lose keys behind the system's back.
func (w *world) hurt() {
	for p := range w.parts {
		var holders []*node
		for _, n := range w.nodes {
			if n != nil && n.held[p].on {
				holders = append(holders, n)
			}
		}
		if len(holders) < 2 || w.err != nil {
			continue
		}
		w.pcg.Seed(w.seed, uint64(p)|1<<62)
		n := holders[w.rand.IntN(len(holders))]
		n.core.Shard(partition(p)).Look(func(_ *cachesync.Engine, state *crdt.Partition) {
			for _, key := range state.Keys() {
				if w.rand.IntN(3) == 0 {
					w.note(n, "loses %q", key)
					w.counts.Damaged++
					state.Lose(key)
				}
			}
		})
	}
}

// stayQuiet checks that nothing is asked for any more and nothing changes.
func (w *world) stayQuiet() {
	if w.err != nil {
		return
	}
	w.pass(w.cfg.Sync.AnnounceEvery) // what was announced before is heard
	before := w.pulls()
	for _, n := range w.nodes {
		for p := range n.holds() {
			n.held[p].heads = 0
		}
	}
	w.pass(3 * w.cfg.Sync.AnnounceEvery)
	if why := w.unfinished(); why != "" {
		w.broken("all was equal and is not any more: %s", why)
	}
	if after := w.pulls(); after > before {
		w.broken("%d pulls although everything is equal", after-before)
	}
	for _, n := range w.nodes {
		for p := range n.holds() {
			if heads := n.held[p].heads; heads > 4 {
				w.broken("%s announced partition %d %d times in 3 beats although everything is equal", w.places[n.at].name, p, heads)
			}
		}
	}
}

func (w *world) pulls() (sum int) {
	for _, n := range w.nodes {
		if n != nil {
			for _, s := range n.core.Shards() {
				sum += statsOf(s).Pulls
			}
		}
	}
	return sum
}

// holders describes all copies of a partition.
func (w *world) holders(p partition) (s string) {
	for at, n := range w.nodes {
		if n == nil || n.core.Shard(p) == nil {
			continue
		}
		n.core.Do(p, func(e *cachesync.Engine) {
			s += fmt.Sprintf("\n  %s has %v, knows %+v, waits for %+v, %+v", w.places[at].name, e.Vector(), e.Peers(), e.Backlog(), e.Stats())
		})
	}
	return s
}

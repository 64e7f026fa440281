package nodetest

import (
	"slices"
	"strings"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/crdttest"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/evict"
	"github.com/atollcache/atoll/node/wire"
	cachesync "github.com/atollcache/atoll/sync"
)

// readNothing is what a key shows that is nowhere.
var readNothing = crdttest.Value{ExpireAt: crdt.Never}

// entryOf returns what a node keeps of a key, nil for nothing.
func (n *node) entryOf(p partition, key string) (out *crdt.Entry) {
	if s := n.core.Shard(p); s != nil {
		s.Look(func(_ *cachesync.Engine, state *crdt.Partition) { out = state.Peek(key) })
	}
	return out
}

// hasWhole reports whether a node has a key, not only what is left of an evicted one.
func (n *node) hasWhole(p partition, key string) bool {
	e := n.entryOf(p, key)
	return e != nil && !e.IsEvicted()
}

// whoHas returns, of each of some keys, the nodes that have it whole, and can be asked.
func (n *node) whoHas(p partition, keys []string) map[string][]*node {
	out := map[string][]*node{}
	for _, o := range n.w.nodes {
		for _, key := range keys {
			if o != nil && o != n && o.core != nil && o.state == core.Ready && o.readyAt+time.Second < n.w.now && o.held[p].ready && o.hasWhole(p, key) {
				out[key] = append(out[key], o)
			}
		}
	}
	return out
}

// checkNowhere checks that of the keys that a node has asked for in vain nobody has had
// one all the time whom it could have asked, where nothing is broken.
func (n *node) checkNowhere(p partition, keys []string, witness map[string][]*node) {
	w := n.w
	s := n.core.Shard(p)
	if s == nil {
		return
	}
	near, far := s.Holders(w.places[n.at].region)
	for _, key := range keys {
		w.counts.Nowhere++
		if !w.gentle {
			continue
		}
		mine := w.parts[p].covered(n.held[p].seen, key)
		for _, o := range witness[key] {
			if o.ended || !o.hasWhole(p, key) || !slices.Contains(near, o.id) && !slices.Contains(far, o.id) {
				continue
			}
			if theirs := w.parts[p].covered(o.held[p].seen, key); len(mine) == len(theirs) && w.isQuietSince(p, key, w.now-time.Second) {
				w.broken("%s, partition %d: %s is evicted, and nobody is said to have it, and %s has", w.places[n.at].name, p, key, w.places[o.at].name)
			}
		}
	}
}

// isQuietSince reports whether nothing has been written to a key since a time.
func (w *world) isQuietSince(p partition, key string, at time.Duration) bool {
	os := w.parts[p].byKey[key]
	return len(os) == 0 || os[len(os)-1].at < at
}

// lose notes that a key which was to be had nowhere begins anew, or is not found: who
// looks for it may miss it. What blurs it is counters of which somebody may have more than
// is known where it begins anew.
func (w *world) lose(p partition, key string, blurs bool) {
	w.missed[key] = w.now
	if blurs {
		w.counts.Blurred++
		w.parts[p].blurred[key] = true
	}
	if strings.HasPrefix(key, "own") {
		for _, o := range w.sessions {
			o.acked = "" // Whose key it is does not matter: a session knows only its own.
		}
	}
}

// blurs reports whether a key has counters and somebody may have them who is not known
// here: sums that go on where they are count whole when the key has begun anew elsewhere. Only
// who has the key whole counts, in memory or in anything that a crash may leave of a disk:
// what is left of an evicted key has no sums that could go on.
func (n *node) blurs(p partition, key string) bool {
	w := n.w
	if !slices.ContainsFunc(w.parts[p].byKey[key], func(o *write) bool {
		return slices.ContainsFunc(o.ops, func(x crdttest.Op) bool { return isIncrement(x.Verb) })
	}) {
		return false
	}
	for _, d := range w.drives {
		if d != nil && d.hasWhole(p, key) {
			return true
		}
	}
	return slices.ContainsFunc(w.nodes, func(o *node) bool { return o != nil && o != n && o.core != nil && o.hasWhole(p, key) })
}

func isIncrement(v crdttest.Verb) bool {
	switch v {
	case crdttest.Incr, crdttest.IncrFloat, crdttest.HIncr, crdttest.HIncrFloat, crdttest.ZIncr:
		return true
	}
	return false
}

// checkGhost checks what is left of an evicted key: while it says what the key showed, the
// key shows something by what its vector covers.
func (w *world) checkGhost(n *node, p partition, key string, ops []crdttest.Op, e *crdt.Entry, at int64) {
	if e.Digest(key, at) == 0 || crdttest.Spec(ops, at).Kind != crdt.KindNone || w.isStrained(p, ops) || w.parts[p].blurred[key] {
		return
	}
	w.broken("%s, partition %d: %s is kept as an evicted one, and has been removed", w.places[n.at].name, p, key)
}

// isLimited reports whether nodes may not keep everything at present.
func (w *world) isLimited() bool { return w.memory != nil && !w.relaxed }

// sameDigests says which key two holders would not show alike.
func (w *world) sameDigests(p partition, a, b *node) string {
	for _, key := range w.keysOf(p) {
		at := max(a.now().UnixMilli(), b.now().UnixMilli())
		if a.entryOf(p, key).Digest(key, at) != b.entryOf(p, key).Digest(key, at) {
			return key
		}
	}
	return ""
}

// relax lifts all limits and has everything brought back that was evicted, until nothing
// is: what nobody has is removed. Every holder asks as for a reader.
func (w *world) relax() {
	w.becomeEqual("with limits to memory")
	if w.err != nil {
		return
	}
	w.note(nil, "there is room for everything")
	w.relaxed = true
	for _, n := range w.nodes {
		if n != nil {
			n.memory.LimitEntries(1<<40, core.AllKeys)
		}
	}
	for deadline := w.now + w.patience; w.err == nil; {
		ghosts := w.revive()
		if !ghosts {
			return
		}
		if w.now > deadline {
			w.broken("after %v with room for everything there are evicted keys left", w.patience)
			return
		}
	}
}

// revive has all holders ask for what was evicted, and remove what nobody has; it reports
// whether there is anything.
func (w *world) revive() (any bool) {
	for _, n := range w.nodes {
		for q := range n.holds() {
			p := partition(q)
			keys := n.core.Shard(p).Ghosts(1 << 20)
			slices.Sort(keys)
			any = any || len(keys) > 0
			clear(n.gone)
			n.bringBack(p, keys, func([]string, bool) {})
		}
	}
	w.pass(w.waits.seen)
	for _, n := range w.nodes {
		if n != nil && n.core != nil {
			n.bury()
		}
	}
	w.pass(w.waits.seen)
	return any
}

// countEvicted counts what a life has had no room for.
func (w *world) countEvicted(n *node) {
	if n.memory != nil {
		w.counts.Evicted += int(n.memory.Stats().Evicted)
	}
}

// hasNoRoom reports whether a command was not answered because its key takes so much of
// what nodes of the region may keep that it leaves as soon as it has come back. It is that
// and nothing else that excuses: the reply must say that somebody has the key
// ([core.ErrEvicted]; what nobody has does not exist), and every node of the region that is
// ready must be too small for the largest of the keys. One that is not could have answered,
// since a command that gets this reply is passed on to the next. A node is too small for
// what package evict takes for outsize there, more than an eighth of its limit, which leaves
// before all others; anything else stays at least until one command has run.
func (w *world) hasNoRoom(c *call, r wire.Reply) bool {
	if w.memory == nil || r.Err.Text != core.ErrEvicted.Text {
		return false
	}
	spec, err := command.Find(c.cmd)
	if err != nil {
		return false
	}
	bytes := 0
	for _, key := range spec.KeysOf(c.cmd) {
		for _, n := range w.nodes {
			if n != nil && n.core != nil {
				bytes = max(bytes, n.residentBytes(w.cfg.Partitions.Of(key), key))
			}
		}
	}
	for at, n := range w.nodes {
		if n != nil && n.state == core.Ready && w.places[at].region == c.step.region && w.memory.bytes[at] >= outsizeShare*int64(bytes) {
			return false
		}
	}
	return bytes > 0
}

// residentBytes returns what a key takes of what a node may keep, 0 where it is not whole.
func (n *node) residentBytes(p partition, key string) (bytes int) {
	if s := n.core.Shard(p); s != nil {
		s.Look(func(_ *cachesync.Engine, state *crdt.Partition) {
			if _, b := state.Resident(key); b > 0 {
				bytes = b + evict.PlaceBytes
			}
		})
	}
	return bytes
}

// outsizeShare is of which part of what may be kept an entry must be more to be outsize.
const outsizeShare = 8

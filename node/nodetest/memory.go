package nodetest

import (
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/wire"
	cachesync "github.com/atollcache/atoll/sync"
)

// What package node does about keys that were evicted is here, without goroutines.

const (
	// lostFor is how long a node remembers that nobody has a key.
	lostFor = 200 * ms
	// bringTries is how often a command is tried whose keys are evicted again meanwhile.
	bringTries = 4
	// buryEvery is how often evicted keys that nobody has are removed, where they are, and
	// buryMost of how many one partition at a time.
	buryEvery = time.Second
	buryMost  = 64
)

// goneKey is a key that a node knows to be nowhere.
type goneKey struct {
	p   partition
	key string
}

// newMemory returns what a node at a place may keep in memory, nil for everything.
func (w *world) newMemory(at int) *core.Memory {
	if w.memory == nil || w.relaxed {
		return nil
	}
	m := core.NewMemory()
	m.LimitEntries(w.memory.bytes[at], core.AllKeys)
	return m
}

// bring has what a command needs and was evicted here brought back, and reports whether
// there is something: then the command is run again.
func (r *running) bring(keys []string) bool {
	if len(keys) == 0 {
		return false
	}
	n, p := r.n, r.n.w.cfg.Partitions.Of(r.cmd.Key())
	n.bringBack(p, keys, func(lost []string, over bool) {
		r.lost, r.over = lost, over
		n.await(r.poll)
	})
	return true
}

// needsAll returns the keys that are evicted here and that a command must not find so
// halfway.
func (r *running) needsAll(s *core.Shard) []string {
	spec, err := command.Find(r.cmd)
	if r.whole || err != nil || !s.HasGhosts() {
		return nil
	}
	r.whole = true
	keys := spec.KeysOf(r.cmd)
	if !spec.Together && (len(keys) < 2 || spec.Name == "DEL" || spec.Name == "MSET") {
		return nil
	}
	return s.Evicted(keys)
}

// bringBack asks other holders of a partition for keys that were evicted here, those of
// the region first, and goes on with the keys that nobody has who answered in time; over
// says that somebody has some that have been waited for in vain.
func (n *node) bringBack(p partition, keys []string, done func(lost []string, over bool)) {
	var ask, lost []string
	for _, key := range keys {
		if n.w.now < n.gone[goneKey{p, key}] {
			lost = append(lost, key)
		} else {
			ask = append(ask, key)
		}
	}
	s := n.core.Shard(p)
	if len(ask) == 0 || s == nil {
		done(lost, false)
		return
	}
	witness := n.whoHas(p, ask)
	near, far := s.Holders(n.w.places[n.at].region)
	had, over, until := map[string]bool{}, false, n.w.now+n.w.waits.seen
	// notHad returns those that nobody has, having waited for the others.
	notHad := func(left []string) []string {
		all := len(left)
		left = slices.DeleteFunc(left, func(key string) bool { return had[key] })
		over = over || n.w.now >= until && len(left) < all
		return left
	}
	n.bringFrom(p, near, ask, had, func(left []string) {
		left = notHad(left)
		until = n.w.now + n.w.waits.seen
		n.bringFrom(p, far, left, had, func(left []string) {
			left = notHad(left)
			for _, key := range left {
				n.gone[goneKey{p, key}] = n.w.now + lostFor
			}
			n.checkNowhere(p, left, witness)
			done(append(lost, left...), over)
		})
	})
}

// bringFrom asks some holders for keys, again as long as one has some of them and could not
// give them, and goes on with those that have not come back in time. It adds those that
// anybody has to had.
func (n *node) bringFrom(p partition, holders []crdt.ReplicaID, keys []string, had map[string]bool, done func(left []string)) {
	w := n.w
	until := w.now + w.waits.seen
	left := func() []string {
		if s := n.core.Shard(p); s != nil {
			return s.Evicted(keys)
		}
		return nil
	}
	var round func()
	round = func() {
		keys = left()
		if len(keys) == 0 || len(holders) == 0 || w.now >= until {
			done(keys)
			return
		}
		open, again := len(holders), false
		for _, r := range holders {
			n.want(p, r, keys, false, until-w.now, func(has []string, _ bool) {
				for _, key := range has {
					had[key] = true
				}
				again = again || slices.ContainsFunc(left(), func(key string) bool { return slices.Contains(has, key) })
				if open--; open > 0 {
					return
				}
				if again {
					n.await(n.after(w.beat, round))
					return
				}
				done(left())
			})
		}
	}
	round()
}

// after returns what [node.await] polls to have something done when a time has passed.
func (n *node) after(d time.Duration, do func()) func() bool {
	at := n.w.now + d
	return func() bool {
		if n.w.now < at {
			return false
		}
		do()
		return true
	}
}

// want asks another holder for keys, or which of them it has, and goes on with those that
// it has; false says that there was no answer.
func (n *node) want(p partition, from crdt.ReplicaID, keys []string, only bool, within time.Duration, then func(has []string, ok bool)) {
	var req *cachesync.Message
	n.core.Do(p, func(e *cachesync.Engine) { req = e.Want(keys, only) })
	if req == nil {
		then(nil, false)
		return
	}
	n.w.ask(n, from, within, cachesync.Encode(req), func(answer []byte, ok bool) {
		ms, err := cachesync.Decode(answer)
		if !ok || err != nil || len(ms) != 1 || ms[0].Partition != p || ms[0].From != from || ms[0].Kind != cachesync.KindGiven {
			then(nil, false)
			return
		}
		if !only {
			n.core.Do(p, func(e *cachesync.Engine) { e.Receive(n.now(), ms[0]) })
			n.w.look(n, p)
		}
		then(ms[0].Keys, true)
	})
}

// buryBeat has a node bury now and then.
func (n *node) buryBeat() {
	if n.ended {
		return
	}
	n.w.after(buryEvery, n.buryBeat)
	if !n.frozen && n.state == core.Ready {
		n.bury()
	}
}

// bury has a node remove the evicted keys of its partitions that all other holders say
// they do not have either.
func (n *node) bury() {
	for p := range n.holds() {
		p := partition(p)
		keys := n.core.Shard(p).Ghosts(1 << 20)
		slices.Sort(keys) // They come in no particular order.
		if keys = keys[:min(len(keys), buryMost)]; len(keys) > 0 {
			n.buryIn(p, keys)
		}
	}
}

func (n *node) buryIn(p partition, keys []string) {
	near, far := n.core.Shard(p).Holders(n.w.places[n.at].region)
	ask := append(append(near, far...), n.core.Place().Replicas(p)...)
	slices.Sort(ask)
	ask = slices.DeleteFunc(slices.Compact(ask), func(r crdt.ReplicaID) bool { return r == n.id })
	all, open, had := true, 1, map[string]bool{}
	said := func(has []string, ok bool) {
		all = all && ok
		for _, key := range has {
			had[key] = true
		}
		s := n.core.Shard(p)
		if open--; open > 0 || !all || s == nil {
			return
		}
		for _, key := range keys {
			if !had[key] {
				n.buryKey(s, key)
			}
		}
	}
	for _, r := range ask {
		open++
		n.want(p, r, keys, true, time.Second, said)
	}
	said(nil, true)
}

// buryKey removes a key that nobody has, and notes the write that does.
func (n *node) buryKey(s *core.Shard, key string) {
	blurs := n.blurs(s.ID(), key)
	if !s.Bury(key) {
		return
	}
	w := n.w
	w.counts.Buried++
	cmd := wire.Command{Args: []string{"DEL", key}}
	r := &recorder{n: n, shard: s, cmd: cmd}
	var dot crdt.Dot
	s.Do(func(e *cachesync.Engine) {
		if ds := e.History(key); len(ds) > 0 {
			dot = ds[len(ds)-1].Dot
		}
	})
	w.lose(s.ID(), key, blurs)
	delete(w.present, key)
	r.wrote(key, 0, dot, readNothing, s.Now())
}

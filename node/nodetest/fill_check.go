package nodetest

import (
	"slices"
	"strconv"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/crdttest"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/core"
	cachesync "github.com/atollcache/atoll/sync"
)

// token is what a node has given to who loads a key.
type token struct {
	command.Token
	key   string
	shard *core.Shard
	at    time.Duration // when the key was missing
	since time.Time     // the same by the node's clock
	given time.Time     // when it was given out last, by the node's clock
	saw   crdt.Vector   // what the node had applied by then
	joins int           // states that the node had taken by then, which end all misses
	pulls bool          // it had asked for one
	taken crdt.Dot      // the fill; zero: none was taken
}

// silent is a removal of a key that was not there, and of which no write was made.
type silent struct {
	at  time.Duration
	by  *node
	saw crdt.Vector
}

// fills is what is known of the fills of one partition.
type fills struct {
	tokens map[command.Token]*token
	byKey  map[string][]*token
	silent map[string][]silent
}

func newFills() fills {
	return fills{map[command.Token]*token{}, map[string][]*token{}, map[string][]silent{}}
}

// last returns the token that a copy of a partition has given out last for a key.
func (f *fills) last(s *core.Shard, key string) *token {
	list := f.byKey[key]
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].shard == s {
			return list[i]
		}
	}
	return nil
}

// Miss implements command.Filler.
func (r *recorder) Miss(key string, f func(crdt.View)) (command.Missed, error) {
	w, exists := r.n.w, false
	lost := r.isLost(key)
	if lost {
		w.lose(r.shard.ID(), key, false)
	}
	missed, err := r.target().(command.Filler).Miss(key, func(v crdt.View) {
		if exists = v.Exists(); !lost {
			r.shown = append(r.shown, shown{key, read(v)})
		}
		f(v)
	})
	if err != nil {
		r.shown = nil
		return missed, err
	}
	r.check()
	w.look(r.n, r.shard.ID())
	if !exists {
		r.checkMiss(key, missed)
	}
	return missed, nil
}

// Fill implements command.Filler.
func (r *recorder) Fill(key string, of command.Token, run func(*crdt.Mutator) error) (crdt.Dot, error) {
	h := r.n.w.parts[r.shard.ID()]
	t := h.fills.tokens[of]
	waits := t != nil && t.key == key && t.shard == r.shard && t.taken.IsZero() && r.isUntouched(t, r.n.held[r.shard.ID()].seen) && r.remembers(t)
	dot, err := r.write(key, 0, run, func(run func(*crdt.Mutator) error) (crdt.Dot, error) {
		return r.target().(command.Filler).Fill(key, of, run)
	})
	switch {
	case err != nil:
	case !dot.IsZero():
		r.checkFill(key, of, dot)
	case t != nil && t.Replica != r.n.id:
		r.n.w.counts.Strays++
	case waits:
		r.n.w.broken("%s refuses to fill %s with %v although nothing has happened to it since %v", r.n.w.places[r.n.at].name, key, of, t.at)
	}
	return dot, err
}

// joinsOf returns how many states of others a copy of a partition has taken, or begun with,
// or asked for: one with no news ends all misses as well.
func joinsOf(s *core.Shard) int {
	stats := statsOf(s)
	return stats.Snapshots + stats.Rebuilt + stats.Refused + stats.Pulls
}

// remembers reports whether the copy that has given a token out cannot have forgotten it.
func (r *recorder) remembers(t *token) bool {
	return !t.pulls && statsOf(r.shard).MissesDropped == 0 && joinsOf(r.shard) == t.joins && r.n.now().Sub(t.since) <= r.n.w.cfg.Sync.FillFor
}

// isUntouched reports whether nothing that was seen since a token was given out is about
// its key.
func (r *recorder) isUntouched(t *token, seen crdt.Vector) bool {
	return !slices.ContainsFunc(r.n.w.parts[r.shard.ID()].byKey[t.key], func(o *write) bool {
		return seen.Covers(o.delta.Dot) && !t.saw.Covers(o.delta.Dot)
	})
}

// checkMiss checks what is said of a key that is missing: that one may load it, that
// others wait for that one and no longer than they are to, and that nobody may where not
// everybody is known to bar fills.
func (r *recorder) checkMiss(key string, missed command.Missed) {
	w, p, now := r.n.w, r.shard.ID(), r.n.now()
	f, name := &w.parts[p].fills, w.places[r.n.at].name
	stage, last := stageOf(r.shard), f.last(r.shard, key)
	loads := last != nil && last.taken.IsZero() && r.isUntouched(last, r.n.held[p].seen)
	lead := w.cfg.Sync.FillLead
	given := missed.Token
	switch {
	case given.IsZero() && missed.Wait == 0:
		if stage == crdt.FillsOpen {
			w.broken("%s does not let %s be filled, and fills are open", name, key)
		}
	case stage != crdt.FillsOpen:
		w.broken("%s lets %s be filled, and fills are %v", name, key, stage)
	case given.IsZero():
		if !loads || now.Sub(last.given)+missed.Wait > lead {
			w.broken("%s has who misses %s wait %v for somebody who has %+v", name, key, missed.Wait, last)
		}
	case loads && now.Sub(last.given) < lead && r.remembers(last):
		w.broken("%s lets two load %s within %v: %v has been given out at %v", name, key, lead, last.Token, last.given)
	case given.Replica != r.n.id:
		w.broken("%s gives out the token %v of another", name, given)
	case f.tokens[given] == nil:
		t := &token{Token: given, key: key, shard: r.shard, at: w.now, since: now, given: now, joins: joinsOf(r.shard), pulls: r.n.held[p].pulling, saw: r.n.held[p].seen.Clone()}
		f.tokens[given] = t
		f.byKey[key] = append(f.byKey[key], t)
	case f.tokens[given] != last || !loads:
		w.broken("%s gives %v out again for %s, to which something has happened", name, given, key)
	default:
		last.given = now
	}
}

// checkFill checks that a fill that was taken had a token of its key from its node, and
// that nothing has happened to the key since: whoever loaded it has not seen that.
func (r *recorder) checkFill(key string, of command.Token, dot crdt.Dot) {
	w, p := r.n.w, r.shard.ID()
	h, name := w.parts[p], w.places[r.n.at].name
	t, o := h.fills.tokens[of], h.byDot[dot]
	switch {
	case t == nil || t.key != key || t.shard != r.shard || !t.taken.IsZero():
		w.broken("%s lets %s be filled with %v, which is %+v", name, key, of, t)
		return
	case w.err != nil || o == nil:
		return
	}
	t.taken = dot
	for _, x := range h.byKey[key] {
		seen := o.ops[0].Saw.Covers(x.delta.Dot)
		if x != o && seen && !t.saw.Covers(x.delta.Dot) {
			w.broken("%s lets %s be filled with what was missing at %v, and has %v, which came since", name, key, t.at, x.delta.Dot)
		}
		if x != o && !seen && x.ops[0].Bars {
			w.counts.Barred++
		}
	}
	for _, x := range h.fills.silent[key] {
		r.checkSilent(key, t, x)
	}
}

// checkSilent checks that a removal which had not seen a fill of what was missing before has
// made a write by which the fill finds out.
func (r *recorder) checkSilent(key string, t *token, x silent) {
	w, p := r.n.w, r.shard.ID()
	if o := w.parts[p].byDot[t.taken]; x.at >= t.at && o != nil && !o.died && !x.saw.Covers(t.taken) && !w.isPartStrained(p) {
		w.broken("%s has removed %s at %v without a word, and %v fills what was missing at %v", w.places[x.by.at].name, key, x.at, t.taken, t.at)
	}
}

// removed notes a command that found nothing to write, if it was a removal.
func (r *recorder) removed(key string, now int64) {
	if !r.n.w.fills {
		return
	}
	f, p := &r.n.w.parts[r.shard.ID()].fills, r.shard.ID()
	r.n.w.lookIfReady(r.n, p) // It may have begun to answer a moment ago.
	for _, c := range commands(r.cmd, key, readNothing, now) {
		expires := c.Verb == crdttest.Expire && c.At <= now
		if c.Verb != crdttest.Del && c.Verb != crdttest.Invalidate && !expires {
			continue
		}
		x := silent{r.n.w.now, r.n, r.n.held[p].seen.Clone()}
		f.silent[key] = append(f.silent[key], x)
		for _, t := range f.byKey[key] {
			if r.n.w.isInMemory(p, t.taken) { // Otherwise it is on a disk at most that nobody uses.
				r.checkSilent(key, t, x)
			}
		}
	}
}

// barring says of the operations of a write whether they bar fills: all do but fills, whatever
// the write says. A removal of what is not there is nothing else.
func barring(ops []crdttest.Op, key string, d *crdt.Delta, saw crdt.Vector) []crdttest.Op {
	says := slices.ContainsFunc(d.Effects, func(f crdt.Effect) bool { return f.Op == crdt.EffectBar })
	if says && (len(d.Effects) == 1 || len(ops) == 0) {
		bar := crdttest.Op{Dot: d.Dot, Stamp: d.Stamp, Saw: saw}
		bar.Verb, bar.Key, bar.At = crdttest.BarAll, key, crdt.Never
		ops = []crdttest.Op{bar}
	}
	for i := range ops {
		ops[i].Bars = ops[i].Verb != crdttest.Fill
	}
	return ops
}

// isFillOf reports whether a write is the fill of what a token was given out for.
func isFillOf(o *write, of string) bool {
	t, err := command.ParseToken(of)
	return err == nil && len(o.ops) == 1 && o.ops[0].Verb == crdttest.Fill && o.ops[0].Miss == t.Stamp
}

// stageOf returns how far a copy of a partition has got with fills.
func stageOf(s *core.Shard) (stage crdt.FillStage) {
	s.Look(func(_ *cachesync.Engine, state *crdt.Partition) { stage, _ = state.Fills() })
	return stage
}

// noteStages notes what a node has said since it was last looked at of fills being made.
func (w *world) noteStages(n *node, p partition, e *cachesync.Engine) {
	if !w.fills {
		return
	}
	h := w.parts[p]
	for _, d := range e.Stages() {
		if d.Dot.Replica.Life() != n.id || d.Dot.N <= h.issued[d.Dot.Replica] {
			continue
		}
		h.issued[d.Dot.Replica] = d.Dot.N
		h.byDot[d.Dot] = &write{delta: d, at: w.now}
		w.trace.Write(crdt.AppendDelta(nil, d))
		w.note(n, "partition %d: %v fills: %v", p, d.Dot, d.Effects)
	}
}

// fillAll fills a key of every partition in which anybody wanted to fill something: when
// everything is healed that works.
func (w *world) fillAll() {
	for q, h := range w.parts {
		p := partition(q)
		name := w.takingRegion()
		if len(h.fills.byKey) == 0 || name == "" || w.err != nil {
			continue
		}
		key := w.newKey(p)
		late := func(args ...string) {
			w.command(step{call: clientStep{region: name, count: 1, args: args}})
			w.pass(4 * w.beat)
		}
		taken := func() bool {
			return slices.ContainsFunc(h.fills.byKey[key], func(t *token) bool { return !t.taken.IsZero() })
		}
		for deadline := w.now + w.patience; !taken() && w.now < deadline && w.err == nil; {
			late("MISS", key)
			late("FILL", key, key, "loaded")
		}
		if !taken() {
			w.broken("partition %d: nothing can be filled although everything is healed: %v have been given out", p, h.fills.byKey[key])
		}
	}
	w.becomeEqual("after fills")
}

// takingRegion returns a region that somebody lives in and that takes writes.
func (w *world) takingRegion() string {
	for _, x := range w.places {
		if w.isInhabited(x.region) && !w.refuses(x.region) {
			return x.region
		}
	}
	return ""
}

// newKey returns a key of a partition that nobody has written to.
func (w *world) newKey(p partition) string {
	for i := 0; ; i++ {
		if key := "late" + strconv.Itoa(i); w.cfg.Partitions.Of(key) == p {
			return key
		}
	}
}

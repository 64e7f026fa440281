package crdttest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/atollcache/atoll/crdt"
)

// collect lets r hide what has expired and forget what is stable.
func (w *world) collect(r *replica) ([]string, error) {
	if r.away {
		return nil, nil
	}
	now := w.now(r)
	most := 3*len(w.ops) + 1 // A tier may name keys that it should not.
	expired := r.part.Expire(now, most)
	if at := r.part.NextExpiry(); at <= now {
		return nil, fmt.Errorf("collect: want all seen to that expires by %d, have one at %d", now-epoch, at-epoch)
	}
	before, retired := r.part.Horizon(), len(r.part.Retired())
	c := r.part.Collect(now, func(v crdt.Vector, after crdt.HLC) bool { return w.stable(r, v, after) })
	if err := w.collectPlain(r, now, most, expired, c); err != nil {
		return nil, fmt.Errorf("collect: %w", err)
	}
	if forgot := c.Entries+c.Trimmed > 0 || len(r.part.Retired()) < retired; !forgot && !before.Equal(r.part.Horizon()) {
		return nil, fmt.Errorf("collect: nothing was forgotten, and the horizon went from %v to %v", before, r.part.Horizon())
	}
	if h := r.part.Horizon(); !w.seenBy(r).CoversAll(h.Vector) {
		return nil, fmt.Errorf("collect: horizon %v is beyond the vector %v", h, r.part.Vector())
	}
	r.clock.Observe(r.part.Horizon().Stamp)
	r.forgot = r.part.Horizon().Clone()
	w.horizon = w.horizon.Join(r.forgot)
	return w.keys(), nil
}

// stable says what r's engine would find out by asking everybody: that all
// replicas that are not away have seen v, that their clocks are past a stamp, and
// that nothing that was written before, by stamp or by clock, or without having seen v,
// is still under way to r.
func (w *world) stable(r *replica, v crdt.Vector, after crdt.HLC) bool {
	var known crdt.Vector // all writes that any of them has applied or holds back
	for _, o := range w.replicas {
		if o.away {
			continue
		}
		if !w.durable(o).CoversAll(v) || crdt.StampAt(w.now(o)) <= after {
			return false
		}
		known = known.Join(w.seenBy(o))
		for _, d := range o.held {
			known = known.Advance(d.Dot)
		}
	}
	for _, last := range known {
		for n := w.seenBy(r).Get(last.Replica); n < last.N; n++ {
			if d := w.log[last.Replica][n]; !w.saw(d).CoversAll(v) || d.Stamp <= after || crdt.StampAt(w.made[d.Dot]) <= after {
				return false
			}
		}
	}
	return true
}

// context is what a delta's origin had seen.
func context(d *crdt.Delta) crdt.Vector {
	if d.From == 1 {
		return d.Deps
	}
	return d.Deps.Join(crdt.Vector{{Replica: d.Dot.Replica, N: d.Dot.N - 1}})
}

// reach returns how many writes of an origin are known on r's side: to those who
// are away when it is, to the others when not.
func (w *world) reach(r *replica, origin crdt.ReplicaID) int {
	n := uint64(0)
	for _, o := range w.replicas {
		if o.away == r.away {
			n = max(n, w.seenBy(o).Get(origin))
		}
	}
	return int(n)
}

// leave cuts r off, so that the others do not wait for it. The last one stays.
func (w *world) leave(r *replica) {
	for _, o := range w.replicas {
		if o != r && !o.away {
			r.away = true
			return
		}
	}
}

// comeBack lets r meet the others again. What it has written or seen meanwhile is
// taken by all of them or refused by one, and then it must begin anew; and so it
// must when it has not seen what they have forgotten.
func (w *world) comeBack(r *replica) ([]string, error) {
	if !r.away {
		return nil, nil
	}
	unseen := w.unseen(r)
	refused, err := w.offer(r, unseen)
	if err != nil {
		return nil, err
	}
	behind, err := w.tryStates(r)
	if err != nil {
		return nil, err
	}
	var all crdt.Vector
	for _, o := range w.replicas {
		all = all.Join(w.seenBy(o))
	}
	w.renewAfter(r, all)        // Before it writes anything.
	r.away, r.held = false, nil // What it holds back may never become ready.
	if w.tier != nil {
		w.dropUncaused() // Of a write whose origin has crashed that may have been the last copy.
	}
	// Where its clock is behind, what has been forgotten would expire early.
	w.wall = max(w.wall, w.horizon.Stamp.Millis()+1-r.skew)
	if refused || behind {
		return w.keys(), w.rebuild(r)
	}
	for _, o := range w.replicas {
		if o.away || o == r {
			continue
		}
		o.held = append(o.held, unseen...)
		if _, err := w.drain(o); err != nil {
			return nil, fmt.Errorf("after r%d came back: %w", r.id, err)
		}
	}
	return nil, w.storeAll(r)
}

// unseen returns the deltas that r has applied and those who are not away have
// not, each after its causes.
func (w *world) unseen(r *replica) (out []*crdt.Delta) {
	var seen crdt.Vector
	for _, o := range w.replicas {
		if !o.away {
			seen = seen.Join(w.seenBy(o))
		}
	}
	for more := true; more; {
		more = false
		for _, last := range w.seenBy(r) {
			for n := seen.Get(last.Replica); n < last.N; n++ {
				d := w.log[last.Replica][n]
				if !d.Ready(seen) {
					break
				}
				seen, more = seen.Advance(d.Dot), true
				out = append(out, d)
			}
		}
	}
	return out
}

// offer gives the deltas to copies of all who are not away. Each refuses one
// exactly when its origin has not seen what has been forgotten there. It reports
// whether anybody would, whoever is away now included.
func (w *world) offer(r *replica, ds []*crdt.Delta) (refused bool, err error) {
	for _, o := range w.replicas {
		if o.away {
			continue
		}
		// What a copy lacks of what others have seen, it takes first.
		copied := joined(o.part.Snapshot())
		for _, other := range w.replicas {
			if !other.away {
				if err := copied.Join(other.part.Snapshot()); err != nil {
					return false, fmt.Errorf("r%d joins r%d: %w", o.id, other.id, err)
				}
			}
		}
		h := copied.Horizon()
		for _, d := range ds {
			has := w.full(copied.Vector())
			refused = refused || !w.admitted(d, w.horizon) || !w.saw(d).CoversAll(w.horizon.Vector) || w.refuses(has, d)
			err := copied.Apply(d)
			if want := !w.admitted(d, h) || w.refuses(has, d); want != errors.Is(err, crdt.ErrHorizon) || err != nil && !want {
				return false, fmt.Errorf("%v at r%d, of an origin that had seen %v: want it refused: %t, horizon %v, have %w",
					d.Dot, o.id, context(d), want, h, errOr(err))
			}
			if err != nil {
				break
			}
		}
	}
	return refused, nil
}

// admitted reports whether a delta may be applied where h has been forgotten.
func (w *world) admitted(d *crdt.Delta, h crdt.Horizon) bool {
	if h.IsZero() {
		return true
	}
	ctx := w.saw(d)
	return d.Stamp > h.Stamp && (ctx.CoversAll(h.Vector) || len(ctx.Meet(w.full(h.Vector))) == 0)
}

// tryStates lets r and those who are not away join each other's states, on
// copies, and reports whether r is behind what anybody has forgotten.
func (w *world) tryStates(r *replica) (behind bool, err error) {
	behind = !w.seenBy(r).CoversAll(w.horizon.Vector)
	for _, o := range w.replicas {
		if o.away {
			continue
		}
		there, back := joined(o.part.Snapshot()), joined(r.part.Snapshot())
		b, _, err := w.expectJoin(back, o.part.Snapshot())
		if err != nil {
			return false, fmt.Errorf("r%d joins the state of r%d: %w", r.id, o.id, err)
		}
		if _, _, err := w.expectJoin(there, r.part.Snapshot()); err != nil {
			return false, fmt.Errorf("r%d joins the state of r%d: %w", o.id, r.id, err)
		}
		behind = behind || b
	}
	return behind, nil
}

// expectJoin joins a state and checks that it is refused exactly when a side has
// forgotten what the other has not seen, and that then nothing changes. It reports
// whether it is p that has not, and whether it is the other.
func (w *world) expectJoin(p *crdt.Partition, s *crdt.Snapshot) (behind, old bool, err error) {
	before, own := canonical(p), p.Snapshot()
	behind, old = !w.reaches(own, s), !w.reaches(s, own)
	err = p.Join(s)
	if errors.Is(err, crdt.ErrBehind) != behind || errors.Is(err, crdt.ErrOldNews) != old ||
		errors.Is(err, crdt.ErrHorizon) != (behind || old) || err != nil && !behind && !old {
		return behind, old, fmt.Errorf("want refused as behind %t, as old news %t, have %w", behind, old, errOr(err))
	}
	if err != nil && !slices.Equal(before, canonical(p)) {
		return behind, old, fmt.Errorf("a refused join changed the state: %w", err)
	}
	return behind, old, nil
}

var errNone = errors.New("no error")

func errOr(err error) error {
	if err == nil {
		return errNone
	}
	return err
}

// rebuild gives r the state of one who is not away in place of its own, and a new
// ID: what it alone has written is lost.
func (w *world) rebuild(r *replica) error {
	var from *replica
	for _, o := range w.replicas {
		if !o.away && o != r {
			from = o
			break
		}
	}
	s := from.state()
	state, err := stateThroughWire(s.state)
	if err != nil {
		return err
	}
	w.begin(r)
	r.held = nil
	r.adopt(state)
	r.forgot = s.forgot
	r.clock.Observe(s.clock)
	r.clock.Observe(r.part.Horizon().Stamp)
	for _, o := range w.replicas {
		// What waits for a write that is lost would wait for ever.
		o.held = slices.DeleteFunc(o.held, func(d *crdt.Delta) bool { return w.dropsLost && w.isLost(d.Dot) })
	}
	w.dropUncaused() // And so would what waits for what only those had seen who rebuild.
	if err := w.storeAll(r); err != nil {
		return err
	}
	return w.checkHorizon(r)
}

// forgetAll lets time pass until everything is stable everywhere and forgotten,
// twice: soon, and when everything has expired. Then all hold the same, and nothing
// but what they show.
func (w *world) forgetAll() error {
	for range 2 {
		if w.retires {
			if err := w.retireAll(); err != nil {
				return err
			}
		}
		for rounds := 0; rounds < 2 || rounds < 20 && w.waits(); rounds++ {
			w.wall += maxSkew // Past every mark, so that nobody's clock holds anything up.
			for i, r := range w.replicas {
				if err := w.storeAll(r); err != nil {
					return fmt.Errorf("in the end store: %w", err)
				}
				if err := w.run(step{action: collectStable, at: i}); err != nil {
					return fmt.Errorf("in the end collect: %w", err)
				}
			}
		}
		for _, r := range w.replicas {
			if err := w.plain(r); err != nil {
				return fmt.Errorf("all is stable: r%d: %w", r.id, err)
			}
		}
		if err := w.compare(false); err != nil {
			return fmt.Errorf("all is stable: %w", err)
		}
		if err := w.sameEntries(); err != nil {
			return fmt.Errorf("all is stable: %w", err)
		}
		if err := w.onlyLiving(); err != nil && w.retires {
			return fmt.Errorf("all is stable: %w", err)
		}
		w.wall = afterAll
	}
	return nil
}

// waits reports whether anything waits to be forgotten anywhere.
func (w *world) waits() bool {
	return slices.ContainsFunc(w.replicas, func(r *replica) bool { return r.part.Waiting().Keys > 0 })
}

// maxSkew is more than any clock of a generated history is ahead of another.
const maxSkew = 40

// plain checks that a replica keeps nothing but what it shows.
func (w *world) plain(r *replica) error {
	if n := r.part.Waiting(); n.Keys != 0 || n.Bytes != 0 || n.Since != 0 || n.Mark != nil {
		return fmt.Errorf("want nothing waiting, have %+v", n)
	}
	now, next := w.now(r), crdt.Never
	for key, e := range r.part.Each {
		if !e.View(now).Exists() {
			return fmt.Errorf("%s is kept and shows nothing: %x", key, crdt.AppendEntry(nil, e))
		}
		if !e.Plain(now) {
			return fmt.Errorf("%s keeps more than it shows: %x", key, crdt.AppendEntry(nil, e))
		}
		next = min(next, e.Due())
	}
	if have := r.part.NextExpiry(); have != next && (r.stored == nil || have > next) {
		return fmt.Errorf("want the next expiry at %d, have %d", next, have)
	}
	return nil
}

// sameEntries checks that all replicas hold the same entries, to the byte.
func (w *world) sameEntries() error {
	first := &w.replicas[0].part
	for _, r := range w.replicas[1:] {
		for _, key := range append(first.Keys(), r.part.Keys()...) {
			want, have := crdt.AppendEntry(nil, first.Entry(key)), crdt.AppendEntry(nil, r.part.Entry(key))
			if !slices.Equal(want, have) {
				return fmt.Errorf("%s is kept as %x by r1 and as %x by r%d", key, want, have, r.id)
			}
		}
	}
	return nil
}

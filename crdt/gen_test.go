package crdt

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// world is a few replicas of one partition that write, exchange deltas in any
// causal order, and join whole states.
type world struct {
	rnd  *rand.Rand
	seed uint64
	now  int64
	reps []*rep

	miss   HLC        // a stamp from before the write that is made
	fills  *rand.Rand // what fills are drawn from; nil when there are none
	fields *rand.Rand // what fields' expiries are drawn from; nil when there are none
}

type rep struct {
	id    ReplicaID
	p     Partition
	clock Clock
	log   []*Delta
	past  []*Delta // of its earlier lives
}

var worldKeys = []string{"", "a", "b", "key\x00\xff"}

func newWorld(seed uint64, replicas int) *world {
	w := &world{rnd: rand.New(rand.NewPCG(seed, 7)), seed: seed, now: 1_700_000_000_000}
	for i := range replicas {
		// IDs neither in order nor small.
		w.reps = append(w.reps, &rep{id: ReplicaID(uint64(i+1) * 0x9e3779b97f4a7c15)})
	}
	return w
}

// newFieldWorld is newWorld in which fields of hashes expire by themselves.
func newFieldWorld(seed uint64, replicas int) *world {
	w := newWorld(seed, replicas)
	w.fields = rand.New(rand.NewPCG(seed, 8))
	return w
}

// newFillWorld is newWorld in which fills are made.
func newFillWorld(seed uint64, replicas int) *world {
	w := newWorld(seed, replicas)
	w.fills = rand.New(rand.NewPCG(seed, 9))
	for _, r := range w.reps {
		w.stage(r)
	}
	return w
}

// stage has a replica say that fills are made.
func (w *world) stage(r *rep) {
	d := &Delta{Dot: Dot{r.id, r.p.Vector().Get(r.id) + 1}, Stamp: r.clock.Next(w.now), Deps: r.p.Vector().Without(r.id),
		Effects: []Effect{Stage(FillStage(1 + w.fills.IntN(2)))}}
	d.From = d.Dot.N
	if err := r.p.Apply(d); err != nil {
		panic(fmt.Sprintf("seed %d: stage: %v", w.seed, err))
	}
	r.log = append(r.log, d)
}

func (w *world) run(steps int) {
	for range steps {
		w.now += w.rnd.Int64N(3) * 50
		r := w.reps[w.rnd.IntN(len(w.reps))]
		switch w.rnd.IntN(8) {
		case 0, 1, 2:
			w.deliver(w.reps[w.rnd.IntN(len(w.reps))], r)
		case 3:
			switch w.rnd.IntN(10) {
			case 0, 1:
				w.join(w.reps[w.rnd.IntN(len(w.reps))], r)
			case 2:
				w.retire(r)
			}
		default:
			w.write(r, worldKeys[w.rnd.IntN(len(worldKeys))])
		}
	}
}

// write makes one random write at r.
func (w *world) write(r *rep, key string) {
	w.miss = r.clock.Last() + 1
	if w.fills != nil {
		w.miss = r.clock.Next(w.now)
	}
	nw := NewWrite{Dot: Dot{r.id, r.p.Vector().Get(r.id) + 1}, Stamp: r.clock.Next(w.now), Now: w.now, Fills: w.fills != nil}
	m := NewMutator(r.p.Entry(key), nw)
	if err := w.command(m); err != nil || len(m.Effects()) == 0 {
		return
	}
	d := &Delta{Dot: nw.Dot, From: nw.Dot.N, Stamp: nw.Stamp, Deps: r.p.Vector().Without(r.id), Key: key, Effects: m.Effects()}
	for range w.rnd.IntN(2) * w.rnd.IntN(3) {
		d.Requests = append(d.Requests, w.rnd.Uint64())
	}
	if err := r.p.Apply(d); err != nil {
		panic(fmt.Sprintf("seed %d: own delta: %v", w.seed, err))
	}
	r.log = append(r.log, d)
}

// retire begins a new life at a replica of which all have seen everything, and has
// another one retire the old one.
func (w *world) retire(r *rep) {
	by := w.reps[w.rnd.IntN(len(w.reps))]
	last := Dot{r.id, r.p.Vector().Get(r.id)}
	for _, o := range w.reps {
		if last.N == 0 || by == r || o.p.Vector().Get(last.Replica) != last.N {
			return
		}
	}
	d := &Delta{
		Dot: Dot{by.id, by.p.Vector().Get(by.id) + 1}, Stamp: by.clock.Next(w.now), Deps: by.p.Vector().Without(by.id),
		Effects: []Effect{Retire(last)},
	}
	d.From = d.Dot.N
	if err := by.p.Apply(d); err != nil {
		panic(fmt.Sprintf("seed %d: retirement: %v", w.seed, err))
	}
	by.log = append(by.log, d)
	r.id, r.past = ReplicaID(w.rnd.Uint64()), append(r.past, r.log...)
	r.log = nil
}

func (w *world) command(m *Mutator) (err error) {
	if w.fields != nil && w.fields.IntN(3) == 0 {
		return w.fieldExpiry(m)
	}
	if w.fills != nil && w.fills.IntN(3) == 0 {
		m.Fill(fmt.Sprint(w.fills.IntN(100)), []int64{Never, w.now + 1 + w.fills.Int64N(2000)}[w.fills.IntN(2)], w.miss)
		return nil
	}
	field := string(rune('f' + w.rnd.IntN(4)))
	at := w.now + 1 + w.rnd.Int64N(2000)
	switch w.rnd.IntN(18) {
	case 0, 1:
		m.Set(fmt.Sprint(w.rnd.IntN(100)), Never)
	case 2:
		m.Set("text", at)
	case 3, 4:
		_, err = m.Incr(w.rnd.Int64N(200) - 100)
	case 5:
		_, err = m.IncrFloat(w.rnd.NormFloat64())
	case 6, 7:
		_, err = m.HSet(field, fmt.Sprint(w.rnd.IntN(1000)))
	case 8:
		_, err = m.HIncr(field, 3)
	case 9:
		_, err = m.HIncrFloat(field, 0.5)
	case 10:
		_, err = m.HDel(field)
	case 11:
		_, err = m.SAdd(field)
	case 12:
		_, err = m.SRem(field)
	case 13:
		_, err = m.ZAdd(field, float64(w.rnd.IntN(10)))
	case 14:
		_, err = m.ZIncr(field, -1.5)
	case 15:
		m.Expire(at)
	case 16:
		w.rare(m)
	default:
		m.Del()
	}
	return err
}

func (w *world) fieldExpiry(m *Mutator) (err error) {
	field := string(rune('f' + w.fields.IntN(4)))
	at := w.now + 1 + w.fields.Int64N(2000)
	switch w.fields.IntN(8) {
	case 0, 1, 2:
		_, err = m.HExpire(field, at)
	case 3, 4:
		_, err = m.HSetUntil(field, fmt.Sprint(w.fields.IntN(1000)), at)
	case 5:
		_, err = m.HPersist(field)
	case 6:
		_, err = m.HSet(field, "v")
	default:
		_, err = m.HIncr(field, 5)
	}
	return err
}

func (w *world) rare(m *Mutator) {
	switch w.rnd.IntN(3) {
	case 0:
		m.Persist()
	case 1:
		m.Invalidate()
	default:
		m.Expire(w.now - 1)
	}
}

// deliver brings the next delta that from has written, if it can be applied.
func (w *world) deliver(from, to *rep) bool {
	n := to.p.Vector().Get(from.id)
	for _, d := range from.log {
		if d.From > n {
			if to.p.Apply(d) != nil {
				return false
			}
			to.clock.Observe(d.Stamp)
			return true
		}
	}
	return false
}

func (w *world) join(from, to *rep) {
	if err := to.p.Join(from.p.Snapshot()); err != nil {
		panic(fmt.Sprintf("seed %d: join: %v", w.seed, err))
	}
	to.clock.Observe(from.clock.Last())
}

// settle delivers everything, in an order of chance.
func (w *world) settle() {
	for idle := 0; idle < 200; idle++ {
		if w.deliver(w.reps[w.rnd.IntN(len(w.reps))], w.reps[w.rnd.IntN(len(w.reps))]) {
			idle = 0
		}
	}
}

// snapshotBytes returns the bytes of the whole state.
func snapshotBytes(p *Partition) []byte {
	s := p.Snapshot()
	return AppendSnapshot(nil, s, 0, len(s.Keys))
}

// eachWorld runs f on worlds that have and have not settled.
func eachWorld(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	for seed := range uint64(110) {
		w := newWorld(seed, 3)
		switch {
		case seed >= 90:
			w = newFillWorld(seed, 3)
		case seed >= 60:
			w = newFieldWorld(seed, 3)
		}
		w.run(40 + int(seed)*3)
		if seed%2 == 0 {
			w.settle()
		}
		f(t, w)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func wantBytes(t *testing.T, what string, want, have []byte) {
	t.Helper()
	if !bytes.Equal(want, have) {
		t.Errorf("%s:\nwant %x\nhave %x", what, want, have)
	}
}

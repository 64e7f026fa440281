package crdt

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// copyOf returns a partition of the same state.
func copyOf(p *Partition) *Partition {
	out := &Partition{}
	if err := out.Join(p.Snapshot()); err != nil {
		panic(err)
	}
	return out
}

// damage changes something of an entry that the partition relies on in no way.
func damage(rnd *rand.Rand, e *Entry) {
	var at []CellName
	for name := range e.Cells() {
		at = append(at, name)
	}
	if len(at) == 0 || rnd.IntN(3) == 0 {
		damageExtra(rnd, e)
		return
	}
	name := at[rnd.IntN(len(at))]
	e.change(name.Kind, name.Field, func(c *Cell) {
		if rnd.IntN(4) == 0 {
			*c = Cell{}
			return
		}
		damageWrites(rnd, c, e.Cut())
		damageSums(rnd, c)
		damageLife(rnd, c)
		c.trim()
	})
	e.tidy()
}

func damageWrites(rnd *rand.Rand, c *Cell, cut HLC) {
	ws := c.Writes()
	if len(ws) == 0 {
		return
	}
	i := rnd.IntN(len(ws))
	switch rnd.IntN(4) {
	case 0:
		ws = append(ws[:i:i], ws[i+1:]...)
	case 1:
		ws[i].Value = fmt.Sprint(rnd.IntN(100))
	case 2:
		ws[i].Stamp = max(ws[i].Stamp+HLC(rnd.Int64N(2000<<16)-1000<<16), cut+1)
	}
	c.setWrites(ws)
}

func damageSums(rnd *rand.Rand, c *Cell) {
	if len(c.Contributions()) == 0 {
		return
	}
	i := rnd.IntN(len(c.more.sums))
	s := &c.more.sums[i]
	switch rnd.IntN(7) {
	case 0:
		c.more.sums = append(c.more.sums[:i:i], c.more.sums[i+1:]...)
	case 1:
		s.Total.Int += rnd.Int64N(9) - 4
	case 2:
		s.Total.Float -= 0.5
	case 3:
		s.Stamp += HLC(rnd.Int64N(2000<<16) - 1000<<16)
	case 4:
		s.removeTo(s.N, s.Total)
	case 5:
		s.RemovedN, s.Removed = 0, Number{}
	case 6:
		s.N = max(s.N-1, s.Start, s.RemovedN)
	}
}

func damageLife(rnd *rand.Rand, c *Cell) {
	l := c.life()
	if l == nil {
		return
	}
	switch xs := l.expiries; rnd.IntN(4) {
	case 0:
		l.expiries = nil
	case 1:
		l.mortal = nil
	case 2:
		if len(xs) > 0 {
			x := &xs[rnd.IntN(len(xs))]
			x.At = max(min(x.At, MaxMillis-2000)+rnd.Int64N(4000)-2000, 1)
		}
	}
}

func damageExtra(rnd *rand.Rand, e *Entry) {
	if e.x == nil {
		return
	}
	switch xs := e.x.expiries; rnd.IntN(6) {
	case 0:
		e.x.expiries = nil
	case 1:
		e.x.mortal = nil
	case 2:
		e.x.expiries, e.x.mortal = nil, nil
	case 3:
		e.x.cut = 0
	case 4:
		e.raiseCut(e.Cut() + HLC(rnd.Int64N(3000<<16)) + StampAt(1_700_000_000_000)*HLC(rnd.IntN(2)))
	case 5:
		if len(xs) > 0 {
			x := &xs[rnd.IntN(len(xs))]
			x.At = max(min(x.At, MaxMillis-2000)+rnd.Int64N(4000)-2000, 1)
		}
	}
	e.tidy()
}

// damaged returns a damaged copy of a partition: keys lost, and entries changed
// in so many ways.
func damaged(rnd *rand.Rand, p *Partition) *Partition {
	out := copyOf(p)
	for _, key := range out.Keys() {
		if rnd.IntN(6) == 0 {
			out.Lose(key)
			continue
		}
		for range rnd.IntN(4) {
			if out.entries[key] != nil {
				out.update(key, func(e *Entry) { damage(rnd, e) })
			}
		}
	}
	return out
}

// repairFrom repairs every key, and checks that the partition keeps its rules.
func repairFrom(t *testing.T, p *Partition, s *Snapshot, at int64) (changed int) {
	t.Helper()
	before := AppendSnapshot(nil, s, 0, len(s.Keys))
	for i, key := range s.Keys {
		if p.Repair(key, s.Entries[i], nil, at) {
			changed++
		}
		if p.Repair(key, s.Entries[i], nil, at) {
			t.Errorf("%q repaired again from the same: want no change", key)
		}
		if e := p.Entry(key); e != nil {
			checkEntry(t, e)
		}
	}
	if err := CheckBytes(p); err != nil {
		t.Error(err)
	}
	wantBytes(t, "what was repaired from", before, AppendSnapshot(nil, s, 0, len(s.Keys)))
	return changed
}

// liveBytes returns what a partition shows.
func liveBytes(p *Partition, at int64) (out []byte) {
	for _, key := range p.Keys() {
		out = p.Entry(key).AppendLive(out, key, at)
	}
	return out
}

// wantSameShown checks that partitions show the same from a time on.
func wantSameShown(t *testing.T, what string, at int64, ps ...*Partition) {
	t.Helper()
	for _, at := range []int64{at, at + 1000, at + 2000, at + 4000, at + 1_000_000} {
		for _, p := range ps[1:] {
			wantBytes(t, fmt.Sprintf("%s, at %d", what, at), liveBytes(ps[0], at), liveBytes(p, at))
			want, _ := recountAt(ps[0], at)
			if have, _ := recountAt(p, at); want != have {
				t.Errorf("%s, at %d: want %v, have %v", what, at, want, have)
			}
		}
	}
}

func TestRepairMakesDamagedCopiesEqual(t *testing.T) {
	different, repaired := 0, 0
	for seed := range uint64(800) {
		w := newWorld(seed, 3)
		if seed >= 500 {
			w = newFieldWorld(seed, 3)
		}
		w.run(30 + int(seed%90))
		w.settle()
		rnd := rand.New(rand.NewPCG(seed, 11))
		at := (w.now/DigestStep + rnd.Int64N(4)) * DigestStep
		whole := &w.reps[0].p
		a, b := whole, damaged(rnd, whole)
		if seed%3 > 0 {
			a = damaged(rnd, whole)
		}
		if bytes.Equal(liveBytes(a, at), liveBytes(b, at)) {
			continue
		}
		different++
		sa, sb := a.Snapshot(), b.Snapshot()
		// At the same time, and one after the other, either first.
		a1, b1, a2, b2, a3, b3 := copyOf(a), copyOf(b), copyOf(a), copyOf(b), copyOf(a), copyOf(b)
		repaired += repairFrom(t, a1, sb, at) + repairFrom(t, b1, sa, at)
		repairFrom(t, a2, sb, at)
		repairFrom(t, b2, a2.Snapshot(), at)
		repairFrom(t, b3, sa, at)
		repairFrom(t, a3, b3.Snapshot(), at)
		wantSameShown(t, "repaired", at, a1, b1, a2, b2, a3, b3)
		if n := repairFrom(t, a1, b1.Snapshot(), at) + repairFrom(t, b1, a1.Snapshot(), at); n > 0 {
			t.Errorf("equal ones repaired: want no change, have %d", n)
		}
		if t.Failed() {
			t.Fatalf("seed %d at %d", seed, at)
		}
	}
	if different < 350 || repaired < 500 {
		t.Errorf("%d pairs were different and %d keys repaired: too few to say anything", different, repaired)
	}
}

func TestThreeDamagedCopiesBecomeEqual(t *testing.T) {
	for seed := range uint64(100) {
		w := newWorld(seed, 3)
		if seed >= 60 {
			w = newFieldWorld(seed, 3)
		}
		w.run(60)
		w.settle()
		rnd := rand.New(rand.NewPCG(seed, 12))
		at := (w.now/DigestStep + 1) * DigestStep
		var ps []*Partition
		for range 3 {
			ps = append(ps, damaged(rnd, &w.reps[0].p))
		}
		for round := 0; ; round++ {
			changed := 0
			for _, pair := range rnd.Perm(9) {
				changed += repairFrom(t, ps[pair/3], ps[pair%3].Snapshot(), at)
			}
			if changed == 0 {
				break
			}
			if round > 3 {
				t.Fatalf("seed %d: copies go on being repaired", seed)
			}
		}
		wantSameShown(t, "three", at, ps...)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// twoCopies returns two partitions that have seen the first ten writes of replica
// 1 and have the entries that a and b build for the key "k".
func twoCopies(a, b func(e *Entry)) (p, q *Partition) {
	p, q = &Partition{vector: Vector{{1, 10}}}, &Partition{vector: Vector{{1, 10}}}
	p.update("k", func(e *Entry) { a(e); e.tidy() })
	q.update("k", func(e *Entry) { b(e); e.tidy() })
	return p, q
}

func putting(k Kind, field string, n uint64, at int64, value string) func(*Entry) {
	return func(e *Entry) {
		e.change(k, field, func(c *Cell) { c.put(Write{Dot{1, n}, StampAt(at), value}) })
	}
}

func adding(k Kind, field string, n uint64, sum int64) func(*Entry) {
	return func(e *Entry) {
		e.change(k, field, func(c *Cell) {
			c.setSum(Contribution{Replica: 1, Start: 1, N: n, Stamp: StampAt(10), Total: Number{Int: sum}})
		})
	}
}

func expiringAt(n uint64, at int64) func(*Entry) {
	return func(e *Entry) {
		e.expire(&Sight{self: Dot{1, n}}, Expiry{Dot{1, n}, StampAt(15), at})
	}
}

// saying adds an expiry that overrides no SET.
func saying(n uint64, stamp, at int64) func(*Entry) {
	return func(e *Entry) { e.ensureExtra().addExpiry(Expiry{Dot{1, n}, StampAt(stamp), at}) }
}

func cutAt(at int64) func(*Entry) { return func(e *Entry) { e.raiseCut(StampAt(at)) } }

func all(fs ...func(*Entry)) func(*Entry) {
	return func(e *Entry) {
		for _, f := range fs {
			f(e)
		}
	}
}

func TestRepairExamples(t *testing.T) {
	const now = 5000
	s := func(n uint64, at int64, v string) func(*Entry) { return putting(KindString, "", n, at, v) }
	h := func(f string, n uint64, at int64, v string) func(*Entry) { return putting(KindHash, f, n, at, v) }
	for _, test := range []struct {
		name string
		a, b func(*Entry)
		want string // what both show in the end
	}{
		{"nothing to do", s(1, 10, "v"), s(1, 10, "v"), `"v"`},
		{"a lost key", all(), s(1, 10, "v"), `"v"`},
		{"a lost field", h("f", 1, 10, "v"), all(h("f", 1, 10, "v"), h("g", 2, 11, "w")), "hash f=v g=w"},
		{"a lost field each", h("f", 1, 10, "v"), h("g", 2, 11, "w"), "hash f=v g=w"},
		{"an old write", s(1, 10, "old"), s(2, 11, "new"), `"new"`},
		{"a changed value", s(1, 10, "v"), s(1, 10, "w"), `"w"`},
		{"a changed stamp", s(1, 10, "v"), s(1, 9, "w"), `"v"`},
		{"a lost contribution", all(s(1, 10, "5")), all(s(1, 10, "5"), adding(KindString, "", 3, 2)), `"7"`},
		{"a lost increment", adding(KindString, "", 2, 7), adding(KindString, "", 3, 5), `"5"`},
		{"a changed sum", adding(KindString, "", 2, 7), adding(KindString, "", 2, 5), `"7"`},
		{"a lost expiry", all(s(1, 10, "v"), expiringAt(2, 9000)), s(1, 10, "v"), `"v" until 9000`},
		{"a lost expiry of a hash", all(h("f", 1, 10, "v"), expiringAt(2, 9000)), h("f", 1, 10, "v"), `hash f=v until 9000`},
		{"two expiries", all(s(1, 10, "v"), expiringAt(2, 9000)), all(s(1, 10, "v"), expiringAt(3, 8000)), `"v" until 9000`},
		{"two kinds", s(1, 10, "v"), h("f", 2, 11, "w"), "hash f=w"},
		{"a lost expiry that has come", all(s(1, 10, "v"), expiringAt(2, 4000)), s(1, 10, "v"), `"v"`},
		{"all expired", all(s(1, 10, "v"), expiringAt(2, 4000)), all(), "none"},
		{"a lost cut", all(s(1, 10, "v"), cutAt(20)), s(1, 10, "v"), `"v"`},
		{"a cut that leaves something", all(cutAt(20), h("f", 2, 30, "w")), h("g", 1, 10, "v"), "hash f=w g=v"},
		// The string lifts the expiry that has come; f stays hidden all the same.
		{"a string that never expires", all(h("f", 1, 10, "v"), expiringAt(2, 1000), h("g", 3, 2000, "w")),
			all(expiringAt(2, 1000), s(4, 20, "s")), "hash g=w"},
		{"one that nothing hides", all(h("f", 1, 10, "v"), expiringAt(2, 1000), h("g", 3, 2000, "w")),
			all(expiringAt(2, 1000), s(4, 1500, "s")), "hash g=w"},
		{"an expiry that shows nothing", expiringAt(2, 9000), h("f", 1, 10, "v"), "hash f=v"},
		{"a longer one that did not count", all(s(1, 10, "v"), saying(3, 15, 9500)), all(s(1, 10, "v"), expiringAt(2, 9000)),
			`"v" until 9000`},
		{"one before its stamp and a cut", all(cutAt(9500), h("f", 1, 9700, "v")), all(h("f", 1, 9700, "v"), saying(2, 9600, 9000)),
			"hash f=v until 9000"},
		{"what the cut hides of a counter", all(adding(KindHash, "n", 2, 7), cutAt(20)), h("f", 3, 15, "v"), "hash f=v"},
		{"a lost expiry below a cut", all(cutAt(20), s(1, 30, "v")), all(s(1, 30, "v"), expiringAt(2, 9000)), `"v" until 9000`},
		{"an expiry from later", s(1, 10, "v"), all(s(1, 10, "v"), expiringAt(11, 9000)), `"v" and "v" until 9000`},
		{"a write from later", s(1, 10, "v"), s(11, 12, "later"), `"v" and "later"`},
	} {
		p, q := twoCopies(test.a, test.b)
		ps, qs := p.Snapshot(), q.Snapshot()
		repairFrom(t, p, qs, now)
		repairFrom(t, q, ps, now)
		site := func(p *Partition) string { return (&site{p: *p, now: now}).show() }
		have := site(p)
		if other := site(q); other != have {
			have += " and " + other
		}
		if have != test.want {
			t.Errorf("%s: want %s, have %s", test.name, test.want, have)
		}
	}
}

func TestRepairFromNothing(t *testing.T) {
	p, _ := twoCopies(putting(KindString, "", 1, 10, "v"), func(*Entry) {})
	if p.Repair("k", nil, nil, 5000) || p.Repair("k", &Entry{}, nil, 5000) || p.Repair("none", nil, nil, 5000) {
		t.Error("want no change")
	}
	// An expiry alone shows nothing.
	p, q := twoCopies(func(*Entry) {}, all(putting(KindHash, "f", 11, 20, "later"), expiringAt(2, 9000)))
	if p.Repair("k", q.Entry("k"), nil, 5000) || p.Len() != 0 {
		t.Error("only an expiry has been seen: want no change")
	}
}

func TestRepairLeavesOfACutWhatItCan(t *testing.T) {
	p, q := twoCopies(cutAt(50), putting(KindString, "", 1, 30, "v"))
	p.Repair("k", q.Entry("k"), nil, 5000)
	if want, have := StampAt(30)-1, p.Entry("k").Cut(); have != want {
		t.Errorf("a write stamped 30 below a cut at 50: want the cut at %v, have %v", want, have)
	}
}

func TestOverwriteAndLoseAreDamage(t *testing.T) {
	p, q := twoCopies(putting(KindString, "", 1, 10, "v"), putting(KindString, "", 1, 10, "v"))
	want, _ := q.Digest(5000)
	for name, f := range map[string]func(){
		"overwritten": func() { p.Overwrite("k", "u") },
		"lost":        func() { p.Lose("k") },
	} {
		f()
		if have, _ := p.Digest(5000); have == want || !p.Vector().Equal(q.Vector()) {
			t.Errorf("%s: want another digest at the same vector, have %v", name, have)
		}
		checkDigest(t, p, 5000)
		if !p.Repair("k", q.Entry("k"), nil, 5000) {
			t.Errorf("%s: want a change", name)
		}
		checkDigest(t, p, 5000)
		if have, _ := p.Digest(5000); have != want {
			t.Errorf("%s and repaired: want %v, have %v", name, want, have)
		}
	}
	p.Lose("none")
	p.Overwrite("none", "v")
	if err := CheckBytes(p); err != nil || p.Len() != 1 {
		t.Errorf("a key that is not there: have %d keys, %v", p.Len(), err)
	}
}

// FuzzRepair repairs from what a peer may send.
func FuzzRepair(f *testing.F) {
	for seed := range uint64(6) {
		w := newWorld(seed, 3)
		w.run(60)
		for _, key := range worldKeys {
			if e := w.reps[1].p.Entry(key); e != nil {
				f.Add(seed, AppendEntry(nil, e))
			}
		}
	}
	f.Fuzz(func(t *testing.T, seed uint64, in []byte) {
		o, err := DecodeEntry(in)
		if err != nil {
			return
		}
		w := newWorld(seed%8, 3)
		w.run(60)
		p := copyOf(&w.reps[0].p)
		at := (w.now/DigestStep + int64(seed%5)) * DigestStep
		for _, key := range worldKeys {
			q := copyOf(p)
			repairFrom(t, p, &Snapshot{Keys: []string{key}, Entries: []*Entry{o}}, at)
			if e := q.Entry(key); e != nil && p.Repair(key, e, nil, at) {
				t.Errorf("%q: what was here before repairs it again", key)
			}
			checkDigest(t, p, at)
		}
	})
}

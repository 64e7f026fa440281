package crdt

import (
	"fmt"
	"maps"
	"testing"
	"time"
	"unsafe"
)

// recountAt makes the digest of a partition the dumb way.
func recountAt(p *Partition, at int64) (d Digest, each map[string]uint64) {
	each = map[string]uint64{}
	for key, e := range p.entries {
		if h := e.Digest(key, at); h != 0 {
			each[key] = h
			d.Sum += h
			d.Keys++
		}
	}
	return d, each
}

// checkDigest compares a partition's digest with one made from scratch.
func checkDigest(t *testing.T, p *Partition, at int64) {
	t.Helper()
	want, each := recountAt(p, at)
	if have, ok := p.Digest(at); !ok || have != want {
		t.Fatalf("digest at %d: want %v, have %v, %v", at, want, have, ok)
	}
	have := map[string]uint64{}
	if ok := p.EachDigest(at, func(k string, d uint64) bool { have[k] = d; return true }); !ok || !maps.Equal(each, have) {
		t.Fatalf("digests at %d: want %v, have %v, %v", at, each, have, ok)
	}
	due, again := 0, 0
	for until, b := range p.digests.due {
		if due += b.Keys; b.Keys <= 0 || until <= at || until > p.digests.end {
			t.Fatalf("digest at %d: %d keys are due at %d, want some, before %d", at, b.Keys, until, p.digests.end)
		}
		again += len(b.again)
	}
	if due > len(p.entries) || len(p.digests.dirty) > 0 {
		t.Fatalf("digest at %d: of %d keys, %d are due, %d to look at", at, len(p.entries), due, len(p.digests.dirty))
	}
}

// expiring makes a random write, with times to live of all lengths. The last
// replica's clock runs ahead now and then.
func (w *world) expiring(r *rep, key string) {
	if r == w.reps[len(w.reps)-1] && w.rnd.IntN(3) == 0 {
		r.clock.Observe(StampAt(w.now + 3000 + w.rnd.Int64N(9000)))
	}
	lives := []int64{1, 900, 5000, 9000, 9000, 60_000, dueWindow, 3 * dueWindow, 90 * 24 * 3600_000}
	at := w.now + 1 + w.rnd.Int64N(lives[w.rnd.IntN(len(lives))])
	switch w.rnd.IntN(3) {
	case 0:
		w.writeBy(r, key, w.command)
	case 1:
		w.writeBy(r, key, func(m *Mutator) error { m.Set("text", at); return nil })
	default:
		w.writeBy(r, key, func(m *Mutator) error { m.Expire(at); return nil })
	}
}

// outlive makes a key of which something is left when it expires: what was
// written beside by a replica whose clock is ahead.
func (w *world) outlive(key string) {
	slow, fast := w.reps[0], w.reps[len(w.reps)-1]
	slow.clock, fast.clock = Clock{}, Clock{}
	fast.clock.Observe(StampAt(w.now + 5000))
	hset := func(m *Mutator) error { _, err := m.HSet("f"+fmt.Sprint(w.rnd.IntN(9)), "v"); return err }
	w.writeBy(slow, key, hset)
	w.writeBy(fast, key, hset)
	w.writeBy(slow, key, func(m *Mutator) error { m.Expire(w.now + 1 + w.rnd.Int64N(4900)); return nil })
	w.join(slow, fast)
	w.join(fast, slow)
}

// writeBy makes one write at r.
func (w *world) writeBy(r *rep, key string, f func(m *Mutator) error) {
	nw := NewWrite{Dot: Dot{r.id, r.p.Vector().Get(r.id) + 1}, Stamp: r.clock.Next(w.now), Now: w.now}
	m := NewMutator(r.p.Entry(key), nw)
	if err := f(m); err != nil || len(m.Effects()) == 0 {
		return
	}
	d := &Delta{Dot: nw.Dot, From: nw.Dot.N, Stamp: nw.Stamp, Deps: r.p.Vector().Without(r.id), Key: key, Effects: m.Effects()}
	if err := r.p.Apply(d); err != nil {
		panic(fmt.Sprintf("seed %d: own delta: %v", w.seed, err))
	}
	r.log = append(r.log, d)
}

// collect lets a replica forget what it may once everything is stable, of some
// keys.
func (w *world) collect(r *rep) {
	for _, key := range r.p.Keys() {
		if w.rnd.IntN(2) == 0 {
			r.p.update(key, func(e *Entry) { *e = *collected(e, w.now) })
		}
	}
}

// digestStep does one thing to a replica, and says at what time digests are
// compared then.
func (w *world) digestStep(r *rep, keys int) (at int64) {
	switch w.rnd.IntN(14) {
	case 0:
		w.now += w.rnd.Int64N(20_000)
	case 1:
		if w.rnd.IntN(10) == 0 {
			w.now += w.rnd.Int64N(100 * 24 * 3600_000)
		}
	case 2:
		w.collect(r)
	case 3:
		w.join(w.reps[w.rnd.IntN(len(w.reps))], r)
	case 4:
		if w.rnd.IntN(3) > 0 {
			break
		}
		r.p.Lose(fmt.Sprint(w.rnd.IntN(keys)))
	case 5:
		w.outlive(fmt.Sprint(w.rnd.IntN(keys)))
	case 6, 7:
		w.deliver(w.reps[w.rnd.IntN(len(w.reps))], r)
	default:
		w.expiring(r, fmt.Sprint(w.rnd.IntN(keys)))
	}
	return (w.now/DigestStep + w.rnd.Int64N(4)) * DigestStep
}

func TestDigestIsThatOfTheEntries(t *testing.T) {
	again, visible := 0, 0
	for seed := range uint64(150) {
		w := newWorld(seed, 2)
		keys := 1 + int(seed%9)
		last := map[*rep]int64{}
		for range 250 {
			r := w.reps[w.rnd.IntN(len(w.reps))]
			at := w.digestStep(r, keys)
			if w.rnd.IntN(3) > 0 {
				continue
			}
			if at < last[r] {
				if d, ok := r.p.Digest(at); ok {
					t.Fatalf("seed %d: digest at %d after one at %d: have %v", seed, at, last[r], d)
				}
				continue
			}
			checkDigest(t, &r.p, at)
			last[r] = at
			visible += r.p.digests.total.Keys
			for _, b := range r.p.digests.due {
				again += len(b.again)
			}
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
	}
	if visible < 10_000 || again < 100 {
		t.Errorf("%d keys were visible and %d survived their expiry: too few to say anything", visible, again)
	}
}

func TestDigestsOfSettledReplicasAreEqual(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		w.settle()
		at := (w.now/DigestStep + 1) * DigestStep
		for _, ahead := range []int64{0, 1, 2, 3, 5000} {
			at += ahead * DigestStep
			want, ok := w.reps[0].p.Digest(at)
			for _, r := range w.reps[1:] {
				w.collect(r)
				if have, also := r.p.Digest(at); !ok || !also || have != want {
					t.Errorf("at %d: want %v, have %v, %v, %v", at, want, have, ok, also)
				}
			}
		}
	})
}

func TestDigestIsOfTheKeyToo(t *testing.T) {
	x := liveEntry(KindString, 1000)
	if a, b := x.Digest("a", 1000), x.Digest("b", 1000); a == b {
		t.Errorf("the same under two keys: want two digests, have %x", a)
	}
	for hash, want := range map[uint64]uint64{0: 2, staleDigest: 2, 2: 2, 3: 3, 1 << 55: 1 << 55, 1 << 63: 2, 1<<63 | 7: 7} {
		if have := unreserved(hash); have != want {
			t.Errorf("hash %d: want digest %d, have %d", hash, want, have)
		}
	}
}

// stringsOf returns a partition of so many keys, and a delta that sets one of them.
func stringsOf(keys int) (*Partition, *Delta) {
	var p Partition
	d := &Delta{Dot: Dot{Replica: 7}, Stamp: StampAt(1000), Effects: []Effect{
		{Op: EffectClear}, {Op: EffectPut, Kind: KindString, Value: "some value"}}}
	for i := range keys {
		d.Key = keyOf(i)
		setNext(&p, d)
	}
	return &p, d
}

func keyOf(i int) string { return fmt.Sprintf("key:%06d", i) }

func setNext(p *Partition, d *Delta) {
	d.Dot.N++
	d.From = d.Dot.N
	d.Stamp++
	if err := p.Apply(d); err != nil {
		panic(err)
	}
}

func TestDigestLooksAtWhatHasChanged(t *testing.T) {
	p, d := stringsOf(20_000)
	if p.digests.dirty != nil {
		t.Errorf("before the first digest: want nothing listed, have %d keys", len(p.digests.dirty))
	}
	checkDigest(t, p, 2000)
	const bound = minDirty + 20_000/4
	for i := range 20_000 {
		d.Key = keyOf(i)
		for range 3 {
			setNext(p, d)
		}
		if have, want := len(p.digests.dirty), i+1; i < bound && have != want || have > bound {
			t.Fatalf("%d keys changed: have %d listed", want, have)
		}
	}
	if p.digests.on {
		t.Error("all changed: want all to be looked at")
	}
	checkDigest(t, p, 2000)
	// Keys that come and go between two digests leave nothing on the list.
	for i := range 5000 {
		d.Key, d.Effects = "new", d.Effects[:1+i%2]
		setNext(p, d)
	}
	if have := len(p.digests.dirty); have > bound {
		t.Errorf("one key changed often: want few listed, have %d", have)
	}
	checkDigest(t, p, 2000)
	for i := range bound {
		p.Lose(keyOf(i))
	}
	if have := len(p.digests.dirty); have != 0 {
		t.Errorf("keys went: want none listed, have %d", have)
	}
	checkDigest(t, p, 2000)
}

func TestDigestRefusesTimes(t *testing.T) {
	p, _ := stringsOf(3)
	for _, at := range []int64{-1000, 1, 2999, MaxMillis + 1, Never} {
		if d, ok := p.Digest(at); ok {
			t.Errorf("at %d: want none, have %v", at, d)
		}
		if p.EachDigest(at, func(string, uint64) bool { t.Errorf("at %d: called", at); return false }) {
			t.Errorf("at %d: want false", at)
		}
	}
	checkDigest(t, p, 3000)
	if _, ok := p.Digest(2000); ok {
		t.Error("earlier than before: want none")
	}
	checkDigest(t, p, MaxMillis/DigestStep*DigestStep)
	p.Recount()
	checkDigest(t, p, 2000)
	calls := 0
	if !p.EachDigest(2000, func(string, uint64) bool { calls++; return false }) || calls != 1 {
		t.Errorf("stopped at the first: have %d calls", calls)
	}
}

func TestRecountFindsDamagedMemory(t *testing.T) {
	p, _ := stringsOf(3)
	before, _ := p.Digest(1000)
	p.entries[keyOf(1)].str.write.Value = "damaged"
	p.Recount()
	checkDigest(t, p, 1000)
	if after, _ := p.Digest(1000); after == before {
		t.Errorf("want another digest than %v", before)
	}
}

func TestDigestOfWhatOutlivesAnExpiry(t *testing.T) {
	var p Partition
	left := func(key string) {
		p.update(key, all(putting(KindHash, "f", 1, 10, "v"), expiringAt(2, 3500), putting(KindHash, "g", 3, 9000, "w")))
	}
	left("same")
	left("persists")
	left("lost")
	checkDigest(t, &p, 1000)
	// What will be looked at again when it expires may have changed by then.
	p.update("persists", expiringAt(4, 8000))
	p.Lose("lost")
	for at := int64(2000); at < 10_000; at += DigestStep {
		checkDigest(t, &p, at)
		if have := p.digests.total.Keys; have != 2 {
			t.Errorf("at %d: want two keys, have %d", at, have)
		}
	}
}

func TestDigestForgetsWhatHasExpired(t *testing.T) {
	p, d := stringsOf(1)
	d.Effects = append(d.Effects, Effect{Op: EffectExpire})
	checkDigest(t, p, 1000)
	for i := range 2500 {
		d.Key, d.Effects[2].At = keyOf(i), 10_000+int64(i)*DigestStep
		setNext(p, d)
	}
	for at := int64(2000); at < 3_000_000; at += 100 * DigestStep {
		checkDigest(t, p, at)
		if have, most := len(p.digests.due), int(dueWindow/DigestStep); have > most {
			t.Fatalf("at %d: want at most %d seconds, have %d", at, most, have)
		}
	}
	if have := len(p.digests.due); have != 0 || p.digests.total.Keys != 0 {
		t.Errorf("all have expired: have %d seconds and %v", have, p.digests.total)
	}
}

func TestDigestCostsAWriteNoMemory(t *testing.T) {
	writes := func(p *Partition, d *Delta, then func()) float64 {
		keys, i := p.Keys(), 0
		return testing.AllocsPerRun(2000, func() {
			for range 10 {
				d.Key = keys[i%len(keys)]
				i++
				setNext(p, d)
			}
			then()
		})
	}
	p, d := stringsOf(100)
	want := writes(p, d, func() {}) // Nothing is kept before a digest is asked for.
	at := int64(1000)
	have := writes(p, d, func() {
		at += DigestStep
		if _, ok := p.Digest(at); !ok {
			t.Fatal("no digest")
		}
	})
	if have > want {
		t.Errorf("ten writes and a digest: want %v allocations as without digests, have %v", want, have)
	}
}

// Most entries are plain strings: what a digest needs to know of them must not
// make them larger.
func TestEntryIsSmall(t *testing.T) {
	if have := unsafe.Sizeof(Entry{}); have > 64 {
		t.Errorf("want at most 64 bytes, have %d", have)
	}
	if have := unsafe.Sizeof(extra{}); have > 96 {
		t.Errorf("what only some entries have: want at most 96 bytes, have %d", have)
	}
}

func TestDigestOfLargeCollectionTakesNoMemory(t *testing.T) {
	x := &Entry{}
	for i := range 10_000 {
		x.change(KindHash, keyOf(i), func(c *Cell) { c.put(Write{Dot{1, uint64(i + 1)}, 50, "v"}) })
	}
	if have := testing.AllocsPerRun(10, func() { x.Digest("key", 1000) }); have > 4 {
		t.Errorf("want a few allocations, have %v", have)
	}
}

func BenchmarkApplySet(b *testing.B) {
	p, d := stringsOf(1000)
	p.Digest(1000)
	keys := p.Keys()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		d.Key = keys[i%1000]
		setNext(p, d)
		if i%1000 == 0 {
			p.Digest(1000)
		}
	}
}

func BenchmarkEntry(b *testing.B) {
	p, _ := stringsOf(1000)
	keys := p.Keys()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if p.Entry(keys[i%1000]) == nil {
			b.Fatal("no entry")
		}
	}
}

// BenchmarkDigest changes so many of 100,000 keys and asks for the digest; the
// time of the latter is reported by itself.
func BenchmarkDigest(b *testing.B) {
	for _, dirty := range []int{0, 10, 10_000} {
		b.Run(fmt.Sprintf("dirty=%d", dirty), func(b *testing.B) {
			p, d := stringsOf(100_000)
			p.Digest(1000)
			keys := p.Keys()
			b.ReportAllocs()
			var took time.Duration
			for b.Loop() {
				for i := range dirty {
					d.Key = keys[i*(len(keys)/dirty)]
					setNext(p, d)
				}
				start := time.Now()
				if _, ok := p.Digest(1000); !ok {
					b.Fatal("no digest")
				}
				took += time.Since(start)
			}
			b.ReportMetric(float64(took.Nanoseconds())/float64(b.N), "ns/digest")
		})
	}
}

func BenchmarkEachDigest(b *testing.B) {
	p, _ := stringsOf(100_000)
	p.Digest(1000)
	for b.Loop() {
		p.EachDigest(1000, func(string, uint64) bool { return true })
	}
}

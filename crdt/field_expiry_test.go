package crdt

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"unsafe"
)

// TestFieldsWithoutExpiryCostNothing holds what cells and sections take that have
// nothing to do with the expiry of fields.
func TestFieldsWithoutExpiryCostNothing(t *testing.T) {
	for name, size := range map[string]struct{ have, most uintptr }{
		"cell":                    {unsafe.Sizeof(Cell{}), 48},
		"what a counter has more": {unsafe.Sizeof(cellMore{}), 48},
		"section":                 {unsafe.Sizeof(section{}), 48},
	} {
		if size.have > size.most {
			t.Errorf("%s: want at most %d bytes, have %d", name, size.most, size.have)
		}
	}
	var p Partition
	d := &Delta{Dot: Dot{Replica: 7}, Stamp: StampAt(1000), Key: "k"}
	apply := func(fs ...Effect) float64 {
		d.Effects = fs
		setNext(&p, d)
		return testing.AllocsPerRun(200, func() { setNext(&p, d) })
	}
	put := Effect{Op: EffectPut, Kind: KindHash, Field: "f", Value: "v"}
	plain := apply(put)
	if plain > 2 {
		t.Errorf("HSET over HSET: want two allocations, as ever, have %v", plain)
	}
	if s := p.entries["k"].sectionOf(KindHash); s.order != nil || s.timed != 0 {
		t.Errorf("no field expires: want no index, have %+v", s)
	}
	before := p.Bytes()
	apply(put, Effect{Op: EffectExpireField, Kind: KindHash, Field: "f", At: 90_000})
	if have := p.Bytes(); have <= before {
		t.Errorf("field that expires: want more than %d bytes, have %d", before, have)
	}
	apply(put)
	if have := p.Bytes(); have != before {
		t.Errorf("field that expires no more: want %d bytes again, have %d", before, have)
	}
}

// TestDueOfManyFields compares the index of a large hash's expiries with a look at all.
func TestDueOfManyFields(t *testing.T) {
	var p Partition
	const fields = 3 * fewCells
	at := func(i int) int64 { return 10_000 + int64(i*37%fields)*10 }
	d := &Delta{Dot: Dot{Replica: 7}, Stamp: StampAt(1000), Key: "k"}
	for i := range fields {
		f := fmt.Sprint("f", i)
		d.Effects = []Effect{{Op: EffectPut, Kind: KindHash, Field: f, Value: "v"}}
		if i%3 > 0 {
			d.Effects = append(d.Effects, Effect{Op: EffectExpireField, Kind: KindHash, Field: f, At: at(i)})
		}
		setNext(&p, d)
	}
	e := p.entries["k"]
	check := func(now int64) {
		t.Helper()
		first, next, gone := Never, Never, 0
		for _, c := range e.section(KindHash) {
			due := c.expireAt(0)
			first = min(first, due)
			if due > now {
				next = min(next, due)
			} else {
				gone++
			}
		}
		if e.Due() != first || e.dueAfter(now) != next {
			t.Errorf("at %d: want due %d, then %d, have %d and %d", now, first, next, e.Due(), e.dueAfter(now))
		}
		if have, want := e.View(now).Len(), len(e.section(KindHash))-gone; have != want {
			t.Errorf("at %d: want %d fields, have %d", now, want, have)
		}
		if have := p.entries["k"].sectionOf(KindHash).dueBy(now); len(have) != gone {
			t.Errorf("at %d: want %d fields due, have %d", now, gone, len(have))
		}
	}
	check(0)
	if e.sectionOf(KindHash).order == nil {
		t.Error("large hash: want an index")
	}
	for now := int64(10_000); now < 10_000+10*fields; now += 130 {
		p.Expire(now, 10)
		p.Collect(now, func(Vector, HLC) bool { return true })
		check(now)
	}
	p.Expire(1_000_000, 10)
	p.Collect(1_000_000, func(Vector, HLC) bool { return true })
	if s := e.sectionOf(KindHash); len(s.cells) != fields/3 || s.order != nil || p.Expiring() != 0 {
		t.Errorf("all have expired: want %d fields and no index, have %d, %v, %d due", fields/3, len(s.cells), s.order, p.Expiring())
	}
}

// TestExpiringTellsOfFieldsOnce has fields expire that are kept for long.
func TestExpiringTellsOfFieldsOnce(t *testing.T) {
	var p Partition
	d := &Delta{Dot: Dot{Replica: 7}, Stamp: StampAt(1000), Key: "k"}
	write := func(fs ...Effect) {
		d.Effects = fs
		setNext(&p, d)
	}
	put := func(f string, at int64) []Effect {
		return []Effect{{Op: EffectPut, Kind: KindHash, Field: f, Value: "v"}, {Op: EffectExpireField, Kind: KindHash, Field: f, At: at}}
	}
	write(slices.Concat(put("f", 2000), put("g", 3000), put("h", 4000), put("i", 4000))...)
	expire := func(now int64) (out []string) {
		p.ExpireEach(now, 10, func(key string, shows bool) { out = append(out, fmt.Sprintf("%s %t", key, shows)) })
		return out
	}
	for _, step := range []struct {
		now  int64
		then func()
		want []string
	}{
		{1500, nil, nil},
		{2000, nil, []string{"k true"}},
		{2000, nil, nil},
		{2500, func() { write(Effect{Op: EffectPut, Kind: KindHash, Field: "j", Value: "v"}) }, nil},
		{3000, nil, []string{"k true"}},
		{3500, func() { write(Effect{Op: EffectRemove, Kind: KindHash, Field: "j"}) }, nil},
		{4000, nil, []string{"k false"}},
	} {
		if step.then != nil {
			step.then()
		}
		if have := expire(step.now); !slices.Equal(have, step.want) {
			t.Errorf("at %d: want %v, have %v", step.now, step.want, have)
		}
		if err := CheckWaiting(&p); err != nil {
			t.Errorf("at %d: %v", step.now, err)
		}
		if step.now >= 2000 && p.Waiting().Keys != 1 {
			t.Errorf("at %d: want what has expired to wait, have %+v", step.now, p.Waiting())
		}
	}
}

func TestLiveFormOfFieldsThatExpire(t *testing.T) {
	entry := func(change func(c *Cell)) *Entry {
		x := &Entry{}
		for _, f := range []string{"f", "g"} {
			x.change(KindHash, f, func(c *Cell) {
				c.put(Write{Dot{1, 1}, StampAt(10), "v"})
				c.setSum(Contribution{Replica: 1, Start: 2, N: 2, Stamp: StampAt(3000), Total: Number{Int: 1}})
				c.expire(&Sight{self: Dot{1, 2}}, Expiry{Dot{1, 3}, StampAt(20), 2000})
			})
		}
		if change != nil {
			x.change(KindHash, "f", change)
		}
		return x
	}
	const at = 1000
	plain := entry(nil)
	for name, test := range map[string]struct {
		change func(c *Cell)
		same   bool
	}{
		"another time":     {func(c *Cell) { c.life().expiries[0].At++ }, false},
		"no expiry":        {func(c *Cell) { c.dropExpiries(func(Expiry) bool { return true }) }, false},
		"no override":      {func(c *Cell) { c.life().mortal = nil }, false},
		"who asked for it": {func(c *Cell) { c.life().expiries[0].Dot.N++ }, true},
		"a shorter one":    {func(c *Cell) { c.life().addExpiry(Expiry{Dot{2, 9}, StampAt(20), 1500}) }, true},
	} {
		x := entry(test.change)
		if have := string(x.AppendLive(nil, "k", at)) == string(plain.AppendLive(nil, "k", at)); have != test.same {
			t.Errorf("%s: want the same live form: %t, have %t", name, test.same, have)
		}
		if have := x.Digest("k", at) == plain.Digest("k", at); have != test.same {
			t.Errorf("%s: want the same digest: %t, have %t", name, test.same, have)
		}
	}
	if v := plain.View(2000); v.Digest("k", 2000) == plain.Digest("k", at) || v.FieldExpireAt("f") != Never {
		t.Errorf("outlived: want another digest and no expiry, have %d", v.FieldExpireAt("f"))
	}
}

func TestRepairOfFieldsThatExpire(t *testing.T) {
	field := func(n uint64, at int64) func(*Entry) {
		return func(e *Entry) {
			e.change(KindHash, "f", func(c *Cell) {
				c.put(Write{Dot{1, 1}, StampAt(10), "v"})
				if at != 0 {
					c.expire(&Sight{self: Dot{1, n - 1}}, Expiry{Dot{1, n}, StampAt(20), at})
				}
			})
			e.change(KindHash, "g", func(c *Cell) { c.put(Write{Dot{1, 2}, StampAt(10), "v"}) })
		}
	}
	for name, test := range map[string]struct {
		a, b func(*Entry)
		want int64
	}{
		"the expiry is lost":      {field(0, 0), field(3, 9000), 9000},
		"one is earlier":          {field(3, 7000), field(3, 9000), 9000},
		"one has come":            {field(3, 4000), field(3, 9000), 9000},
		"one has come, none else": {field(3, 4000), field(0, 0), Never},
		"not seen":                {field(0, 0), field(11, 9000), Never},
	} {
		p, q := twoCopies(test.a, test.b)
		p.Repair("k", q.entries["k"].Clone(), nil, 5000)
		v := p.entries["k"].View(5000)
		if have, ok := v.Field("f"); !ok || have != "v" || v.FieldExpireAt("f") != test.want {
			t.Errorf("%s: want v until %d, have %q, %t until %d", name, test.want, have, ok, v.FieldExpireAt("f"))
		}
		if p.Repair("k", q.entries["k"], nil, 5000) {
			t.Errorf("%s: want no change when repaired again", name)
		}
		if err := CheckBytes(p); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFieldExpiryErrors(t *testing.T) {
	e := &Entry{}
	e.change(KindSet, "m", func(c *Cell) { c.put(Write{Dot{1, 1}, StampAt(10), ""}) })
	m := NewMutator(e, NewWrite{Dot: Dot{1, 2}, Stamp: StampAt(20), Now: 20})
	for name, f := range map[string]func() (bool, error){
		"HEXPIRE":           func() (bool, error) { return m.HExpire("f", 90) },
		"HEXPIRE in past":   func() (bool, error) { return m.HExpire("f", 9) },
		"HPERSIST":          func() (bool, error) { return m.HPersist("f") },
		"HSETEX":            func() (bool, error) { return m.HSetUntil("f", "v", 90) },
		"HSETEX in past":    func() (bool, error) { return m.HSetUntil("f", "v", 9) },
		"HSETEX for ever":   func() (bool, error) { return m.HSetUntil("f", "v", Never) },
		"HPERSIST in a set": func() (bool, error) { return m.HPersist("m") },
	} {
		if ok, err := f(); ok || !errors.Is(err, ErrWrongType) {
			t.Errorf("%s of a set: want %v, have %t, %v", name, ErrWrongType, ok, err)
		}
	}
	if len(m.Effects()) > 0 {
		t.Errorf("refused: want no effects, have %v", m.Effects())
	}
}

// TestBadFieldExpiriesAreRefused decodes what no encoder of this kind writes.
func TestBadFieldExpiriesAreRefused(t *testing.T) {
	expires := func(c *Cell) { c.expire(&Sight{}, Expiry{Dot{1, 2}, 5, 9}) }
	put := func(c *Cell) { c.put(Write{Dot{1, 1}, 4, EncodeScore(1)}) }
	for name, test := range map[string]struct {
		make func(e *Entry)
		ok   bool
	}{
		"a hash's":        {func(e *Entry) { e.change(KindHash, "f", put); e.change(KindHash, "f", expires) }, true},
		"an expiry alone": {func(e *Entry) { e.change(KindHash, "f", expires) }, true},
		"a sorted set's":  {func(e *Entry) { e.change(KindZSet, "f", put); e.change(KindZSet, "f", expires) }, false},
		"a string's":      {func(e *Entry) { e.str.put(Write{Dot{1, 1}, 4, ""}); expires(&e.str) }, false},
		"no live write overridden": {func(e *Entry) {
			e.change(KindHash, "f", expires)
			e.change(KindHash, "f", func(c *Cell) { c.life().mortal = []Dot{{1, 1}} })
		}, false},
		"out of order": {func(e *Entry) {
			e.change(KindHash, "f", func(c *Cell) { c.ensureRare().expiries = []Expiry{{Dot{1, 3}, 5, 9}, {Dot{1, 2}, 5, 9}} })
		}, false},
		"at or before the cut": {func(e *Entry) { e.change(KindHash, "f", expires); e.x.cut = 5 }, false},
		"before the epoch":     {func(e *Entry) { e.change(KindHash, "f", func(c *Cell) { expires(c); c.life().expiries[0].At = 0 }) }, false},
	} {
		e := &Entry{}
		test.make(e)
		b := AppendEntry(nil, e)
		have, err := DecodeEntry(b)
		if (err == nil) != test.ok || !test.ok && !errors.Is(err, ErrCodec) {
			t.Errorf("%s: want it taken: %t, have %v", name, test.ok, err)
		}
		if test.ok && string(AppendEntry(nil, have)) != string(b) {
			t.Errorf("%s: decoded and encoded again it is another", name)
		}
	}
	cut := &Delta{Dot: Dot{1, 3}, From: 3, Stamp: 9, Key: "k", Effects: []Effect{{Op: EffectExpireField, Kind: KindSet, Field: "f", At: Never}}}
	if _, err := DecodeDelta(AppendDelta(nil, cut)); !errors.Is(err, ErrUnknown) {
		t.Errorf("expiry of a set's member: want %v, have %v", ErrUnknown, err)
	}
}

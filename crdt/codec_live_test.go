package crdt

import (
	"bytes"
	"fmt"
	"math"
	"testing"
)

func TestLiveFormIsEqualOnSettledReplicas(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		w.settle()
		for _, key := range worldKeys {
			for _, now := range []int64{w.now, w.now + 700, w.now + 5000} {
				want := w.reps[0].p.Entry(key).cloneOrNew().AppendLive(nil, key, now)
				for _, r := range w.reps[1:] {
					wantBytes(t, fmt.Sprintf("%q", key), want, r.p.Entry(key).cloneOrNew().AppendLive(nil, key, now))
				}
			}
		}
	})
}

// collected returns the entry as one that has collected all that it may once
// everything is stable, and more: of counters no more is kept than what shows.
func collected(x *Entry, now int64) *Entry {
	x = x.Clone()
	x.trim(now)
	x.changeAll(func(c *Cell) {
		for i := range c.Contributions() {
			s := &c.more.sums[i]
			s.Total, s.Removed, s.RemovedN, s.Start = s.Net(), Number{}, 0, s.N
		}
	})
	return x
}

func TestLiveFormDoesNotShowCollection(t *testing.T) {
	visible, gone, smaller := 0, 0, 0
	eachWorld(t, func(t *testing.T, w *world) {
		for _, r := range w.reps {
			for _, key := range r.p.Keys() {
				for _, now := range []int64{w.now, w.now + 700, w.now + 5000} {
					x := r.p.Entry(key)
					y := collected(x, now)
					have := x.AppendLive(nil, key, now)
					wantBytes(t, fmt.Sprintf("%q at %d", key, now), have, y.AppendLive(nil, key, now))
					if x, y := x.Digest(key, now), y.Digest(key, now); x != y || (x == 0) != (len(have) == 0) {
						t.Errorf("%q at %d: want equal digests for %x, have %x and %x", key, now, have, x, y)
					}
					if exists := x.View(now).Exists(); exists != (len(have) > 0) {
						t.Errorf("%q: exists %v, have %x", key, exists, have)
					} else if exists {
						visible++
					} else {
						gone++
					}
					if !bytes.Equal(AppendEntry(nil, x), AppendEntry(nil, y)) {
						smaller++
					}
				}
			}
		}
	})
	if visible < 300 || gone < 50 || smaller < 100 {
		t.Errorf("the worlds had %d visible keys, %d gone, %d collected: too few to say anything", visible, gone, smaller)
	}
}

// liveEntry returns an entry with something of all that an entry can hold, which
// shows a kind, string or hash, and expires soon.
func liveEntry(k Kind, at int64) *Entry {
	x := &Entry{}
	put := func(k Kind, f string, w Write) { x.change(k, f, func(c *Cell) { c.put(w) }) }
	top := map[Kind]HLC{k: 100}
	put(KindString, "", Write{Dot{1, 1}, 50 + top[KindString], "v"})
	put(KindString, "", Write{Dot{2, 1}, 40 + top[KindString], "loser"})
	put(KindHash, "f", Write{Dot{1, 2}, 45 + top[KindHash], "v"})
	add := func(k Kind, f string) {
		sum := Contribution{Replica: 1, Start: 3, N: 4, Stamp: 46 + top[k], Total: Number{Int: 5}}
		x.change(k, f, func(c *Cell) { c.setSum(sum) })
	}
	add(KindString, "")
	add(KindHash, "n")
	x.ensureExtra().addExpiry(Expiry{Dot{1, 5}, 47, at + 9})
	x.x.mortal = []Dot{{1, 1}, {2, 1}}
	return x
}

type liveChange map[string]func(x *Entry)

// checkLive checks that the live form and the digest show some changes to the
// entry of a kind and no others.
func checkLive(t *testing.T, k Kind, shown, unseen liveChange) {
	t.Helper()
	const at = 1000
	forms := func(change func(x *Entry)) ([]byte, uint64) {
		x := liveEntry(k, at)
		if v := x.View(at); v.Kind() != k || v.ExpireAt() != at+9 {
			t.Fatalf("want a %v that expires, have %v until %d", k, v.Kind(), v.ExpireAt())
		}
		if change != nil {
			change(x)
		}
		return x.AppendLive([]byte("before"), "key", at)[6:], x.Digest("key", at)
	}
	plain, digest := forms(nil)
	for name, change := range shown {
		if form, d := forms(change); bytes.Equal(plain, form) || d == digest || d <= staleDigest {
			t.Errorf("%v, %s changed: want others than %x and %x, have %x", k, name, plain, digest, d)
		}
	}
	for name, change := range unseen {
		form, d := forms(change)
		wantBytes(t, fmt.Sprintf("%v, %s changed", k, name), plain, form)
		if d != digest {
			t.Errorf("%v, %s changed: want %x, have %x", k, name, digest, d)
		}
	}
}

func TestLiveFormOfAString(t *testing.T) {
	checkLive(t, KindString, liveChange{
		"a value":      func(x *Entry) { x.str.write.Value = "w" },
		"a stamp":      func(x *Entry) { x.str.write.Stamp++ },
		"a number":     func(x *Entry) { x.str.write.Dot.N++; x.x.mortal = []Dot{{1, 2}, {2, 1}} },
		"the winner":   func(x *Entry) { x.str.setWrites(x.str.Writes()[1:]) },
		"an increment": func(x *Entry) { x.str.more.sums[0].Total.Int++ },
		"half of one":  func(x *Entry) { x.str.more.sums[0].Total.Float = 0.5 },
		"its number":   func(x *Entry) { x.str.more.sums[0].N++ },
		"its replica":  func(x *Entry) { x.str.more.sums[0].Replica++ },
		"no increment": func(x *Entry) { x.str.dropSums(func(Contribution) bool { return true }) },
		"an expiry":    func(x *Entry) { x.x.expiries[0].At++ },
		"a longer one": func(x *Entry) { x.x.addExpiry(Expiry{Dot{2, 2}, 48, 2000}) },
		"no expiry":    func(x *Entry) { x.x.expiries = nil },
		"an override":  func(x *Entry) { x.x.mortal = []Dot{{1, 1}} },
		"the kind": func(x *Entry) {
			x.change(KindSet, "", func(c *Cell) { c.put(Write{Dot{3, 1}, 900, "v"}) })
		},
		"a cut": func(x *Entry) { x.x.cut = 148 },
	}, liveChange{
		"a loser":             func(x *Entry) { x.str.more.rare.losers[0].Value = "w" },
		"no loser":            func(x *Entry) { x.str.more.rare.losers = nil },
		"a hidden kind":       func(x *Entry) { x.change(KindHash, "f", func(c *Cell) { c.write.Value = "w" }) },
		"no hidden kind":      func(x *Entry) { x.x.sections = nil },
		"a low cut":           func(x *Entry) { x.x.cut = 3 },
		"a shorter expiry":    func(x *Entry) { x.x.addExpiry(Expiry{Dot{2, 2}, 48, 1003}) },
		"one that has passed": func(x *Entry) { x.x.addExpiry(Expiry{Dot{2, 2}, 48, 999}) },
		"who asked for it":    func(x *Entry) { x.x.expiries[0].Dot.N++; x.x.expiries[0].Stamp++ },
		"minus zero":          func(x *Entry) { x.str.more.sums[0].Total.Float = math.Copysign(0, -1) },
		"a removed increment": func(x *Entry) {
			x.str.setSum(Contribution{Replica: 2, Start: 1, N: 1, Stamp: 146, RemovedN: 1})
		},
		"what was removed before": func(x *Entry) {
			s := &x.str.more.sums[0]
			s.Start, s.RemovedN, s.Total, s.Removed = 1, 2, Number{Int: 9}, Number{Int: 4}
		},
	})
}

func TestLiveFormOfACollection(t *testing.T) {
	in := func(field string, f func(c *Cell)) func(x *Entry) {
		return func(x *Entry) { x.change(KindHash, field, f) }
	}
	rename := func(from, to string) func(x *Entry) {
		return func(x *Entry) {
			c := x.cell(KindHash, from)
			x.change(KindHash, to, func(o *Cell) { *o = c })
			x.change(KindHash, from, func(o *Cell) { *o = Cell{} })
		}
	}
	checkLive(t, KindHash, liveChange{
		"a value":      in("f", func(c *Cell) { c.write.Value = "w" }),
		"a field":      in("f", func(c *Cell) { *c = Cell{} }),
		"a new field":  in("g", func(c *Cell) { c.put(Write{Dot{3, 1}, 1, ""}) }),
		"an increment": in("n", func(c *Cell) { c.more.sums[0].Total.Int++ }),
		"a name":       rename("f", "g"),
		"another name": rename("n", "m"),
		"an expiry":    func(x *Entry) { x.x.expiries[0].At++ },
		"the kind":     func(x *Entry) { x.x.sections[0].kind = KindZSet },
	}, liveChange{
		"a loser":       in("f", func(c *Cell) { c.put(Write{Dot{3, 1}, 1, ""}) }),
		"a hidden kind": func(x *Entry) { x.str.write.Value = "w" },
		"a removed field": in("gone", func(c *Cell) {
			c.setSum(Contribution{Replica: 1, Start: 1, N: 1, Stamp: 146, RemovedN: 1})
		}),
		"a hidden field": func(x *Entry) {
			x.x.cut = 3
			in("gone", func(c *Cell) { c.setSum(Contribution{Replica: 1, Start: 1, N: 1, Stamp: 2}) })(x)
		},
	})
}

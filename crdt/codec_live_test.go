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
// everything is stable: what is hidden or removed for good, and what hid it.
func collected(x *Entry, now int64) *Entry {
	x = x.Clone()
	hide, expired := x.hide(now), x.ExpireAt() <= now
	x.changeAll(func(c *Cell) {
		c.dropWrites(func(w Write) bool { return w.Stamp <= hide })
		c.dropSums(func(s Contribution) bool { return !s.live(hide) })
		for i := range c.Contributions() {
			s := &c.more.sums[i]
			s.Total, s.Removed, s.RemovedN, s.Start = s.Net(), Number{}, 0, s.N
		}
	})
	if x.x != nil {
		x.x.cut = 0
		if expired {
			x.x.expiries = nil
		}
	}
	x.tidy()
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

func TestLiveFormShowsWhatIsLive(t *testing.T) {
	const at = 1000
	build := func(change func(x *Entry)) []byte {
		x := &Entry{}
		put := func(k Kind, f string, w Write) { x.change(k, f, func(c *Cell) { c.put(w) }) }
		put(KindString, "", Write{Dot{1, 1}, 50, "v"})
		put(KindString, "", Write{Dot{2, 1}, 40, "loser"})
		put(KindHash, "f", Write{Dot{1, 2}, 45, "v"})
		x.change(KindHash, "n", func(c *Cell) {
			c.setSum(Contribution{Replica: 1, Start: 3, N: 4, Stamp: 46, Total: Number{Int: 5}})
		})
		x.ensureExtra().addExpiry(Expiry{Dot{1, 5}, 47, at + 9})
		x.x.mortal = []Dot{{2, 1}}
		if change != nil {
			change(x)
		}
		return x.AppendLive([]byte("before"), "key", at)[6:]
	}
	plain := build(nil)
	for name, change := range map[string]func(x *Entry){
		"a value":       func(x *Entry) { x.str.write.Value = "w" },
		"a stamp":       func(x *Entry) { x.str.write.Stamp++ },
		"a loser":       func(x *Entry) { x.str.more.losers[0].Value = "w" },
		"no loser":      func(x *Entry) { x.str.more = nil },
		"a hidden kind": func(x *Entry) { x.change(KindHash, "f", func(c *Cell) { c.write.Value = "w" }) },
		"a field":       func(x *Entry) { x.change(KindHash, "f", func(c *Cell) { *c = Cell{} }) },
		"a kind": func(x *Entry) {
			x.change(KindSet, "s", func(c *Cell) { c.put(Write{Dot{3, 1}, 1, ""}) })
		},
		"an increment": func(x *Entry) {
			x.change(KindHash, "n", func(c *Cell) { c.more.sums[0].Total.Int++ })
		},
		"half an increment": func(x *Entry) {
			x.change(KindHash, "n", func(c *Cell) { c.more.sums[0].Total.Float = 0.5 })
		},
		"an expiry":         func(x *Entry) { x.x.expiries[0].At++ },
		"a shorter expiry":  func(x *Entry) { x.x.addExpiry(Expiry{Dot{2, 2}, 48, at - 1}) },
		"what is overriden": func(x *Entry) { x.x.mortal = []Dot{{1, 1}} },
	} {
		if have := build(change); bytes.Equal(plain, have) {
			t.Errorf("%s changed: want other bytes than %x", name, plain)
		}
	}
	for name, change := range map[string]func(x *Entry){
		"a cut below everything": func(x *Entry) { x.x.cut = 3 },
		"a removed increment": func(x *Entry) {
			x.change(KindHash, "gone", func(c *Cell) {
				c.setSum(Contribution{Replica: 1, Start: 1, N: 1, Stamp: 46, RemovedN: 1})
			})
		},
		"minus zero": func(x *Entry) {
			x.change(KindHash, "n", func(c *Cell) { c.more.sums[0].Total.Float = math.Copysign(0, -1) })
		},
		"what was removed before": func(x *Entry) {
			x.change(KindHash, "n", func(c *Cell) {
				s := &c.more.sums[0]
				s.Start, s.RemovedN, s.Total, s.Removed = 1, 2, Number{Int: 9}, Number{Int: 4}
			})
		},
	} {
		wantBytes(t, name, plain, build(change))
	}
}

package pebblestore_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/pebblestore"
	"github.com/atollcache/atoll/region"
)

// puts fills a batch with puts as a partition would, at a head of so many keys.
func puts(t testing.TB, s *pebblestore.Store, p region.Partition, us ...crdt.Put) {
	t.Helper()
	b := s.NewBatch()
	for _, u := range us {
		if err := b.Put(p, u); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Commit(true); err != nil {
		t.Fatal(err)
	}
}

// recorder notes the deltas that are applied to an entry of one key.
func hashDeltas(t testing.TB, n int) (base *crdt.Entry, deltas []*crdt.Delta, want *crdt.Entry) {
	t.Helper()
	w := newWriter(t, 77)
	part := &crdt.Partition{}
	apply := func(f func(m *crdt.Mutator)) {
		write := crdt.NewWrite{
			Dot: crdt.Dot{Replica: w.life, N: part.Vector().Get(w.life) + 1}, Stamp: crdt.StampAt(w.now), Now: w.now,
		}
		w.now++
		m := crdt.NewMutator(part.Entry("key"), write)
		f(m)
		d := &crdt.Delta{Dot: write.Dot, From: write.Dot.N, Stamp: write.Stamp, Key: "key", Effects: m.Effects()}
		if len(d.Effects) == 0 {
			return
		}
		if err := part.Apply(d); err != nil {
			t.Fatal(err)
		}
		deltas = append(deltas, d)
	}
	for i := range 100 {
		apply(func(m *crdt.Mutator) { _, _ = m.HSet(fmt.Sprintf("f%d", i), strings.Repeat("x", 100)) })
	}
	base, deltas = part.Entry("key").Clone(), nil
	for i := range n {
		apply(func(m *crdt.Mutator) {
			switch w.rng.IntN(5) {
			case 0:
				_, _ = m.HDel(fmt.Sprintf("f%d", w.rng.IntN(150)))
			case 1:
				_, _ = m.HIncr(fmt.Sprintf("n%d", w.rng.IntN(5)), int64(i))
			case 2:
				m.Expire(w.now + 1000)
			default:
				_, _ = m.HSet(fmt.Sprintf("f%d", w.rng.IntN(150)), fmt.Sprint(i))
			}
		})
	}
	return base, deltas, part.Entry("key").Clone()
}

func whole(e *crdt.Entry) crdt.Put {
	return crdt.Put{Key: "key", Entry: e, ExpireAt: crdt.Never, WasExpireAt: crdt.Never}
}

func onTop(deltas ...*crdt.Delta) crdt.Put {
	return crdt.Put{Key: "key", Deltas: deltas, ExpireAt: crdt.Never, WasExpireAt: crdt.Never}
}

// TestMerge: deltas on top of an entry are that entry with them applied, however
// they were grouped, flushed and compacted.
func TestMerge(t *testing.T) {
	t.Parallel()
	base, deltas, want := hashDeltas(t, 120)
	for name, flush := range map[string]func(s *pebblestore.Store, i int){
		"in memory": func(*pebblestore.Store, int) {},
		"flushed": func(s *pebblestore.Store, i int) {
			if i%20 == 0 {
				compact(t, s, false)
			}
		},
		"compacted":       func(s *pebblestore.Store, i int) { compact(t, s, i%30 == 0) },
		"base below":      func(s *pebblestore.Store, i int) { compact(t, s, i == 0) },
		"compacted often": func(s *pebblestore.Store, i int) { compact(t, s, true) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := open(t, small(vfs.NewMem()), "/store")
			defer shut(t, s)
			puts(t, s, 1, whole(base))
			for i := 0; i < len(deltas); i += 3 {
				flush(s, i)
				puts(t, s, 1, onTop(deltas[i:min(i+3, len(deltas))]...))
			}
			for range 2 {
				have, err := s.Tier(1).Load("key")
				if err != nil {
					t.Fatal(err)
				}
				if string(crdt.AppendEntry(nil, have)) != string(crdt.AppendEntry(nil, want)) {
					t.Fatal("deltas merged are not the deltas applied")
				}
				n := 0
				if err := s.Tier(1).Each("", func(string, *crdt.Entry) bool { n++; return true }); err != nil || n != 1 {
					t.Errorf("each: %d keys, %v", n, err)
				}
				compact(t, s, true)
			}
		})
	}
}

func compact(t testing.TB, s *pebblestore.Store, all bool) {
	t.Helper()
	if err := s.Compact(all); err != nil {
		t.Error(err)
	}
}

// TestMergeBroken: what cannot be merged is an error that names the key, for it
// alone and in every state; nothing waits for it, and saving the key whole, or
// deleting it, ends it.
func TestMergeBroken(t *testing.T) {
	t.Parallel()
	base, deltas, want := hashDeltas(t, 6)
	good := crdt.AppendEntry([]byte{1}, base)
	delta := crdt.AppendDelta(nil, deltas[0])
	frame := append([]byte{2, byte(len(delta)), 0}, delta...)
	frame[1], frame[2] = byte(len(delta))|0x80, byte(len(delta)>>7)
	newer := append([]byte{}, good...)
	newer[0] = 9
	for name, c := range map[string]struct {
		base, operand []byte
		want          error
	}{
		"operand is cut":          {good, frame[:len(frame)-5], pebblestore.ErrDamaged},
		"operand is no delta":     {good, []byte{2, 3, 1, 2, 3}, pebblestore.ErrDamaged},
		"operand has no form":     {good, []byte{77}, pebblestore.ErrDamaged},
		"operand is empty":        {good, []byte{}, pebblestore.ErrDamaged},
		"operand is an entry":     {good, good, pebblestore.ErrDamaged},
		"base is cut":             {good[:len(good)/2], frame, pebblestore.ErrDamaged},
		"base is empty":           {[]byte{}, frame, pebblestore.ErrDamaged},
		"base of a later version": {newer, frame, pebblestore.ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := open(t, small(vfs.NewMem()), "/store")
			defer shut(t, s)
			w := newWriter(t, 4)
			part := w.part(s, 1)
			w.set(part, "a", "first")
			w.set(part, "z", "last")
			save(t, s, 1, part, true)
			if err := s.SetRow(1, "key", c.base, c.operand); err != nil {
				t.Fatal(err)
			}
			for _, state := range []string{"in memory", "flushed", "compacted"} {
				if state != "in memory" {
					compact(t, s, state == "compacted")
				}
				_, err := s.Tier(1).Load("key")
				if !errors.Is(err, c.want) || !strings.Contains(err.Error(), `"key"`) {
					t.Errorf("%s: have %v, want %v and the key", state, err, c.want)
				}
				for key, want := range map[string]string{"a": "first", "z": "last"} {
					if v, err := text(s.Tier(1), key); v != want || err != nil {
						t.Errorf("%s: %s is %q, %v", state, key, v, err)
					}
				}
				err = s.Tier(1).Each("", func(string, *crdt.Entry) bool { return true })
				if !errors.Is(err, c.want) {
					t.Errorf("%s: each: have %v, want %v", state, err, c.want)
				}
				puts(t, s, 1, onTop(deltas[0])) // On top of the broken: stays broken.
			}
			if err := s.Err(); err != nil {
				t.Errorf("writing has ended: %v", err)
			}
			puts(t, s, 1, whole(want))
			compact(t, s, true)
			if e, err := s.Tier(1).Load("key"); e == nil || err != nil {
				t.Errorf("saved whole: have %v, %v", e, err)
			}
			puts(t, s, 1, crdt.Put{Key: "key", ExpireAt: crdt.Never, WasExpireAt: crdt.Never})
			if e, err := s.Tier(1).Load("key"); e != nil || err != nil {
				t.Errorf("gone: have %v, %v", e, err)
			}
		})
	}
}

// TestNewerEntry: an entry that a later version has written says so.
func TestNewerEntry(t *testing.T) {
	t.Parallel()
	s, _ := open(t, small(vfs.NewMem()), "/store")
	defer shut(t, s)
	if err := s.SetRow(1, "key", []byte{9, 1, 2}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Tier(1).Load("key"); !errors.Is(err, pebblestore.ErrNewer) || !strings.Contains(err.Error(), `"key"`) {
		t.Errorf("have %v, want ErrNewer and the key", err)
	}
}

// FuzzMerge merges any bytes: never a panic, and how the values are grouped does not
// matter when they are all deltas or all are good.
func FuzzMerge(f *testing.F) {
	base, deltas, _ := hashDeltas(f, 3)
	f.Add(crdt.AppendEntry([]byte{1}, base), pebblestore.DeltasValue(deltas[:1]), pebblestore.DeltasValue(deltas[1:]))
	f.Add([]byte{1}, []byte{2, 1, 1}, []byte{3, 1, 2})
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		left, err1 := pebblestore.MergeValues(true, a, b, c)
		right, err2 := pebblestore.MergeValues(false, b, c)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		grouped, err := pebblestore.MergeValues(true, a, right)
		if err != nil {
			t.Fatal(err)
		}
		if (left[0] == 1) != (grouped[0] == 1) || left[0] == 1 && string(left) != string(grouped) {
			t.Errorf("merged at once %x, grouped %x", left, grouped)
		}
	})
}

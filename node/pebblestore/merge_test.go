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

// patches returns a large hash, what patches make of it in n steps, and the patches.
func patches(t testing.TB, n int) (base *crdt.Entry, steps []*crdt.Patch, want *crdt.Entry) {
	t.Helper()
	s, _ := open(t, small(vfs.NewMem()), "/store")
	defer shut(t, s)
	w := newWriter(t, 77)
	part := w.part(s, 1)
	for i := range 100 {
		w.do(part, "key", func(m *crdt.Mutator) { _, _ = m.HSet(fmt.Sprintf("f%d", i), strings.Repeat("x", 100)) })
	}
	base = part.Entry("key").Clone()
	save(t, s, 1, part, false)
	for len(steps) < n {
		for range 1 + w.rng.IntN(3) {
			w.do(part, "key", func(m *crdt.Mutator) {
				switch w.rng.IntN(5) {
				case 0:
					_, _ = m.HDel(fmt.Sprintf("f%d", w.rng.IntN(150)))
				case 1:
					_, _ = m.HIncr(fmt.Sprintf("n%d", w.rng.IntN(5)), w.now)
				case 2:
					m.Expire(w.now + 1_000_000)
				default:
					_, _ = m.HSet(fmt.Sprintf("f%d", w.rng.IntN(150)), fmt.Sprint(w.now))
				}
			})
		}
		_, epoch, err := part.Save(func(u crdt.Put) error {
			if u.Patch == nil {
				t.Fatalf("saved whole: %+v", u)
			}
			p, err := crdt.DecodePatch(crdt.AppendPatch(nil, u.Patch))
			steps = append(steps, p)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		part.Saved(epoch)
	}
	return base, steps, part.Entry("key").Clone()
}

func whole(e *crdt.Entry) crdt.Put {
	return crdt.Put{Key: "key", Entry: e, ExpireAt: crdt.Never, WasExpireAt: crdt.Never}
}

func onTop(p *crdt.Patch) crdt.Put {
	return crdt.Put{Key: "key", Patch: p, ExpireAt: crdt.Never, WasExpireAt: crdt.Never}
}

// TestMerge: patches on top of an entry are what it became, however they were
// grouped, flushed and compacted.
func TestMerge(t *testing.T) {
	t.Parallel()
	base, steps, want := patches(t, 60)
	for name, flush := range map[string]func(s *pebblestore.Store, i int){
		"in memory": func(*pebblestore.Store, int) {},
		"flushed": func(s *pebblestore.Store, i int) {
			if i%10 == 0 {
				compact(t, s, false)
			}
		},
		"compacted":       func(s *pebblestore.Store, i int) { compact(t, s, i%15 == 0) },
		"base below":      func(s *pebblestore.Store, i int) { compact(t, s, i == 0) },
		"compacted often": func(s *pebblestore.Store, i int) { compact(t, s, true) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := open(t, small(vfs.NewMem()), "/store")
			defer shut(t, s)
			puts(t, s, 1, whole(base))
			for i, step := range steps {
				flush(s, i)
				puts(t, s, 1, onTop(step))
			}
			for range 2 {
				have, err := s.Tier(1).Load("key")
				if err != nil {
					t.Fatal(err)
				}
				if string(crdt.AppendEntry(nil, have)) != string(crdt.AppendEntry(nil, want)) {
					t.Fatal("patches merged are not what they were made of")
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
	base, steps, want := patches(t, 3)
	good := crdt.AppendEntry([]byte{1}, base)
	patch := pebblestore.PatchValue(steps[0])
	newer := append([]byte{}, good...)
	newer[0] = 9
	for name, c := range map[string]struct {
		base, operand []byte
		want          error
	}{
		"operand is cut":          {good, patch[:len(patch)-5], pebblestore.ErrDamaged},
		"operand is no patch":     {good, []byte{2, 3, 1, 2, 3}, pebblestore.ErrDamaged},
		"operand has no form":     {good, []byte{77}, pebblestore.ErrDamaged},
		"operand is empty":        {good, []byte{}, pebblestore.ErrDamaged},
		"operand is an entry":     {good, good, pebblestore.ErrDamaged},
		"base is cut":             {good[:len(good)/2], patch, pebblestore.ErrDamaged},
		"base is empty":           {[]byte{}, patch, pebblestore.ErrDamaged},
		"no base":                 {nil, patch, pebblestore.ErrDamaged},
		"base of a later version": {newer, patch, pebblestore.ErrDamaged},
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
				puts(t, s, 1, onTop(steps[0])) // On top of the broken: stays broken.
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
// matter when they are all patches or all are good.
func FuzzMerge(f *testing.F) {
	base, steps, _ := patches(f, 3)
	f.Add(crdt.AppendEntry([]byte{1}, base), pebblestore.PatchValue(steps[0]), pebblestore.PatchValue(steps[1]))
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

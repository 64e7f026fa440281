package crdt_test

import (
	"strings"
	"testing"

	"github.com/atollcache/atoll/crdt"
)

// TestSavesWhatHasChangedOfLargeEntries: of a large entry the cells that have, of a
// small one or one that has changed very much everything.
func TestSavesWhatHasChangedOfLargeEntries(t *testing.T) {
	s := newSite(t)
	s.write(1000, "h", func(m *crdt.Mutator) { m.HSet("f", "small") })
	do := func(f func(*crdt.Mutator)) func() {
		return func() {
			t.Helper()
			if err := s.write(1000, "h", f); err != nil {
				t.Fatal(err)
			}
		}
	}
	hset := func(field, value string) func() { return do(func(m *crdt.Mutator) { _, _ = m.HSet(field, value) }) }
	fill := func(value string) func() {
		return func() {
			for i := range 200 {
				hset(name(i), strings.Repeat(value, 50))()
			}
		}
	}
	for _, step := range []struct {
		name string
		do   func()
		want bool // a patch
	}{
		{"new", func() {}, false},
		{"small", hset("f", "small still"), false},
		{"grown", fill("v"), false},
		{"two fields", func() { hset("f", "1")(); hset("g", "2")(); hset("f", "3")() }, true},
		{"a field removed", do(func(m *crdt.Mutator) { _, _ = m.HDel("g") }), true},
		{"a field removed and put again", func() { do(func(m *crdt.Mutator) { _, _ = m.HDel("f") })(); hset("f", "4")() }, true},
		{"an expiry", do(func(m *crdt.Mutator) { m.Expire(9_000_000) }), true},
		{"no expiry", do(func(m *crdt.Mutator) { m.Persist() }), true},
		{"nearly all fields", fill("w"), false},
		{"repaired", func() { s.p.Repair("h", damaged(s.p.Entry("h")), s.p.Vector(), 1000) }, true},
		{"a time cut, and again", func() { do(func(m *crdt.Mutator) { m.Invalidate() })(); fill("x")() }, false},
		{"a few of them", func() { hset(name(3), "5")(); hset("h", "6")() }, true},
		{"after a save that failed", func() {
			hset("f", "7")()
			_, epoch, err := s.p.Save(func(crdt.Put) error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			hset("f", "8")()
			s.p.Unsaved(epoch)
		}, false},
		{"and the one after", hset("f", "9"), true},
		{"a copy of it", func() {
			hset("f", "10")()
			s.p.Entry("h").Clone().Apply(&crdt.Delta{Dot: crdt.Dot{Replica: 7, N: 9999}, From: 9999, Stamp: crdt.StampAt(2000), Key: "h",
				Effects: []crdt.Effect{{Op: crdt.EffectPut, Kind: crdt.KindHash, Field: strings.Repeat("z", 3000), Value: "v"}}})
		}, true},
		{"removed and begun again", func() { do(func(m *crdt.Mutator) { m.Del() })(); fill("y")() }, false},
	} {
		step.do()
		puts := s.save()
		if len(puts) != 1 || (puts[0].Patch != nil) != step.want || (puts[0].Entry != nil) == step.want {
			t.Errorf("%s: want a patch: %t, have %+v", step.name, step.want, puts)
		}
		if p := puts[0].Patch; p != nil && p.Size() > 2000 {
			t.Errorf("%s: want a small patch, have one of %d bytes", step.name, p.Size())
		}
		before := crdt.AppendEntry(nil, s.p.Entry("h"))
		s.releaseAll()
		if have := crdt.AppendEntry(nil, s.p.Entry("h")); string(before) != string(have) {
			t.Errorf("%s: want %x from disk, have %x", step.name, before, have)
		}
	}
}

// damaged returns what another holder has of an entry when a value of it is another.
func damaged(e *crdt.Entry) *crdt.Entry {
	b := string(crdt.AppendEntry(nil, e))
	out, err := crdt.DecodeEntry([]byte(strings.Replace(b, strings.Repeat("w", 50), strings.Repeat("x", 50), 1)))
	if err != nil {
		panic(err)
	}
	return out
}

// TestPatchSharesNothing: what becomes of an entry that was patched does not change
// the patch.
func TestPatchSharesNothing(t *testing.T) {
	s := newSite(t)
	crdt.Eager(s.p)
	incr := func(m *crdt.Mutator) { _, _ = m.HIncr("f", 5) }
	for range 2 {
		if err := s.write(1000, "h", incr); err != nil {
			t.Fatal(err)
		}
		s.save()
	}
	before := crdt.AppendEntry(nil, s.p.Entry("h"))
	if err := s.write(1000, "h", incr); err != nil {
		t.Fatal(err)
	}
	want := crdt.AppendEntry(nil, s.p.Entry("h"))
	p, err := crdt.DecodePatch(crdt.AppendPatch(nil, s.save()[0].Patch))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		e, err := crdt.DecodeEntry(before)
		if err != nil {
			t.Fatal(err)
		}
		if e.Patch(p); string(crdt.AppendEntry(nil, e)) != string(want) {
			t.Errorf("want %x, have %x", want, crdt.AppendEntry(nil, e))
		}
		e.Apply(&crdt.Delta{Dot: crdt.Dot{Replica: 7, N: 4}, From: 4, Stamp: crdt.StampAt(2000), Key: "h",
			Effects: []crdt.Effect{{Op: crdt.EffectRemove, Kind: crdt.KindHash, Field: "f",
				Seen: []crdt.Seen{{Replica: 7, N: 3, Total: crdt.Number{Int: 15}}}}}})
		e.Apply(&crdt.Delta{Dot: crdt.Dot{Replica: 7, N: 9}, From: 9, Stamp: crdt.StampAt(3000), Key: "h",
			Effects: []crdt.Effect{{Op: crdt.EffectAdd, Kind: crdt.KindHash, Field: "f", Start: 1, Sum: crdt.Number{Int: 99}}}})
	}
}

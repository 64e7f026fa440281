package crdt

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/atollcache/atoll/crdt/hyperloglog"
)

// counted are the registers that elements come to.
func counted(elements ...string) *hyperloglog.Registers {
	r := &hyperloglog.Registers{}
	for _, e := range elements {
		r.Raise(hyperloglog.Place(e))
	}
	return r
}

func pfadd(elements ...string) func(*Mutator) error {
	return func(m *Mutator) error {
		_, err := m.PFAdd(elements...)
		return err
	}
}

func remove(m *Mutator) error {
	m.Del()
	return nil
}

func (l *lists) wantsRegisters(t *testing.T, name string, want *hyperloglog.Registers) {
	t.Helper()
	have, ok := l.view().Registers()
	if !ok || *have != *want {
		t.Errorf("%s: %d registers differ, a HyperLogLog: %t", name, differing(have, want), ok)
	}
}

func differing(a, b *hyperloglog.Registers) (n int) {
	if a == nil {
		a = &hyperloglog.Registers{}
	}
	for i := range a {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}

// Whatever is counted where, and in whichever form it is kept, all see in the end the
// registers that have seen everything.
func TestHLLJoins(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 5))
		replicas := []*lists{{self: 1 << 8}, {self: 2 << 8}, {self: 3 << 8}}
		size := []int{1, 8, 60, 400}[r.IntN(4)] // elements of one command
		var all []string
		for range 80 {
			l := replicas[r.IntN(3)]
			elements := make([]string, r.IntN(size+1))
			for i := range elements {
				elements[i] = strconv.Itoa(r.IntN(40 * size))
			}
			all = append(all, elements...)
			if r.IntN(5) == 0 {
				l.do(t, func(m *Mutator) error { _, err := m.PFMerge(counted(elements...)); return err })
			} else {
				l.do(t, pfadd(elements...))
			}
			if r.IntN(3) == 0 {
				exchange(t, replicas)
			}
		}
		exchange(t, replicas)
		want := counted(all...)
		for i, l := range replicas {
			l.wantsRegisters(t, fmt.Sprintf("seed %d, replica %d", seed, i), want)
			if err := CheckBytes(&l.state); err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
			again, err := DecodeEntry(AppendEntry(nil, l.state.Entry(listKey)))
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if have, _ := again.View(0).Registers(); *have != *want {
				t.Errorf("seed %d: encoded and decoded it has other registers", seed)
			}
		}
	}
}

// exchange gives everybody all writes, by deltas and whole states in turns.
func exchange(t *testing.T, replicas []*lists) {
	t.Helper()
	for range 2 {
		for i, l := range replicas {
			o := replicas[(i+1)%len(replicas)]
			if err := l.state.Join(o.state.Snapshot()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// What a removal saw is gone (R4, R5): of a small one exactly that, of a large one but
// for what stands in a block with what it had not seen.
func TestHLLRemovals(t *testing.T) {
	for _, n := range []int{1, 100, 20_000} {
		a, b := &lists{self: 1 << 8}, &lists{self: 2 << 8}
		seen := make([]string, n)
		for i := range seen {
			seen[i] = "seen " + strconv.Itoa(i)
		}
		a.do(t, pfadd(seen...))
		b.pull(t, a)
		a.do(t, remove)
		unseen := "unseen"
		for i := 0; differing(counted(append(seen, unseen)...), counted(seen...)) == 0; i++ {
			unseen = "unseen " + strconv.Itoa(i)
		}
		b.do(t, pfadd(unseen))
		a.pull(t, b)
		b.pull(t, a)
		most := 0
		if n > maxPairs {
			most = hyperloglog.BlockSize - 1
		}
		for _, l := range []*lists{a, b} {
			have, ok := l.view().Registers()
			register, rank := hyperloglog.Place(unseen)
			if !ok || have[register] != rank || differing(have, counted(unseen)) > most {
				t.Errorf("%d elements removed beside one that is added: %d other registers have seen something, want at most %d, that of the one %d",
					n, differing(have, counted(unseen)), most, have[register])
			}
		}
		a.do(t, remove)
		a.do(t, pfadd("fresh"))
		a.wantsRegisters(t, "begun anew", counted("fresh"))
	}
}

// A HyperLogLog of many elements takes a few ten thousand bytes, and a write to it
// some hundred.
func TestHLLSize(t *testing.T) {
	l := &lists{self: 1 << 8}
	for i := range 30_000 {
		l.do(t, pfadd(strconv.Itoa(i)))
	}
	if size := l.state.Entry(listKey).Size(); size > 30_000 {
		t.Errorf("a HyperLogLog of 30,000 elements: want at most 30,000 bytes, have %d", size)
	}
	last := l.made[len(l.made)-1]
	if size := len(AppendDelta(nil, last)); size > 250 {
		t.Errorf("an element more: want at most 250 bytes, have %d", size)
	}
	most := 0
	for _, d := range l.made {
		most = max(most, len(d.Effects))
	}
	if most > maxPairs+hyperloglog.Blocks+1 {
		t.Errorf("a write has %d effects", most)
	}
	m := NewMutator(l.state.Entry(listKey), NewWrite{Dot: Dot{1 << 8, 1 << 40}, Stamp: 1 << 50})
	n := testing.AllocsPerRun(100, func() {
		if changed, err := m.PFAdd("7"); changed || err != nil {
			t.Fatal("an element that is there changes something")
		}
	})
	if n > 4 {
		t.Errorf("an element that is there: want at most 4 allocations, have %v", n)
	}
}

func TestRegistersText(t *testing.T) {
	for field, want := range map[string]string{
		pairField(7, 3): "register 7, rank 3", blockField(2, 255): "registers 256 to 383 by 00000000000000ff", "\x02": "no register", "x": `"x"`,
	} {
		if have := RegistersText(field); have != want {
			t.Errorf("%q: want %s, have %s", field, want, have)
		}
	}
}

func TestHLLBegins(t *testing.T) {
	l := &lists{self: 1 << 8}
	if _, ok := l.view().Registers(); ok {
		t.Error("no key: want no registers")
	}
	l.do(t, pfadd())
	l.wantsRegisters(t, "begun with no element", &hyperloglog.Registers{})
	made := len(l.made)
	l.do(t, pfadd())
	if len(l.made) > made {
		t.Error("no element again: want no write")
	}
	l.do(t, pfadd("a"))
	l.wantsRegisters(t, "one element", counted("a"))
	many := make([]string, 3000)
	for i := range many {
		many[i] = strconv.Itoa(i)
	}
	l.do(t, func(m *Mutator) error { m.ReplaceHLL(counted(many...), Never); return nil })
	l.wantsRegisters(t, "replaced", counted(many...))
	l.do(t, func(m *Mutator) error { m.ReplaceHLL(&hyperloglog.Registers{}, 5000); return nil })
	l.wantsRegisters(t, "replaced by an empty one", &hyperloglog.Registers{})
	if at := l.view().ExpireAt(); at != 5000 {
		t.Errorf("want it to expire at 5000, have %d", at)
	}
	if _, err := NewMutator(l.state.Entry(listKey), NewWrite{}).Push(Head, false, "x"); !errors.Is(err, ErrWrongType) {
		t.Errorf("LPUSH to it: want %v, have %v", ErrWrongType, err)
	}
	for _, field := range []string{"", "\x00\x00\x00", "\x00\x00\x00\x00", "\x00\x40\x00\x01", "\x00\x00\x00\x34", "\x01\x80\x00\x00\x00\x00\x00\x00\x00\x01", "\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00", "\x02x", "\x03"} {
		d := &Delta{Dot: Dot{1, 1}, From: 1, Stamp: 1, Effects: []Effect{{Op: EffectPut, Kind: KindHLL, Field: field}}}
		if _, err := DecodeDelta(AppendDelta(nil, d)); !errors.Is(err, ErrCodec) {
			t.Errorf("delta with the field %q: want %v, have %v", field, ErrCodec, err)
		}
	}
}

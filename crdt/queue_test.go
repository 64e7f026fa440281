package crdt

import (
	"math"
	"testing"
	"time"
)

// queue is a partition with a list of some elements.
type queue struct {
	state Partition
	n     uint64
}

func queueOf(t testing.TB, n int) *queue {
	q := &queue{}
	elements := make([]string, n)
	for i := range elements {
		elements[i] = "an element"
	}
	q.do(t, push(Tail, elements...))
	return q
}

func (q *queue) do(t testing.TB, f func(*Mutator) error) {
	t.Helper()
	q.n++
	d := Delta{Dot: Dot{1, q.n}, From: q.n, Stamp: HLC(q.n), Key: listKey}
	m := NewMutator(q.state.Entry(listKey), NewWrite{Dot: d.Dot, Stamp: d.Stamp})
	if err := f(m); err != nil {
		t.Fatal(err)
	}
	d.Effects = m.Effects()
	if err := q.state.Apply(&d); err != nil {
		t.Fatal(err)
	}
}

// turn pushes an element and pops one.
func (q *queue) turn(t testing.TB) {
	q.do(t, push(Tail, "another"))
	q.do(t, pop(Head, 1))
}

// fastest returns the shortest time that f took, of some.
func fastest(f func()) time.Duration {
	least := time.Duration(math.MaxInt64)
	for range 200 {
		start := time.Now()
		f()
		least = min(least, time.Since(start))
	}
	return least
}

// A queue takes no more time by its length, nor what is left of a long one, nor
// after a FLUSHALL that has not been forgotten: a look at all elements of the long
// one takes thousands of times as long as one at those of the short one.
func TestQueueTimeDoesNotGrow(t *testing.T) {
	const limit = 30
	short, long := queueOf(t, 20), queueOf(t, 100_000)
	least := fastest(func() { short.turn(t) })
	check := func(name string, q *queue) {
		t.Helper()
		if have := fastest(func() { q.turn(t) }); have > limit*least {
			t.Errorf("%s: a push and a pop take %v, %v at 20 elements", name, have, least)
		}
	}
	check("100,000 elements", long)
	long.do(t, pop(Tail, 99_980))
	check("20 of 100,000 elements are left", long)
	cut := queueOf(t, 0)
	cut.do(t, func(m *Mutator) error { m.Invalidate(); return nil })
	elements := make([]string, 100_000)
	cut.do(t, push(Tail, elements...))
	check("100,000 elements after a time cut", cut)
	if e := cut.state.Entry(listKey); e.Cut() == 0 || e.View(0).Len() != len(elements) {
		t.Fatalf("want the cut kept and %d elements, have %v, %d", len(elements), e.Cut(), e.View(0).Len())
	}
	end := func() { long.state.Entry(listKey).View(0).Elements(-10, -1) }
	if have := fastest(end); have > limit*least {
		t.Errorf("the last ten elements take %v, a push and a pop %v", have, least)
	}
}

// Pushing, popping and reading allocate what they return and the write's few parts,
// whatever the length of the list is.
func TestQueueAllocations(t *testing.T) {
	q := queueOf(t, 100_000)
	q.turn(t)
	if n := testing.AllocsPerRun(1000, func() { q.turn(t) }); n > 20 {
		t.Errorf("a push and a pop: want at most 20 allocations, have %v", n)
	}
	v := q.state.Entry(listKey).View(0)
	if n := testing.AllocsPerRun(100, func() { v.Elements(49_000, 49_099) }); n > 4 {
		t.Errorf("100 elements of the middle: want at most 4 allocations, have %v", n)
	}
	if n := testing.AllocsPerRun(100, func() { v.Element(50_000) }); n > 1 {
		t.Errorf("an element of the middle: want at most 1 allocation, have %v", n)
	}
}

func BenchmarkQueue(b *testing.B) {
	q := queueOf(b, 100_000)
	for b.Loop() {
		q.turn(b)
	}
}

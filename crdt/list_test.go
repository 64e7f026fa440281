package crdt

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

// lists is one replica of a partition with a list in it.
type lists struct {
	self  ReplicaID
	state Partition
	stamp HLC
	made  []*Delta
}

const listKey = "k"

func (l *lists) view() View { return l.state.Entry(listKey).View(0) }

// do runs a command and applies what it does.
func (l *lists) do(t *testing.T, f func(*Mutator) error) {
	t.Helper()
	l.stamp = max(l.stamp, l.state.stamp) + 1
	n := l.state.Vector().Get(l.self) + 1
	d := &Delta{Dot: Dot{l.self, n}, From: n, Stamp: l.stamp, Deps: l.state.Vector().Without(l.self), Key: listKey}
	m := NewMutator(l.state.Entry(listKey), NewWrite{Dot: d.Dot, Stamp: d.Stamp})
	if err := f(m); err != nil {
		t.Fatal(err)
	}
	if d.Effects = m.Effects(); len(d.Effects) == 0 {
		return
	}
	if err := l.state.Apply(d); err != nil {
		t.Fatal(err)
	}
	l.made = append(l.made, d)
}

// pull applies what another one has made, one write after the other.
func (l *lists) pull(t *testing.T, o *lists) {
	t.Helper()
	for _, d := range o.made {
		if err := l.state.Apply(d); err != nil {
			t.Fatal(err)
		}
	}
}

func (l *lists) wants(t *testing.T, name string, want ...string) {
	t.Helper()
	if have := l.view().Elements(0, -1); !slices.Equal(have, want) {
		t.Errorf("%s: want %q, have %q", name, want, have)
	}
	if have := l.view().Len(); have != len(want) {
		t.Errorf("%s: want %d elements, have %d", name, len(want), have)
	}
}

func push(at End, elements ...string) func(*Mutator) error {
	return func(m *Mutator) error {
		_, err := m.Push(at, false, elements...)
		return err
	}
}

func insert(after bool, pivot, value string) func(*Mutator) error {
	return func(m *Mutator) error {
		_, err := m.Insert(after, pivot, value)
		return err
	}
}

func pop(at End, count int) func(*Mutator) error {
	return func(m *Mutator) error {
		_, err := m.Pop(at, count)
		return err
	}
}

// both lets two replicas do something at the same time, and then see each other's.
func both(t *testing.T, f, g func(*Mutator) error) (a, b *lists) {
	t.Helper()
	a, b = &lists{self: 1 << 8}, &lists{self: 2 << 8}
	a.do(t, push(Tail, "a", "b", "c"))
	b.pull(t, a)
	a.do(t, f)
	b.do(t, g)
	a.pull(t, b)
	b.pull(t, a)
	return a, b
}

func TestConcurrentLists(t *testing.T) {
	set := func(i int, value string) func(*Mutator) error {
		return func(m *Mutator) error { return m.SetAt(i, value) }
	}
	remove := func(value string) func(*Mutator) error {
		return func(m *Mutator) error {
			_, err := m.RemoveEqual(0, value)
			return err
		}
	}
	for _, c := range []struct {
		name string
		f, g func(*Mutator) error
		want []string
	}{
		{"RPUSH beside RPUSH", push(Tail, "d", "e"), push(Tail, "x", "y"), []string{"a", "b", "c", "d", "e", "x", "y"}},
		{"LPUSH beside LPUSH", push(Head, "d", "e"), push(Head, "x", "y"), []string{"e", "d", "y", "x", "a", "b", "c"}},
		{"LINSERT beside LINSERT", insert(true, "a", "d"), insert(true, "a", "x"), []string{"a", "d", "x", "b", "c"}},
		{"LINSERT beside LREM of its pivot", insert(true, "b", "d"), remove("b"), []string{"a", "d", "c"}},
		{"LSET beside LSET", set(1, "d"), set(1, "x"), []string{"a", "x", "c"}},
		{"LSET beside LREM", set(1, "d"), remove("b"), []string{"a", "d", "c"}},
		{"LPOP beside LPOP", pop(Head, 1), pop(Head, 1), []string{"b", "c"}},
		{"LPOP beside RPOP", pop(Head, 2), pop(Tail, 1), nil},
		{"RPUSH beside DEL", push(Tail, "d"), func(m *Mutator) error { m.Del(); return nil }, []string{"d"}},
		{"RPUSH beside LTRIM", push(Tail, "d"), func(m *Mutator) error { return m.Trim(0, 0) }, []string{"a", "d"}},
		{"RPUSH beside LTRIM of all", push(Tail, "d"), func(m *Mutator) error { return m.Trim(5, 6) }, []string{"d"}},
	} {
		a, b := both(t, c.f, c.g)
		a.wants(t, c.name, c.want...)
		b.wants(t, c.name, c.want...)
	}
}

// TestListIsRedis runs random commands on one replica and on a slice.
func TestListIsRedis(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 2))
		l := &lists{self: 1 << 8}
		var want []string
		for i := range 150 {
			v, n := strconv.Itoa(r.IntN(6)), r.IntN(8)-4
			name := fmt.Sprintf("seed %d, step %d", seed, i)
			switch r.IntN(8) {
			case 0, 1:
				l.do(t, push(Tail, v, name))
				want = append(want, v, name)
			case 2:
				l.do(t, push(Head, v, name))
				want = append([]string{name, v}, want...)
			case 3:
				l.do(t, insert(n < 0, v, name))
				if at := slices.Index(want, v); at >= 0 && n < 0 {
					want = slices.Insert(want, at+1, name)
				} else if at >= 0 {
					want = slices.Insert(want, at, name)
				}
			case 4:
				l.do(t, pop(Tail, 1+i%2))
				want = want[:max(len(want)-1-i%2, 0)]
			case 5:
				l.do(t, func(m *Mutator) error { _, err := m.RemoveEqual(n, v); return err })
				want = withoutEqual(want, n, v)
			case 6:
				at := n
				if n < 0 {
					at += len(want)
				}
				if at >= 0 && at < len(want) {
					l.do(t, func(m *Mutator) error { return m.SetAt(n, v) })
					want[at] = v
				}
			case 7:
				if i%10 == 0 && len(want) > 4 {
					l.do(t, func(m *Mutator) error { return m.Trim(1, -2) })
					want = want[1 : len(want)-1]
				}
			}
			l.wants(t, name, want...)
			if have, _ := l.view().Element(n); n >= 0 && n < len(want) && have != want[n] {
				t.Fatalf("%s: want %q at %d, have %q", name, want[n], n, have)
			}
			if have := l.view().Elements(n, n+3); n >= 0 && n < len(want) && !slices.Equal(have, want[n:min(n+4, len(want))]) {
				t.Fatalf("%s: want %q from %d, have %q", name, want[n:min(n+4, len(want))], n, have)
			}
			if t.Failed() {
				return
			}
		}
	}
}

// withoutEqual is LREM.
func withoutEqual(s []string, limit int, v string) []string {
	if limit < 0 {
		s = slices.Clone(s)
		slices.Reverse(s)
		s = withoutEqual(s, -limit, v)
		slices.Reverse(s)
		return s
	}
	n := 0
	return slices.DeleteFunc(slices.Clone(s), func(e string) bool {
		if e == v && (limit == 0 || n < limit) {
			n++
			return true
		}
		return false
	})
}

// TestOrderIsKept looks whether the order that is kept as cells change is the one
// that is made anew.
func TestOrderIsKept(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 3))
		a, b := &lists{self: 1 << 8}, &lists{self: 2 << 8}
		for i := range 120 {
			at := a
			if r.IntN(2) == 0 {
				at = b
			}
			member := strconv.Itoa(r.IntN(9))
			at.do(t, func(m *Mutator) error {
				var err error
				switch r.IntN(12) {
				case 0, 1, 2, 3:
					_, err = m.ZAdd(member, float64(r.IntN(5)-2))
				case 4, 5, 6:
					_, err = m.ZIncr(member, float64(r.IntN(3)-1))
				case 7, 8:
					_, err = m.ZRem(member)
				case 9:
					m.Del()
				case 10:
					m.Invalidate()
				case 11:
					a.state.Collect(0, func(Vector, HLC) bool { return false })
				}
				return err
			})
			if r.IntN(4) == 0 {
				a.pull(t, b)
				b.pull(t, a)
			}
			for _, l := range []*lists{a, b} {
				checkOrder(t, fmt.Sprintf("seed %d, step %d", seed, i), l.view())
			}
			if t.Failed() {
				return
			}
		}
	}
}

func checkOrder(t *testing.T, name string, v View) {
	t.Helper()
	var want, have []Scored
	for m := range v.Fields() {
		score, _ := v.Score(m)
		want = append(want, Scored{m, score})
	}
	slices.SortFunc(want, func(a, b Scored) int {
		return cmp.Or(cmp.Compare(a.Score, b.Score), cmp.Compare(a.Member, b.Member))
	})
	v.Ranked(0, false, func(s Scored) bool { have = append(have, s); return true })
	if !slices.Equal(have, want) || v.Len() != len(want) {
		t.Errorf("%s: want %v, have %v of %d", name, want, have, v.Len())
	}
	for i, s := range want {
		if have := v.Rank(s); have != i {
			t.Errorf("%s: want rank %d of %v, have %d", name, i, s, have)
		}
		if have := v.RankAfter(s.Score); have < i+1 || have < len(want) && want[have].Score == s.Score {
			t.Errorf("%s: want all up to %v, have %d", name, s, have)
		}
	}
}

func TestListErrors(t *testing.T) {
	l := &lists{self: 1 << 8}
	if _, err := NewMutator(nil, NewWrite{}).Insert(true, "a", "b"); err != nil {
		t.Errorf("insert into nothing: want no error, have %v", err)
	}
	if err := NewMutator(nil, NewWrite{}).SetAt(0, "a"); err != ErrNoSuchKey {
		t.Errorf("set in nothing: want %v, have %v", ErrNoSuchKey, err)
	}
	l.do(t, push(Tail, "a"))
	m := NewMutator(l.state.Entry(listKey), NewWrite{Dot: Dot{9, 9}, Stamp: 99})
	if err := m.SetAt(1, "b"); err != ErrOutOfRange {
		t.Errorf("set beyond the end: want %v, have %v", ErrOutOfRange, err)
	}
	if _, err := m.HSet("f", "v"); err != ErrWrongType {
		t.Errorf("hash over list: want %v, have %v", ErrWrongType, err)
	}
	if n, err := m.Push(Head, true, "x"); n != 2 || err != nil {
		t.Errorf("LPUSHX: want 2, have %d, %v", n, err)
	}
	if n, err := NewMutator(nil, NewWrite{}).Push(Head, true, "x"); n != 0 || err != nil {
		t.Errorf("LPUSHX to nothing: want 0, have %d, %v", n, err)
	}
	d := l.made[0]
	d.Effects[len(d.Effects)-1].Field = "x"
	if _, err := DecodeDelta(AppendDelta(nil, d)); !errors.Is(err, ErrCodec) {
		t.Errorf("delta with a field that is no position: want %v, have %v", ErrCodec, err)
	}
}

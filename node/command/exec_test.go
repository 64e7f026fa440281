package command

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

// memory is a Target that remembers requests and has the time and the random
// numbers that a test gives it.
type memory struct {
	state  crdt.Partition
	clock  crdt.Clock
	now    int64
	random uint64
	limits Limits
	ran    map[uint64]bool
}

func newMemory() *memory { return &memory{now: now, ran: map[uint64]bool{}} }

func (m *memory) Now() int64     { return m.now }
func (m *memory) Random() uint64 { m.random++; return m.random }
func (m *memory) Limits() Limits { return m.limits }

func (m *memory) Alone(f func(Target)) error {
	f(m)
	return nil
}

func (m *memory) Read(keys []string, f func(crdt.View)) error {
	for _, key := range keys {
		f(m.state.Entry(key).View(m.now))
	}
	return nil
}

func (m *memory) Write(key string, request uint64, run func(*crdt.Mutator) error) (crdt.Dot, error) {
	if request != 0 && m.ran[request] {
		return crdt.Dot{}, ErrRepeated
	}
	dot := crdt.Dot{Replica: 1, N: m.state.Vector().Get(1) + 1}
	stamp := m.clock.Next(m.now)
	mut := crdt.NewMutator(m.state.Entry(key), crdt.NewWrite{Dot: dot, Stamp: stamp, Now: m.now})
	if err := run(mut); err != nil || len(mut.Effects()) == 0 {
		return crdt.Dot{}, err
	}
	if request != 0 {
		m.ran[request] = true
	}
	return dot, m.state.Apply(&crdt.Delta{Dot: dot, From: dot.N, Stamp: stamp, Key: key, Effects: mut.Effects()})
}

// do runs a line and returns its reply for people.
func (m *memory) do(line string) string { return m.run(cmd(line)) }

func (m *memory) run(c wire.Command) string {
	if err := Check(c, Limits{}); err != nil {
		return err.Error()
	}
	return showReply(Exec(m, c))
}

func showReply(r wire.Reply) string {
	switch r.Type {
	case wire.TypeNil:
		return "nil"
	case wire.TypeInt:
		return fmt.Sprint(r.Int)
	case wire.TypeFloat:
		return crdt.FormatFloat(r.Float)
	case wire.TypeError:
		return r.Err.Text
	case wire.TypeList:
		parts := make([]string, len(r.List))
		for i, e := range r.List {
			parts[i] = showReply(e)
		}
		return "[" + strings.Join(parts, " ") + "]"
	}
	return r.Text
}

// A command under a request ID that has run is not run again, and replies what it
// replied as far as that is known.
func TestRunsOnce(t *testing.T) {
	const gone = "TIMEOUT the command has run, but its reply was lost on the way: look at the key before running it again"
	for _, test := range []struct{ before, line, first, again, look, shows string }{
		{"", "APPEND k abc", "3", "3", "GET k", "abc"},
		{"SET k abc", "SETBIT k 7 1", "1", gone, "GET k", "abc"},
		{"", "SETNX k v", "1", "1", "GET k", "v"},
		{"", "SET k v NX", "OK", "OK", "GET k", "v"},
		{"SET k v", "SET k w GET", "v", gone, "GET k", "w"},
		{"SET k v", "GETSET k w", "v", gone, "GET k", "w"},
		{"SET k v", "GETDEL k", "v", gone, "GET k", "nil"},
		{"SET k 5", "DECR k", "4", "4", "GET k", "4"},
		{"SET k 5", "EXPIREAT k 4000000000 NX", "1", "1", "EXPIRETIME k", "4000000000"},
		{"", "HSETNX k f v", "1", "1", "HGET k f", "v"},
		{"SADD k a", "SPOP k", "a", gone, "SCARD k", "0"},
		{"ZADD k 1 a 2 b", "ZPOPMIN k", "[a 1]", gone, "ZCARD k", "1"},
		{"ZADD k 1 a", "ZADD k INCR 2 a", "3", "3", "ZSCORE k a", "3"},
		{"ZADD k 1 a 2 b 3 c", "ZREMRANGEBYRANK k 0 0", "1", gone, "ZCARD k", "2"},
		{"SET k v", "RENAME k l", "OK", "OK", "GET l", "v"},
		{"SET k v", "RENAMENX k l", "1", "1", "GET l", "v"},
		{"SET k v", "COPY k l", "1", "1", "GET l", "v"},
		{"", "MSETNX k 1 l 2", "1", "1", "MGET k l", "[1 2]"},
		{"SADD k a", "SMOVE k l a", "1", "1", "SMEMBERS l", "[a]"},
		{"ZADD k 1 a", "ZUNIONSTORE k 2 k k", "1", "1", "ZSCORE k a", "2"},
		{"ZADD k 1 a 2 b", "ZMPOP 1 k MIN", "[k [a 1]]", gone, "ZCARD k", "1"},
		{"", "RPUSH k a b", "2", "2", "LRANGE k 0 -1", "[a b]"},
		{"RPUSH k b", "LPUSHX k a", "2", "2", "LRANGE k 0 -1", "[a b]"},
		{"RPUSH k a b", "LPOP k", "a", gone, "LRANGE k 0 -1", "[b]"},
		{"RPUSH k a b c", "RPOP k 2", "[c b]", gone, "LRANGE k 0 -1", "[a]"},
		{"RPUSH k a b", "LINSERT k AFTER a c", "3", "3", "LRANGE k 0 -1", "[a c b]"},
		{"RPUSH k a b", "LSET k 0 c", "OK", "OK", "LRANGE k 0 -1", "[c b]"},
		{"RPUSH k a b a a", "LREM k 1 a", "1", gone, "LRANGE k 0 -1", "[b a a]"},
		{"RPUSH k a b c", "LTRIM k 1 -1", "OK", "OK", "LRANGE k 0 -1", "[b c]"},
		{"RPUSH k a b", "LMOVE k l LEFT RIGHT", "a", gone, "LRANGE l 0 -1", "[a]"},
		{"RPUSH k a b c", "RPOPLPUSH k k", "c", gone, "LRANGE k 0 -1", "[c a b]"},
		{"RPUSH k a b", "LMPOP 1 k LEFT", "[k [a]]", gone, "LLEN k", "1"},
	} {
		m := newMemory()
		if test.before != "" {
			m.do(test.before)
		}
		c := cmd(test.line)
		c.Request = 7
		if !Unsafe(c) {
			t.Errorf("%s: not unsafe", test.line)
		}
		first, again, shows := m.run(c), m.run(c), m.do(test.look)
		if first != test.first || again != test.again || shows != test.shows {
			t.Errorf("%s: want %s, then %s, %s shows %s; have %s, then %s, %s", test.line, test.first, test.again, test.look, test.shows, first, again, shows)
		}
	}
}

// What a command on several keys replies it wrote is the last write that it made.
func TestTogetherSaysWhatItWrote(t *testing.T) {
	m := newMemory()
	m.do("SET k v")
	for line, writes := range map[string]bool{"COPY k l": true, "SUNIONSTORE d x": false, "ZUNION 1 x": false, "MSETNX q 1 r 2": true} {
		r := Exec(m, cmd(line))
		if want := (crdt.Dot{Replica: 1, N: m.state.Vector().Get(1)}); writes && r.Wrote != want || !writes && !r.Wrote.IsZero() {
			t.Errorf("%s: have wrote %v after %v", line, r.Wrote, want)
		}
	}
}

// What a recipe stores keeps to the limits of a command.
func TestTogetherKeepsLimits(t *testing.T) {
	m := newMemory()
	m.limits = Limits{MaxArgs: 8, MaxValue: 8, MaxKey: 32, MaxField: 32, MaxCommand: 128}
	m.do("SADD a 1 2 3")
	m.do("SADD b 4 5 6")
	for line, want := range map[string]string{
		"SUNIONSTORE d a":    "3",
		"SUNIONSTORE d a b":  "ERR command has 10 arguments, the limit is 8 (max arguments of a command)",
		"APPEND s 12345678":  "8",
		"SETRANGE t 4 12345": "ERR string exceeds maximum allowed size (proto-max-bulk-len)",
		"SETBIT u 63 1":      "0", "SETBIT u 64 1": "ERR bit offset is not an integer or out of range",
		"HRANDFIELD h -9": "ERR value is out of range",
	} {
		if have := m.do(line); have != want {
			t.Errorf("%s: want %s, have %s", line, want, have)
		}
	}
	if have, want := m.do("APPEND s 9"), ErrStringLength.Text; have != want {
		t.Errorf("APPEND past the limit: want %s, have %s", want, have)
	}
}

// An element that is there from the first page to the last comes exactly once,
// whatever comes and goes.
func TestScanGuarantee(t *testing.T) {
	for _, count := range []int{1, 7, 100, 5000} {
		m := newMemory()
		for i := range 1000 {
			m.do(fmt.Sprintf("SADD s stays%d goes%d", i, i))
		}
		seen, pages, cursor := map[string]int{}, 0, "0"
		for {
			r := Exec(m, cmd(fmt.Sprintf("SSCAN s %s COUNT %d", cursor, count)))
			for _, e := range r.List[1].List {
				seen[e.Text]++
			}
			m.do(fmt.Sprintf("SREM s goes%d goes%d", pages, 999-pages))
			m.do(fmt.Sprintf("SADD s comes%d", pages))
			if cursor = r.List[0].Text; cursor == "0" {
				break
			}
			pages++
		}
		for i := range 1000 {
			if n := seen[fmt.Sprintf("stays%d", i)]; n != 1 {
				t.Fatalf("COUNT %d: stays%d comes %d times", count, i, n)
			}
		}
		if pages > maxScanPages+8 {
			t.Errorf("COUNT %d: a scan of 2000 elements takes %d pages", count, pages)
		}
	}
}

// Elements of one place come on one page.
func TestCutPage(t *testing.T) {
	all := []placed{{1, "a"}, {2, "d"}, {2, "b"}, {2, "c"}, {3, "e"}}
	for count, want := range map[int]string{1: "a", 2: "abcd", 3: "abcd", 4: "abcd", 5: "abcde", 9: "abcde"} {
		page, rest := cutPage(slices.Clone(all), count)
		have := ""
		for _, e := range page {
			have += e.name
		}
		if have != want || len(page)+len(rest) != len(all) {
			t.Errorf("%d of %v: want %s, have %v and %v", count, all, want, page, rest)
		}
	}
}

func TestSelectRange(t *testing.T) {
	for _, n := range []int{0, 1, 5, 24, 25, 100, 3000} {
		list := make([]int, n)
		for i := range list {
			list[i] = i * 7919 % (n/2 + 1) // each about twice
		}
		sorted := slices.Sorted(slices.Values(list))
		for _, ends := range [][2]int{{0, 0}, {0, 1}, {0, 10}, {n / 2, n/2 + 5}, {n - 3, n}, {-5, n + 5}, {0, n}} {
			have := slices.Clone(list)
			first, end := max(ends[0], 0), min(ends[1], n)
			selectRange(have, ends[0], ends[1], func(a, b int) int { return a - b })
			if first < end && !slices.Equal(have[first:end], sorted[first:end]) {
				t.Errorf("%d elements, %d to %d: want %v, have %v", n, first, end, sorted[first:end], have[first:end])
			}
			if slices.Sort(have); !slices.Equal(have, sorted) {
				t.Errorf("%d elements, %d to %d: elements are lost", n, first, end)
			}
		}
	}
}

// The choice follows from the random number alone, and every member has its
// chance.
func TestRandomMembers(t *testing.T) {
	m, again := newMemory(), newMemory()
	m.do("SADD s a b c d e f g h")
	again.do("SADD s h g f e d c b a")
	chosen := map[string]int{}
	for range 4000 {
		x, y := m.do("SRANDMEMBER s"), again.do("SRANDMEMBER s")
		if x != y {
			t.Fatalf("after %d random numbers: have %s and %s", m.random, x, y)
		}
		chosen[x]++
	}
	for member, n := range chosen {
		if math.Abs(float64(n)-500) > 120 { // More than five times the deviation.
			t.Errorf("%s is chosen %d times of 4000", member, n)
		}
	}
	if len(chosen) != 8 {
		t.Errorf("want each of 8 members, have %v", chosen)
	}
	if r := Exec(m, cmd("SRANDMEMBER s -100")); len(r.List) != 100 {
		t.Errorf("SRANDMEMBER -100: have %d members", len(r.List))
	}
}

// A wrapped command replies what it replies by itself.
func TestWrapIsTransparent(t *testing.T) {
	m := newMemory()
	m.do("SADD a 1 2")
	m.do("SADD b 2 3")
	one := wire.Command{Args: []string{"SINTER", "a", "b"}, Request: 9, After: crdt.Dot{Replica: 1, N: 1}}
	whole := Wrap(one, 1)
	if whole.Request != 9 || whole.After != one.After || whole.Key() != "a" {
		t.Errorf("a wrapped command: have %+v", whole)
	}
	if x, y := Exec(m, one), Exec(m, whole); !reflect.DeepEqual(x, y) {
		t.Errorf("SINTER: %v, wrapped: %v", x, y)
	}
	for _, line := range []string{"GET a", "SINTER", "NOPE", "ZUNION 5 a", "OBJECT HELP"} {
		if c := cmd(line); !reflect.DeepEqual(Wrap(c, 1), c) {
			t.Errorf("%s: is wrapped", line)
		}
	}
	if err := CheckTogether(cmd(".ALONE a RENAME a b"), 256); !errors.Is(err, wire.ErrBadRequest) {
		t.Errorf("keys in two partitions: want an error, have %v", err)
	}
}

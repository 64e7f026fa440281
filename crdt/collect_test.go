package crdt

import (
	"errors"
	"fmt"
	"testing"
)

func always(Vector, HLC) bool { return true }
func never(Vector, HLC) bool  { return false }

// sweep hides what has expired and forgets what is stable at the site's time.
func (s *site) sweep(stable func(Vector, HLC) bool) Collected {
	s.p.Expire(s.now, 1<<20)
	c := s.p.Collect(s.now, stable)
	s.clock.Observe(s.p.Horizon().Stamp)
	return c
}

// write makes one write to a key and applies it.
func (s *site) write(key string, c command) *Delta {
	w := NewWrite{Dot: Dot{s.id, s.p.Vector().Get(s.id) + 1}, Stamp: s.clock.Next(s.now), Now: s.now}
	m := NewMutator(s.p.Entry(key), w)
	c(m)
	d := &Delta{Dot: w.Dot, From: w.Dot.N, Stamp: w.Stamp, Deps: s.p.Vector().Without(s.id), Key: key, Effects: m.Effects()}
	s.apply(d)
	return d
}

func checkWaiting(t *testing.T, name string, p *Partition, want int) {
	t.Helper()
	if w := p.Waiting(); w.Keys != want || (w.Keys == 0) != (w.Bytes == 0) || (w.Keys == 0) != (w.Since == 0) {
		t.Errorf("%s: want %d keys waiting, have %+v", name, want, w)
	}
	if err := errors.Join(CheckBytes(p), CheckWaiting(p)); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

func TestScheduleHasOnePlaceForAKey(t *testing.T) {
	s := newSite(1)
	s.write("k", set("v", Never))
	if have := s.p.NextExpiry(); have != Never {
		t.Errorf("nothing expires: want next expiry never, have %d", have)
	}
	for i := range int64(200) {
		s.write("k", expire(5000-i))
		s.write("k", expire(5000+i))
	}
	for i := range int64(50) {
		s.write(fmt.Sprint("k", i), set("v", 6000+i*7%50))
	}
	checkWaiting(t, "many", &s.p, 0)
	if n, next := len(s.p.due.queue), s.p.NextExpiry(); n != 51 || next != 5199 {
		t.Errorf("want 51 places, the next at 5199, have %d, %d", n, next)
	}
	s.write("k", persist)
	for i := range int64(50) {
		s.write(fmt.Sprint("k", i), del)
	}
	if n, next := len(s.p.due.queue), s.p.NextExpiry(); n != 0 || next != Never {
		t.Errorf("all persisted or deleted: want no place, have %d, the next at %d", n, next)
	}
	// That k never ends is said by nothing once it has been forgotten.
	checkWaiting(t, "persisted", &s.p, 1)
	s.sweep(always)
	checkWaiting(t, "forgotten", &s.p, 0)
}

func TestExpireIsBounded(t *testing.T) {
	s := newSite(1)
	for i := range int64(10) {
		s.write(fmt.Sprint("k", i), set("v", 2000+i))
	}
	s.now = 2005 // Six are due.
	for _, want := range []int{4, 2, 0} {
		if have := s.p.Expire(s.now, 4); have != want {
			t.Errorf("want %d found expired, have %d", want, have)
		}
	}
	if have := s.p.NextExpiry(); have != 2006 {
		t.Errorf("want the next at 2006, have %d", have)
	}
	checkWaiting(t, "six expired", &s.p, 6)
}

// TestExpiredIsForgottenWhenStable follows one key from its expiry on.
func TestExpiredIsForgottenWhenStable(t *testing.T) {
	s := newSite(1)
	s.write("k", set("v", 2000))
	if s.now = 1999; s.sweep(always) != (Collected{}) || s.p.Len() != 1 {
		t.Error("a millisecond before its time: want it kept")
	}
	if s.now = 2000; s.p.Entry("k").View(s.now).Exists() {
		t.Error("at its time: want it hidden before any sweep")
	}
	if c := s.sweep(never); c != (Collected{}) || s.p.Len() != 1 {
		t.Errorf("not stable: want it kept, have %+v", c)
	}
	bytes := s.p.Bytes()
	w := s.p.Waiting()
	if w.Keys != 1 || w.Bytes != s.p.Entry("k").Size() || w.Since != StampAt(2000)-1 || !w.Mark.Equal(Vector{{1, 1}}) {
		t.Errorf("not stable: have waiting %+v", w)
	}
	if c := s.sweep(always); c != (Collected{Entries: 1, Bytes: bytes}) || s.p.Len() != 0 || s.p.Bytes() != 0 {
		t.Errorf("stable: want it forgotten, have %+v, %d bytes", c, s.p.Bytes())
	}
	want := Horizon{Vector{{1, 1}}, StampAt(2000) - 1}
	if have := s.p.Horizon(); !have.Equal(want) {
		t.Errorf("want horizon %v, have %v", want, have)
	}
	checkWaiting(t, "forgotten", &s.p, 0)
}

// TestHorizonGrowsOnlyByWhatIsForgotten: what goes at once, and what is touched
// again before it is stable, leaves none.
func TestHorizonGrowsOnlyByWhatIsForgotten(t *testing.T) {
	a, b := newSite(1), newSite(2)
	// Two that lose are replaced before they are stable.
	a.write("k", set("v", Never))
	a.apply(b.write("k", set("w", Never)))
	a.write("gone", set("v", Never))
	a.write("gone", del)
	a.write("h", hset("f", "v"))
	a.write("h", hdel("f"))
	a.sweep(never)
	checkWaiting(t, "two strings", &a.p, 1)
	a.write("k", set("x", Never))
	checkWaiting(t, "replaced", &a.p, 0)
	if c := a.sweep(always); c != (Collected{}) || !a.p.Horizon().IsZero() {
		t.Errorf("want nothing forgotten, have %+v, horizon %v", c, a.p.Horizon())
	}
	checkWaiting(t, "all replaced", &a.p, 0)
}

// TestTouchedKeyWaitsAnew: the mark that it waited for says nothing of what has
// come to the key since.
func TestTouchedKeyWaitsAnew(t *testing.T) {
	a, b, c := newSite(1), newSite(2), newSite(3)
	a.write("k", set("v", Never))
	a.apply(b.write("k", set("w", Never)))
	a.sweep(never)
	first := a.p.Waiting().Mark
	a.apply(c.write("k", set("x", Never)))
	if got := a.sweep(func(v Vector, _ HLC) bool { return first.CoversAll(v) }); got != (Collected{}) {
		t.Errorf("the first mark is stable: want nothing forgotten, have %+v", got)
	}
	checkWaiting(t, "the first mark is stable", &a.p, 1)
	if got := a.sweep(always); got.Trimmed != 1 || !a.p.Entry("k").Plain(a.now) {
		t.Errorf("all is stable: want k trimmed, have %+v", got)
	}
}

// TestMarkJudgesExpiry: what expires after a mark is not dropped by it, however
// late that is found stable, nor while the clock has gone back.
func TestMarkJudgesExpiry(t *testing.T) {
	a, b := newSite(1), newSite(2)
	a.apply(b.write("k", set("loser", 2000)))
	a.now++
	a.write("k", expire(2000))
	fromB := b.write("k", set("other", 2000))
	a.apply(fromB)
	a.sweep(never)
	a.now = 3000
	// The group of the mark before is stable, the expiry has not been looked at.
	if c := a.p.Collect(a.now, always); c.Entries != 0 {
		t.Errorf("expired after the mark: have %+v", c)
	}
	if a.p.Len() != 1 {
		t.Error("expired after the mark: want the entry kept")
	}
	a.sweep(never)
	a.now = 1500
	if a.sweep(always); a.p.Len() != 1 {
		t.Error("clock that has gone back: want the entry kept")
	}
	if a.now = 3000; a.sweep(always).Entries != 1 {
		t.Error("all is stable: want the entry dropped")
	}
}

func TestCollectIsBounded(t *testing.T) {
	s := newSite(1)
	for i := range maxCollect + 10 {
		s.write(fmt.Sprint("k", i), set("v", 2000))
	}
	s.now = 2000
	asked := 0
	stable := func(Vector, HLC) bool { asked++; return true }
	first, second := s.sweep(stable), s.sweep(stable)
	if first.Entries != maxCollect || !first.More || second.Entries != 10 || second.More || asked != 2 {
		t.Errorf("want %d forgotten, then 10, asking twice, have %+v, %+v, %d", maxCollect, first, second, asked)
	}
	checkWaiting(t, "all forgotten", &s.p, 0)
}

// TestGroupsAreBounded: the newest wait a little longer rather than take more room.
func TestGroupsAreBounded(t *testing.T) {
	s := newSite(1)
	for i := range int64(3 * maxGroups) {
		s.write(fmt.Sprint("k", i), set("v", 2000+i))
	}
	for range 3 * maxGroups {
		s.now++
		s.now = max(s.now, 2000)
		s.sweep(never)
	}
	if n := len(s.p.waiting.groups); n != maxGroups {
		t.Errorf("want %d groups, have %d", maxGroups, n)
	}
	checkWaiting(t, "not stable", &s.p, 3*maxGroups)
	old := s.p.Waiting().Since
	c := s.sweep(func(_ Vector, after HLC) bool { return after <= old })
	if c.Entries != 1 {
		t.Errorf("the oldest group is stable: want 1 forgotten, have %+v", c)
	}
	if c = s.sweep(always); c.Entries != 3*maxGroups-1 {
		t.Errorf("all is stable: want %d forgotten, have %+v", 3*maxGroups-1, c)
	}
	checkWaiting(t, "all forgotten", &s.p, 0)
}

// TestKeyMayComeAndGo: a key that waits now and then not leaves no list behind.
func TestKeyMayComeAndGo(t *testing.T) {
	s := newSite(1)
	for range 2000 {
		s.write("k", invalidate)
		s.p.update("k", func(e *Entry) { *e = Entry{} })
	}
	if n := len(s.p.waiting.open.keys); n > 200 {
		t.Errorf("2000 times: want a short list, have %d", n)
	}
	checkWaiting(t, "gone", &s.p, 0)
	s.write("k", invalidate)
	checkWaiting(t, "back", &s.p, 1)
	if c := s.sweep(always); c.Entries != 1 {
		t.Errorf("want it forgotten once, have %+v", c)
	}
}

func TestPlain(t *testing.T) {
	a, b := newSite(1), newSite(2)
	// Of each pair b's write comes beside a's.
	for _, test := range []struct {
		name   string
		before command
		a, b   command
		now    int64
		plain  bool
	}{
		{"a string", nil, set("v", Never), nil, 0, true},
		{"a string that expires", nil, set("v", 5000), nil, 0, true},
		{"an expiry replaced", set("v", 5000), expire(6000), nil, 0, true},
		{"a string that has expired", nil, set("v", 5000), nil, 5000, false},
		{"a counter", nil, incr(1), incr(2), 0, true},
		{"a counter set by who saw it", incr(1), nil, set("5", Never), 0, false},
		{"a counter half removed", incr(1), incr(2), del, 0, true},
		{"PERSIST", set("v", 5000), persist, nil, 0, false},
		{"two strings", nil, set("v", Never), set("w", Never), 0, false},
		{"two kinds", nil, set("v", Never), hset("f", "v"), 0, false},
		{"two expiries", hset("f", "v"), expire(5000), expire(6000), 0, false},
		{"two fields", nil, hset("f", "v"), hset("g", "v"), 0, true},
		{"a time cut", nil, invalidate, nil, 0, false},
		{"a time cut, written after", invalidate, set("v", Never), nil, 0, false},
	} {
		*a, *b = *newSite(1), *newSite(2)
		if test.before != nil {
			b.apply(a.write("k", test.before))
		}
		b.now++
		var fromA *Delta
		if test.a != nil {
			fromA = a.write("k", test.a)
		}
		if test.b != nil {
			a.apply(b.write("k", test.b))
		}
		if fromA != nil {
			b.apply(fromA)
		}
		for _, s := range []*site{a, b} {
			e, now := s.p.Entry("k"), max(test.now, b.now)
			if have := e.Plain(now); have != test.plain {
				t.Errorf("%s: want plain %t at %v, have %x", test.name, test.plain, s.id, AppendEntry(nil, e))
			}
			live := e.AppendLive(nil, "k", now)
			s.now = now
			s.sweep(always)
			if e = s.p.Entry("k"); !e.Plain(now) {
				t.Errorf("%s: want it plain when collected, have %x", test.name, AppendEntry(nil, e))
			}
			wantBytes(t, test.name, live, e.cloneOrNew().AppendLive(nil, "k", now))
			checkWaiting(t, test.name, &s.p, 0)
		}
		wantBytes(t, test.name, AppendEntry(nil, a.p.Entry("k")), AppendEntry(nil, b.p.Entry("k")))
	}
}

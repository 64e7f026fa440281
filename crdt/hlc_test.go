package crdt

import (
	"math"
	"testing"
	"time"
)

func TestStampAt(t *testing.T) {
	for _, test := range []struct{ millis, want int64 }{
		{math.MinInt64, 0}, {-1, 0}, {0, 0}, {1, 1}, {MaxMillis, MaxMillis}, {MaxMillis + 1, MaxMillis}, {math.MaxInt64, MaxMillis},
	} {
		h := StampAt(test.millis)
		if h.Millis() != test.want || h.Counter() != 0 {
			t.Errorf("StampAt(%d): want %d.0, have %v", test.millis, test.want, h)
		}
	}
	h := StampAt(1500) + 7
	if h.String() != "1500.7" || h.Time() != time.Unix(1, 500e6).UTC() {
		t.Errorf("1500.7: have %v, %v", h, h.Time())
	}
	if year := StampAt(MaxMillis).Time().Year(); year != 10889 {
		t.Errorf("the last year: want 10889, have %d", year)
	}
}

func TestClockNeverRepeatsAndNeverFallsBehind(t *testing.T) {
	var c Clock
	const now = 1_700_000_000_000
	last := HLC(0)
	for i := range 1_000_000 {
		h := c.Next(now)
		if h <= last || h < StampAt(now) {
			t.Fatalf("stamp %d with a frozen clock: have %v after %v", i, h, last)
		}
		last = h
	}
	// The counter has 16 bits: 15 times it was full and carried.
	if want := StampAt(now+15) + HLC(1_000_000-1-15*65536); last != want || c.Last() != want {
		t.Errorf("the millionth stamp: want %v, have %v", want, last)
	}
	if h := c.Next(now - 5000); h != last+1 {
		t.Errorf("clock set back: want %v, have %v", last+1, h)
	}
	if h := c.Next(now + 60_000); h != StampAt(now+60_000) {
		t.Errorf("clock gone on: want %v, have %v", StampAt(now+60_000), h)
	}
}

func TestClockObserve(t *testing.T) {
	var c Clock
	full := StampAt(100) | math.MaxUint16
	c.Observe(full)
	c.Observe(StampAt(5)) // Older news changes nothing.
	if h := c.Next(50); h != StampAt(101) {
		t.Errorf("after %v at 50: want %v, have %v", full, StampAt(101), h)
	}
	if h := c.Next(102); h != StampAt(102) {
		t.Errorf("at 102: want %v, have %v", StampAt(102), h)
	}
	c.Observe(StampAt(102))
	if h := c.Next(102); h != StampAt(102)+1 {
		t.Errorf("after its own stamp: want %v, have %v", StampAt(102)+1, h)
	}
}

func TestNamesOfStampsAndDots(t *testing.T) {
	for _, test := range []struct{ want, have string }{
		{"ø", Dot{}.String()},
		{"00000000000000ab#3", Dot{0xab, 3}.String()},
		{"1.2@00000000000000ab", Version{StampAt(1) + 2, 0xab}.String()},
		{"zset", KindZSet.String()}, {"none", KindNone.String()}, {"kind(99)", Kind(99).String()},
		{"cut", EffectCut.String()}, {"effect(0)", EffectOp(0).String()}, {"effect(99)", EffectOp(99).String()},
		{"∅", Vector(nil).String()},
		{"0000000000000001#2 0000000000000003#4", Vector{{1, 2}, {3, 4}}.String()},
	} {
		if test.have != test.want {
			t.Errorf("want %q, have %q", test.want, test.have)
		}
	}
	if a, b := (Version{5, 1}), (Version{5, 2}); a.Compare(b) != -1 || b.Compare(a) != 1 || a.Compare(a) != 0 ||
		b.Compare(Version{6, 1}) != -1 {
		t.Error("versions: want the stamp to count first, then the replica")
	}
}

package region

import (
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/pack"
)

func codecEchoes() []Echo {
	return []Echo{
		{Peer: 1},
		{Peer: math.MaxUint64, Clock: math.MaxInt64, Held: (heldLimit - 1) * time.Millisecond},
		{Peer: 7, Clock: math.MinInt64, Held: 250 * time.Millisecond},
	}
}

func TestEchoesRoundTrip(t *testing.T) {
	r := pack.NewReader(AppendEchoes(AppendEchoes(nil, codecEchoes()), nil))
	if have := ReadEchoes(r); !reflect.DeepEqual(have, codecEchoes()) {
		t.Errorf("want %v, have %v", codecEchoes(), have)
	}
	if have := ReadEchoes(r); have != nil || r.Done() != nil {
		t.Errorf("none: want none, have %v, %v", have, r.Done())
	}
	for held, want := range map[time.Duration]time.Duration{
		-time.Hour:               0,
		1999 * time.Microsecond:  time.Millisecond,
		math.MaxInt64:            (heldLimit - 1) * time.Millisecond,
		100*time.Millisecond + 1: 100 * time.Millisecond,
	} {
		r := pack.NewReader(AppendEchoes(nil, []Echo{{Peer: 1, Held: held}}))
		if have := ReadEchoes(r); len(have) != 1 || have[0].Held != want {
			t.Errorf("held %v: want %v, have %v, %v", held, want, have, r.Err())
		}
	}
}

// A heartbeat grows by no more than this.
func TestEchoesAreSmall(t *testing.T) {
	list := make([]Echo, 16)
	for i := range list {
		list[i] = Echo{Peer: math.MaxUint64, Clock: crdt.MaxMillis, Held: time.Minute}
	}
	if have := len(AppendEchoes(nil, list)); have > 16*22+3 {
		t.Errorf("16 echoes: want at most 22 bytes each, have %d in all", have)
	}
}

func TestEchoesAcrossVersions(t *testing.T) {
	b := pack.AppendArray(nil, 1)
	b = pack.AppendArray(b, 5)
	b = pack.AppendInt(pack.AppendInt(pack.AppendInt(b, 7), 8), 9)
	b = pack.AppendText(pack.AppendText(b, "something"), "new")
	r := pack.NewReader(b)
	want := []Echo{{Peer: 7, Clock: 8, Held: 9 * time.Millisecond}}
	if have := ReadEchoes(r); !reflect.DeepEqual(have, want) || r.Done() != nil {
		t.Errorf("newer: want %v, have %v, %v", want, have, r.Done())
	}
}

func TestEchoesRefused(t *testing.T) {
	for what, test := range map[string]struct {
		b    []byte
		want error
	}{
		"empty":         {nil, pack.ErrTruncated},
		"huge list":     {[]byte{0xdd, 0xff, 0xff, 0xff, 0xff}, pack.ErrLength},
		"too many":      {AppendEchoes(nil, manyEchoes(MaxEchoes+1)), ErrMember},
		"nobody's":      {AppendEchoes(nil, []Echo{{Clock: 1}}), ErrMember},
		"no held":       {[]byte{0x91, 0x92, 1, 1, 1}, ErrMember},
		"no clock":      {[]byte{0x91, 0x91, 1, 1, 1}, ErrMember},
		"negative held": {[]byte{0x91, 0x93, 1, 1, 0xff}, pack.ErrRange},
		"held too long": {[]byte{0x91, 0x93, 1, 1, 0xcf, 0, 0, 0, 1, 0, 0, 0, 0}, ErrMember},
		"clock above":   {[]byte{0x91, 0x93, 1, 0xcf, 0xff, 0, 0, 0, 0, 0, 0, 0, 1}, pack.ErrRange},
		"cut":           {AppendEchoes(nil, codecEchoes())[:20], pack.ErrTruncated},
	} {
		r := pack.NewReader(test.b)
		if have := ReadEchoes(r); have != nil || !errors.Is(r.Err(), test.want) {
			t.Errorf("%s: want %v, have %v, %v", what, test.want, have, r.Err())
		}
	}
	if r := pack.NewReader(AppendEchoes(nil, manyEchoes(MaxEchoes))); len(ReadEchoes(r)) != MaxEchoes || r.Done() != nil {
		t.Errorf("as many as may be: %v", r.Err())
	}
}

func manyEchoes(n int) []Echo {
	list := make([]Echo, n)
	for i := range list {
		list[i].Peer = 1
	}
	return list
}

func FuzzReadEchoes(f *testing.F) {
	f.Add(AppendEchoes(nil, codecEchoes()))
	f.Add([]byte{0x91, 0x93, 1, 1, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := pack.NewReader(b)
		list := ReadEchoes(r)
		if r.Err() != nil {
			return
		}
		again := pack.NewReader(AppendEchoes(nil, list))
		if have := ReadEchoes(again); !reflect.DeepEqual(have, list) || again.Done() != nil {
			t.Fatalf("%x: want %v, have %v, %v", b, list, have, again.Done())
		}
	})
}

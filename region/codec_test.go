package region

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/atollcache/atoll/crdt/pack"
)

func codecMembers() []Member {
	return []Member{
		{Name: "eu-1", Region: "eu", Replica: 1},
		{Name: strings.Repeat("n", MaxName), Region: "us", Zone: "us-east-1a", Address: "[::1]:7000", Replica: 1<<64 - 1,
			Weight: MaxWeight, State: StateSuspect, Started: 1 << 40, Beat: 1 << 33},
		{Name: "x", Region: "y", Replica: 2, State: 200},
	}
}

func codecLinks() []LinkState {
	return []LinkState{
		{Link: Link{"ap", "eu"}},
		{Link: Link{"eu", "us"}, Paused: true, Version: version(1<<40, 1<<63)},
	}
}

func TestCodecRoundTrip(t *testing.T) {
	r := pack.NewReader(AppendLinks(AppendMembers(nil, codecMembers()), codecLinks()))
	if have := ReadMembers(r); !reflect.DeepEqual(have, codecMembers()) {
		t.Errorf("members: want %+v, have %+v", codecMembers(), have)
	}
	if have := ReadLinks(r); !reflect.DeepEqual(have, codecLinks()) {
		t.Errorf("links: want %v, have %v", codecLinks(), have)
	}
	if err := r.Done(); err != nil {
		t.Error(err)
	}
}

// A record of an older version lacks fields at its end, one of a newer version
// has more; both are read.
func TestCodecAcrossVersions(t *testing.T) {
	older := pack.AppendArray(nil, 5)
	for _, s := range []string{"eu-1", "eu", "", ""} {
		older = pack.AppendText(older, s)
	}
	older = pack.AppendUint(older, 7)
	newer := AppendMember(nil, Member{Name: "eu-1", Region: "eu", Replica: 7})
	newer[0]++
	newer = pack.AppendText(pack.AppendArray(newer, 1), "something new")
	for what, b := range map[string][]byte{"older": older, "newer": newer} {
		r := pack.NewReader(b)
		want := Member{Name: "eu-1", Region: "eu", Replica: 7}
		if have := ReadMember(r); have != want || r.Done() != nil {
			t.Errorf("%s: want %+v, have %+v, %v", what, want, have, r.Done())
		}
	}
}

func TestCodecRefuses(t *testing.T) {
	long := Member{Name: "eu-1", Region: "eu", Replica: 7, Address: strings.Repeat("1", MaxAddress+1)}
	heavy := Member{Name: "eu-1", Region: "eu", Replica: 7, Weight: MaxWeight + 1}
	negative := Member{Name: "eu-1", Region: "eu", Replica: 7, Weight: -1}
	for what, test := range map[string]struct {
		b    []byte
		want error
	}{
		"empty":             {nil, pack.ErrTruncated},
		"no fields":         {[]byte{0x90}, ErrName},
		"long address":      {AppendMember(nil, long), ErrMember},
		"weight above":      {AppendMember(nil, heavy), ErrMember},
		"weight below zero": {AppendMember(nil, negative), pack.ErrRange},
		"no replica":        {AppendMember(nil, Member{Name: "eu-1", Region: "eu"}), ErrMember},
		"cut":               {AppendMember(nil, codecMembers()[1])[:30], pack.ErrLength},
	} {
		r := pack.NewReader(test.b)
		if ReadMember(r); !errors.Is(r.Err(), test.want) {
			t.Errorf("%s: want %v, have %v", what, test.want, r.Err())
		}
	}
	for what, b := range map[string][]byte{
		"huge list":      {0xdd, 0xff, 0xff, 0xff, 0xff},
		"link to itself": AppendLinks(nil, []LinkState{{Link: Link{"eu", "eu"}}}),
	} {
		r := pack.NewReader(b)
		if have := ReadLinks(r); have != nil || r.Err() == nil {
			t.Errorf("%s: want an error, have %v", what, have)
		}
	}
}

func FuzzReadMembers(f *testing.F) {
	f.Add(AppendMembers(nil, codecMembers()))
	f.Add([]byte{0x91, 0x90})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := pack.NewReader(b)
		list := ReadMembers(r)
		if r.Err() != nil {
			return
		}
		again := pack.NewReader(AppendMembers(nil, list))
		if have := ReadMembers(again); !reflect.DeepEqual(have, list) || again.Done() != nil {
			t.Fatalf("%x: want %+v, have %+v, %v", b, list, have, again.Done())
		}
	})
}

func FuzzReadLinks(f *testing.F) {
	f.Add(AppendLinks(nil, codecLinks()))
	f.Add([]byte{0x91, 0x92, 0xa2, 'e', 'u', 0xa2, 'u', 's'})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := pack.NewReader(b)
		list := ReadLinks(r)
		if r.Err() != nil {
			return
		}
		again := pack.NewReader(AppendLinks(nil, list))
		if have := ReadLinks(again); !reflect.DeepEqual(have, list) || again.Done() != nil {
			t.Fatalf("%x: want %v, have %v, %v", b, list, have, again.Done())
		}
	})
}

package region

import (
	"errors"
	"strings"
	"testing"
)

func TestEncodeKey(t *testing.T) {
	for _, test := range []struct{ key, want string }{
		{"", "%-"},
		{".", "%-.%-"},
		{"..", "%-.%-.%-"},
		{".a", "%-.a"},
		{"a.", "a.%-"},
		{"a..b", "a.%-.b"},
		{"users.42", "users.42"},
		{"user:42/x_y=@~+-", "user:42/x_y=@~+-"},
		{"100%", "100%25"},
		{"%-", "%25-"},
		{"%~", "%25~"},
		{"a b*c>d", "a%20b%2Ac%3Ed"},
		{"$SYS", "%24SYS"},
		{"é\x00\n", "%C3%A9%00%0A"},
	} {
		if have := EncodeKey(test.key); have != test.want {
			t.Errorf("EncodeKey(%q): want %s, have %s", test.key, test.want, have)
		}
		if have, err := DecodeKey(test.want); err != nil || have != test.key {
			t.Errorf("DecodeKey(%s): want %q, have %q, %v", test.want, test.key, have, err)
		}
	}
}

// Everything but the one encoding of a key is refused.
func TestDecodeKeyIsStrict(t *testing.T) {
	for _, bad := range []string{
		"", ".", "a.", ".a", "a..b", "%", "%2", "%-x", "x%-", "%~", "%2a", "%41", "%2E", "%2F", "%zz", "%+1", "a b", "a*", ">", "é", "a\x00",
	} {
		if have, err := DecodeKey(bad); !errors.Is(err, ErrKey) {
			t.Errorf("DecodeKey(%q): want ErrKey, have %q, %v", bad, have, err)
		}
	}
}

func TestFitsSubject(t *testing.T) {
	for _, test := range []struct {
		name, key string
		want      bool
	}{
		{"empty", "", true},
		{"longest", strings.Repeat("x", MaxSubjectKey), true},
		{"too long", strings.Repeat("x", MaxSubjectKey+1), false},
		{"too long once encoded", strings.Repeat(" ", MaxSubjectKey/3+1), false},
		{"most terms", strings.Repeat("a.", MaxSubjectTerms-1) + "a", true},
		{"too many terms", strings.Repeat("a.", MaxSubjectTerms), false},
	} {
		if have := FitsSubject(test.key); have != test.want {
			t.Errorf("%s: want %v, have %v", test.name, test.want, have)
		}
	}
}

func FuzzKey(f *testing.F) {
	for _, seed := range []string{"", ".", "a..b", "%", "%-", "user:42", "\x00 *>", "é.", strings.Repeat("x.", 600)} {
		f.Add(seed)
	}
	s := Subjects{Cluster: strings.Repeat("c", MaxName), Region: strings.Repeat("r", MaxName)}
	f.Fuzz(func(t *testing.T, key string) {
		encoded := EncodeKey(key)
		if have, err := DecodeKey(encoded); err != nil || have != key {
			t.Fatalf("%q: decode of %q: have %q, %v", key, encoded, have, err)
		}
		for _, subject := range []string{encoded, s.KV("get", key), s.Event("eu", key)} {
			if strings.ContainsFunc(subject, func(r rune) bool { return r <= ' ' || r > '~' || r == '*' || r == '>' }) {
				t.Fatalf("%q: subject %q has a wildcard, a space, a control byte or more than ASCII", key, subject)
			}
			if strings.Contains("."+subject+".", "..") {
				t.Fatalf("%q: subject %q has an empty token", key, subject)
			}
		}
		verb, have, inHeader, err := s.ParseKV(s.KV("get", key))
		if err != nil || verb != "get" || inHeader == FitsSubject(key) || !inHeader && have != key {
			t.Fatalf("%q: ParseKV: have %q, %q, %v, %v", key, verb, have, inHeader, err)
		}
		if n := len(s.KV("interesting-verb", key)); n > MaxSubject {
			t.Fatalf("%q: a subject of %d bytes", key, n)
		}
		// What decodes is canonical, whatever it is.
		if raw, err := DecodeKey(key); err == nil && EncodeKey(raw) != key {
			t.Fatalf("%q decodes to %q, which encodes to %q", key, raw, EncodeKey(raw))
		}
	})
}

func TestSubjects(t *testing.T) {
	s := Subjects{Cluster: "prod", Region: "eu"}
	for _, test := range []struct{ have, want string }{
		{s.Do(3), "atoll.prod.eu.do.3"},
		{s.Alt(255), "atoll.prod.eu.alt.255"},
		{s.Any(0), "atoll.prod.eu.any.0"},
		{s.AnyWildcard(), "atoll.prod.eu.any.*"},
		{s.KV("get", "users.42"), "atoll.prod.eu.kv.get.users.42"},
		{s.KV("get", ""), "atoll.prod.eu.kv.get.%-"},
		{s.KV("get", strings.Repeat("x", 5000)), "atoll.prod.eu.kv.get.%~"},
		{s.KVWildcard("get"), "atoll.prod.eu.kv.get.>"},
		{s.Delta("us", 17), "atoll.prod.delta.us.17"},
		{s.DeltaWildcard(17), "atoll.prod.delta.*.17"},
		{s.Repair(0xabc), "atoll.prod.repair.0000000000000abc"},
		{s.Member("us"), "atoll.prod.member.us"},
		{s.MemberWildcard(), "atoll.prod.member.*"},
		{s.Event("us", "a b"), "atoll.prod.event.us.a%20b"},
		{s.EventWildcard("us"), "atoll.prod.event.us.>"},
	} {
		if test.have != test.want {
			t.Errorf("want %s, have %s", test.want, test.have)
		}
	}
	if err := s.Validate(); err != nil {
		t.Errorf("%+v: %v", s, err)
	}
	for _, bad := range []Subjects{{"", "eu"}, {"prod", "delta"}, {"a.b", "eu"}} {
		if !errors.Is(bad.Validate(), ErrName) {
			t.Errorf("%+v: want ErrName", bad)
		}
	}
}

func TestParseSubjects(t *testing.T) {
	s := Subjects{Cluster: "prod", Region: "eu"}
	for p := range Partition(256) {
		if r, have, err := s.ParseDelta(s.Delta("us", p), 256); err != nil || r != "us" || have != p {
			t.Errorf("delta %d: have %s, %d, %v", p, r, have, err)
		}
		for _, subject := range []string{s.Do(p), s.Alt(p), s.Any(p)} {
			if have, err := s.ParseCommand(subject, 256); err != nil || have != p {
				t.Errorf("%s: have %d, %v", subject, have, err)
			}
		}
	}
	if r, err := s.ParseMember(s.Member("us")); err != nil || r != "us" {
		t.Errorf("member: have %s, %v", r, err)
	}
	if r, key, inHeader, err := s.ParseEvent(s.Event("us", "a..b")); err != nil || r != "us" || key != "a..b" || inHeader {
		t.Errorf("event: have %s, %q, %v, %v", r, key, inHeader, err)
	}
	for _, bad := range []string{
		"", "atoll", "atoll.prod.delta", "atoll.prod.delta.us", "atoll.prod.delta.us.", "atoll.prod.delta.us.256",
		"atoll.prod.delta.us.01", "atoll.prod.delta.us.+1", "atoll.prod.delta.us.-1", "atoll.prod.delta.us.1.2",
		"atoll.prod.delta.*.1", "atoll.other.delta.us.1", "atoll.prod.delta.us.65536", "xatoll.prod.delta.us.1",
		"atoll.prod.eu.do", "atoll.prod.eu.do.x", "atoll.prod.eu.dot.1", "atoll.prod.us.do.1", "atoll.prod.eu..1",
		"atoll.prod.member", "atoll.prod.member.", "atoll.prod.member.US", "atoll.prod.member.us.x",
		"atoll.prod.event.us", "atoll.prod.event..x", "atoll.prod.eu.kv.get", "atoll.prod.eu.kv..x", "atoll.prod.us.kv.get.x",
	} {
		_, _, deltaErr := s.ParseDelta(bad, 256)
		_, commandErr := s.ParseCommand(bad, 256)
		_, memberErr := s.ParseMember(bad)
		_, _, _, kvErr := s.ParseKV(bad)
		_, _, _, eventErr := s.ParseEvent(bad)
		for _, err := range []error{deltaErr, commandErr, memberErr, kvErr, eventErr} {
			if !errors.Is(err, ErrSubject) {
				t.Errorf("%q: want ErrSubject from every parser, have %v", bad, err)
			}
		}
	}
	if _, _, _, err := s.ParseKV("atoll.prod.eu.kv.get.a..b"); !errors.Is(err, ErrKey) {
		t.Errorf("a key with an empty term: want ErrKey, have %v", err)
	}
}

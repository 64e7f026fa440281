package region

import (
	"errors"
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	for _, good := range []string{"a", "eu-1", "0", "-", strings.Repeat("x", MaxName)} {
		if err := ValidateName("node", good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", "EU", "eu.1", "eu 1", "*", ">", "eu_1", "é", "a\n", strings.Repeat("x", MaxName+1)} {
		err := ValidateName("node", bad)
		if !errors.Is(err, ErrName) || !strings.Contains(err.Error(), "a-z, 0-9 and -") {
			t.Errorf("%q: want ErrName that says what is allowed, have %v", bad, err)
		}
	}
	for _, word := range []string{"delta", "event", "member", "repair", "", "A"} {
		if !errors.Is(ValidateRegion(word), ErrName) {
			t.Errorf("region %q: want ErrName", word)
		}
	}
}

func TestMemberValidate(t *testing.T) {
	good := Member{Name: "eu-1", Region: "eu", Zone: "a", Address: "10.0.0.1:7000", Replica: 7, Weight: 100}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Member){
		"no name":      func(m *Member) { m.Name = "" },
		"bad region":   func(m *Member) { m.Region = "delta" },
		"bad zone":     func(m *Member) { m.Zone = "a.b" },
		"no replica":   func(m *Member) { m.Replica = 0 },
		"weight below": func(m *Member) { m.Weight = -1 },
		"weight above": func(m *Member) { m.Weight = MaxWeight + 1 },
		"long address": func(m *Member) { m.Address = strings.Repeat("1", MaxAddress+1) },
		"bad address":  func(m *Member) { m.Address = "a\r\nb" },
	} {
		m := good
		change(&m)
		if err := m.Validate(); !errors.Is(err, ErrMember) && !errors.Is(err, ErrName) {
			t.Errorf("%s: want an error, have %v", name, err)
		}
	}
}

func TestConfigValidate(t *testing.T) {
	if err := (Config{}).Validate(); err != nil {
		t.Errorf("zero: %v", err)
	}
	if (Config{}).withDefaults() != DefaultConfig() {
		t.Error("the zero configuration is not the default one")
	}
	for _, bad := range []Config{
		{HeartbeatEvery: -1}, {HeartbeatEvery: 2e9}, {SuspectAfter: 1}, {ForgetAfter: 1},
		{MaxMembers: -1}, {MaxMembers: 1 << 16}, {MaxRegions: -1}, {MaxRegions: 257},
	} {
		if err := bad.Validate(); !errors.Is(err, ErrConfig) {
			t.Errorf("%+v: want ErrConfig, have %v", bad, err)
		}
	}
}

func TestStatesAndChangesHaveNames(t *testing.T) {
	for s, want := range map[State]string{StateJoining: "joining", StateReady: "ready", StateLeaving: "leaving", StateSuspect: "suspect", 9: "state 9"} {
		if s.String() != want {
			t.Errorf("state %d: want %s, have %s", uint8(s), want, s)
		}
	}
	for k, want := range map[ChangeKind]string{0: "change 0", Joined: "joined", Updated: "updated", Suspected: "suspected", Back: "back", Left: "left", Replaced: "replaced", Forgotten: "forgotten", Conflict: "conflict", 9: "change 9"} {
		if k.String() != want {
			t.Errorf("kind %d: want %s, have %s", uint8(k), want, k)
		}
	}
}

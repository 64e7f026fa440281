package command

import (
	"errors"
	"strings"
	"testing"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

// TestTokens: what a token is written as is read again, and nothing else is.
func TestTokens(t *testing.T) {
	for _, want := range []Token{{1, 1}, {1 << 63, crdt.StampAt(1_700_000_000_000) + 7}, {^crdt.ReplicaID(0), ^crdt.HLC(0)}} {
		if have, err := ParseToken(want.String()); have != want || err != nil {
			t.Errorf("%q: want %v, have %v, %v", want, want, have, err)
		}
	}
	for _, bad := range []string{"", ".", "1", "1.", ".1", "0.1", "1.0", "01.1", "1.01", "-1.1", "+1.1", "1.1.1", "A.1", "1.1 ", "1_0.1",
		strings.Repeat("z", 40) + ".1", "1." + strings.Repeat("z", 1<<16)} {
		if have, err := ParseToken(bad); !errors.Is(err, ErrToken) || !have.IsZero() {
			t.Errorf("%.50q: want %v, have %v, %v", bad, ErrToken, have, err)
		}
	}
}

// noFills is a target on which keys cannot be filled.
type noFills struct{ Target }

func TestFillOptions(t *testing.T) {
	for line, want := range map[string]string{
		"FILL k 1.1 v":            "",
		"FILL k 1.1 v px 5":       "",
		"FILL k 1.1 v EX":         "ERR syntax error",
		"FILL k 1.1 v NX 5":       "ERR syntax error",
		"FILL k 1.1 v EX 0":       "ERR invalid expire time in 'fill' command",
		"FILL k 1.1 v EX x":       "ERR value is not an integer or out of range",
		"FILL k nonsense v EX 5":  ErrToken.Text,
		"FILL k 1.1 v PXAT 99999": "",
	} {
		_, _, err := parseFill(cmd(line), 1000)
		checkText(t, line, want, err)
	}
	for _, line := range []string{"MISS k", "FILL k 1.1 v"} {
		if r := Exec(noFills{}, cmd(line)); r.Type != wire.TypeError || r.Err.Text != ErrNoFills.Text {
			t.Errorf("%s where keys cannot be filled: have %+v", line, r)
		}
	}
}

package command

import (
	"strconv"
	"strings"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

// Token is what a value that was loaded on a miss comes back with. It is good for the key
// that was missing, at the node that gave it, until something happens to the key.
type Token struct {
	Replica crdt.ReplicaID // who gave it
	Stamp   crdt.HLC       // when the key was missing
}

// IsZero reports whether it is none.
func (t Token) IsZero() bool { return t == Token{} }

// String returns the token as commands take it, empty for none.
func (t Token) String() string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatUint(uint64(t.Replica), 36) + "." + strconv.FormatUint(uint64(t.Stamp), 36)
}

// ParseToken reads what [Token.String] wrote. Other texts give [ErrToken].
func ParseToken(s string) (Token, error) {
	replica, stamp, ok := strings.Cut(s, ".")
	r, err1 := strconv.ParseUint(replica, 36, 64)
	h, err2 := strconv.ParseUint(stamp, 36, 64)
	t := Token{crdt.ReplicaID(r), crdt.HLC(h)}
	if !ok || err1 != nil || err2 != nil || t.Replica == 0 || t.Stamp == 0 || t.String() != s {
		return Token{}, ErrToken
	}
	return t, nil
}

// Missed is what is told of a key that is missing.
type Missed struct {
	Token Token // to fill it with; zero when it may not be filled now
	// Wait is how long somebody else may take to fill it. Zero, and no token: nobody is
	// about to.
	Wait time.Duration
}

// Filler is a [Target] on which keys that are missing can be filled.
type Filler interface {
	// Miss calls f with what a key shows and says, if it does not exist, how it may be
	// filled.
	Miss(key string, f func(crdt.View)) (Missed, error)
	// Fill makes one write of what run notes for a key, by [crdt.Mutator.Fill], if
	// nothing has happened to it since its token was given out; otherwise it returns the
	// zero dot.
	Fill(key string, of Token, run func(*crdt.Mutator) error) (crdt.Dot, error)
}

// execMiss replies the string, the token and how many milliseconds to wait: nil, nil or 0
// where there is none.
func execMiss(t Target, cmd wire.Command) wire.Reply {
	filler, ok := t.(Filler)
	if !ok {
		return wire.Fail(ErrNoFills)
	}
	value := wire.Nil
	missed, err := filler.Miss(cmd.Key(), func(v crdt.View) {
		if value = text(v.Get()); v.Exists() && v.Kind() != crdt.KindString {
			value = wire.Fail(ErrWrongType)
		}
	})
	switch {
	case err != nil:
		return wire.Fail(DataError(cmd.Args[0], err))
	case value.Type == wire.TypeError:
		return value
	}
	token := text(missed.Token.String(), !missed.Token.IsZero())
	return wire.List(value, token, wire.Int((missed.Wait + time.Millisecond - 1).Milliseconds()))
}

// execFill replies 1 if the value was taken. A second try may reply 0 of what the first
// has done.
func execFill(t Target, cmd wire.Command) wire.Reply {
	filler, ok := t.(Filler)
	if !ok {
		return wire.Fail(ErrNoFills)
	}
	token, at, err := parseFill(cmd, t.Now())
	if err != nil {
		return wire.Fail(err)
	}
	taken := false
	dot, err := filler.Fill(cmd.Key(), token, func(m *crdt.Mutator) error {
		taken = m.Fill(cmd.Args[3], at, token.Stamp)
		return nil
	})
	if err != nil {
		return wire.Fail(DataError(cmd.Args[0], err))
	}
	reply := flag(taken && !dot.IsZero())
	reply.Wrote = dot
	return reply
}

// parseFill reads the token of FILL and when the value expires.
func parseFill(cmd wire.Command, now int64) (Token, int64, error) {
	token, err := ParseToken(cmd.Args[2])
	if err != nil || len(cmd.Args) == 4 {
		return token, crdt.Never, err
	}
	e, ok := expiryOptions[strings.ToUpper(cmd.Args[4])]
	if !ok || len(cmd.Args) != 6 {
		return token, 0, ErrSyntax
	}
	e.arg = cmd.Args[5]
	at, err := e.at(cmd.Args[0], now)
	return token, at, err
}

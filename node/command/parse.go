package command

import (
	"math"
	"strconv"
	"strings"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

// The Parse functions take commands that [Find] accepts and return *wire.Error
// for arguments that make no sense. Options are taken in any case and order.

// ParseInt reads an integer argument, ErrNotInteger if it is none.
func ParseInt(arg string) (int64, error) {
	n, ok := crdt.ParseInt(arg)
	if !ok {
		return 0, ErrNotInteger
	}
	return n, nil
}

// ParseFloat reads a number argument, ErrNotFloat if it is none. Infinities are
// numbers, NaN is not.
func ParseFloat(arg string) (float64, error) {
	f, ok := crdt.ParseFloat(arg)
	if !ok {
		return 0, ErrNotFloat
	}
	return f, nil
}

// SetArgs are the arguments of SET.
type SetArgs struct {
	Key, Value string
	// ExpireAt is in milliseconds since the Unix epoch, crdt.Never for no expiry.
	ExpireAt int64
	// IfAbsent and IfPresent say to set only a key that does not exist (NX), or
	// only one that does (XX). At most one is true.
	IfAbsent, IfPresent bool
}

// ParseSet reads the arguments of SET at a time in milliseconds since the Unix
// epoch. It is that of the node that runs the command.
func ParseSet(c wire.Command, nowMillis int64) (SetArgs, error) {
	s := SetArgs{Key: c.Args[1], Value: c.Args[2], ExpireAt: crdt.Never}
	hasExpiry := false
	for opts := c.Args[3:]; len(opts) > 0; {
		option := strings.ToUpper(opts[0])
		opts = opts[1:]
		switch {
		case option == "NX" && !s.IfPresent:
			s.IfAbsent = true
		case option == "XX" && !s.IfAbsent:
			s.IfPresent = true
		case (option == "PX" || option == "PXAT") && !hasExpiry && len(opts) > 0:
			n, err := ParseInt(opts[0])
			if err != nil {
				return s, err
			}
			from := nowMillis
			if option == "PXAT" {
				from = 0
			}
			at, ok := expiry(from, n)
			if n <= 0 || !ok {
				return s, invalidExpire("SET")
			}
			s.ExpireAt, hasExpiry, opts = at, true, opts[1:]
		default:
			return s, ErrSyntax
		}
	}
	return s, nil
}

// ParseExpire returns the time at which PEXPIRE and PEXPIREAT let a key expire,
// in milliseconds since the Unix epoch, at a time of the node that runs the
// command. It may have passed.
func ParseExpire(c wire.Command, nowMillis int64) (int64, error) {
	n, err := ParseInt(c.Args[2])
	if err != nil {
		return 0, err
	}
	from := nowMillis
	if c.Args[0] == "PEXPIREAT" {
		from = 0
	}
	at, ok := expiry(from, n)
	if !ok {
		return 0, invalidExpire(c.Args[0])
	}
	return at, nil
}

// expiry returns from+n, at most the last millisecond that a stamp can hold, and
// false when that overflows.
func expiry(from, n int64) (int64, bool) {
	at := from + n
	if (at > from) != (n > 0) {
		return 0, false
	}
	return min(at, crdt.MaxMillis), true
}

// TTLReply returns the reply of PTTL and PEXPIRETIME for what a key shows.
func TTLReply(verb string, v crdt.View, nowMillis int64) wire.Reply {
	at := v.ExpireAt()
	switch {
	case !v.Exists():
		return wire.Int(missing)
	case at == crdt.Never:
		return wire.Int(noExpiry)
	case verb == "PTTL":
		return wire.Int(max(at-nowMillis, 0))
	}
	return wire.Int(at)
}

// DefaultScanCount is how many keys SCAN looks at when it is not told.
const DefaultScanCount = 10

// MaxScanCount is the most keys that SCAN looks at for one reply, whatever it is
// told.
const MaxScanCount = 10_000

// ScanArgs are the arguments of SCAN.
type ScanArgs struct {
	Cursor uint64
	Match  Glob      // matches every key when there is no MATCH
	Count  int       // 1 to MaxScanCount
	Kind   crdt.Kind // KindNone for any
}

// ParseScan reads the arguments of SCAN.
func ParseScan(c wire.Command) (ScanArgs, error) {
	s := ScanArgs{Count: DefaultScanCount, Match: NewGlob("*")}
	cursor, err := strconv.ParseUint(c.Args[1], 10, 64)
	if err != nil {
		return s, ErrCursor
	}
	s.Cursor = cursor
	opts := c.Args[2:]
	for ; len(opts) >= 2; opts = opts[2:] {
		switch strings.ToUpper(opts[0]) {
		case "MATCH":
			s.Match = NewGlob(opts[1])
		case "COUNT":
			n, err := ParseInt(opts[1])
			if err != nil {
				return s, err
			}
			if n < 1 {
				return s, ErrSyntax
			}
			s.Count = int(min(n, MaxScanCount))
		case "TYPE":
			if s.Kind = kindNamed(opts[1]); s.Kind == crdt.KindNone {
				return s, badRequest("ERR unknown type name '" + shorten(opts[1]) + "'")
			}
		default:
			return s, ErrSyntax
		}
	}
	if len(opts) > 0 {
		return s, ErrSyntax
	}
	return s, nil
}

// kindNamed returns the kind of a name, KindNone when there is none.
func kindNamed(name string) crdt.Kind {
	for _, k := range []crdt.Kind{crdt.KindString, crdt.KindHash, crdt.KindSet, crdt.KindZSet} {
		if strings.EqualFold(name, k.String()) {
			return k
		}
	}
	return crdt.KindNone
}

// shorten returns the start of an argument, for an error's text.
func shorten(s string) string {
	if len(s) > 128 {
		return s[:128]
	}
	return s
}

// LinkAction is what LINK does.
type LinkAction string

// The actions of LINK.
const (
	LinkList   LinkAction = "LIST"
	LinkPause  LinkAction = "PAUSE"
	LinkResume LinkAction = "RESUME"
)

// LinkArgs are the arguments of LINK. An empty region means every one.
type LinkArgs struct {
	Action   LinkAction
	From, To string
}

// ParseLink reads the arguments of LINK. It does not check that the regions are
// names of regions.
func ParseLink(c wire.Command) (LinkArgs, error) {
	l := LinkArgs{Action: LinkAction(strings.ToUpper(c.Args[1]))}
	switch l.Action {
	case LinkList, LinkPause, LinkResume:
	default:
		return l, ErrSyntax
	}
	if len(c.Args) > 2 {
		l.From = c.Args[2]
	}
	if len(c.Args) > 3 {
		l.To = c.Args[3]
	}
	return l, nil
}

const (
	// DefaultVerifyLimit is how many differing keys VERIFY names when it is not
	// told.
	DefaultVerifyLimit = 10
	// MaxVerifyLimit is the most differing keys that VERIFY names, whatever it is
	// told.
	MaxVerifyLimit = 10_000
)

// ParseVerify reads the argument of VERIFY: how many differing keys to name.
func ParseVerify(c wire.Command) (limit int, err error) {
	if len(c.Args) < 2 {
		return DefaultVerifyLimit, nil
	}
	n, err := ParseInt(c.Args[1])
	if err != nil {
		return 0, err
	}
	if n < 0 {
		return 0, ErrNotInteger
	}
	return int(min(n, MaxVerifyLimit)), nil
}

// Bound is one end of a range of scores.
type Bound struct {
	Score float64
	// Exclusive leaves out members of exactly this score.
	Exclusive bool
}

// String returns the bound as ZRANGE takes it: "1.5", "(1.5", "-inf".
func (b Bound) String() string {
	if b.Exclusive {
		return "(" + crdt.FormatFloat(b.Score)
	}
	return crdt.FormatFloat(b.Score)
}

func parseBound(arg string) (Bound, error) {
	text, exclusive := strings.CutPrefix(arg, "(")
	f, ok := crdt.ParseFloat(text)
	if !ok {
		return Bound{}, ErrBounds
	}
	return Bound{f, exclusive}, nil
}

// noLimit is the Count of a range that has no limit.
const noLimit = math.MaxInt64

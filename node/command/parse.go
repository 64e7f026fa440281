package command

import (
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

// Admits reports whether keys of a kind are asked for. To Redis a HyperLogLog is a
// string.
func (s ScanArgs) Admits(k crdt.Kind) bool {
	return s.Kind == crdt.KindNone || TypeName(k) == s.Kind.String()
}

// ParseScan reads the arguments of SCAN.
func ParseScan(c wire.Command) (ScanArgs, error) {
	cursor, err := parseCursor(c.Args[1])
	if err != nil {
		return ScanArgs{}, err
	}
	s, err := parseScanOptions(c.Args[2:], true)
	s.Cursor = cursor
	return s, err
}

func parseCursor(arg string) (uint64, error) {
	cursor, err := strconv.ParseUint(arg, 10, 64)
	if err != nil {
		return 0, ErrCursor
	}
	return cursor, nil
}

// parseScanOptions reads what follows the cursor. Only SCAN itself takes a type.
func parseScanOptions(opts []string, typed bool) (ScanArgs, error) {
	s := ScanArgs{Count: DefaultScanCount, Match: NewGlob("*")}
	for ; len(opts) >= 2; opts = opts[2:] {
		switch option := strings.ToUpper(opts[0]); {
		case option == "MATCH":
			s.Match = NewGlob(opts[1])
		case option == "COUNT":
			n, err := ParseInt(opts[1])
			if err != nil {
				return s, err
			}
			if n < 1 {
				return s, ErrSyntax
			}
			s.Count = int(min(n, MaxScanCount))
		case option == "TYPE" && typed:
			if s.Kind = kindNamed(opts[1]); s.Kind == crdt.KindNone || s.Kind == crdt.KindHLL {
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
	for _, k := range []crdt.Kind{crdt.KindString, crdt.KindHash, crdt.KindSet, crdt.KindZSet, crdt.KindList, crdt.KindHLL} {
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

// ParseFlush reads the option of FLUSHALL and FLUSHDB, which changes nothing.
func ParseFlush(c wire.Command) error {
	if len(c.Args) > 1 && !strings.EqualFold(c.Args[1], "ASYNC") && !strings.EqualFold(c.Args[1], "SYNC") {
		return ErrSyntax
	}
	return nil
}

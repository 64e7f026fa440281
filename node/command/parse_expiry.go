package command

import (
	"math"
	"strings"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

// SetArgs are the arguments of SET.
type SetArgs struct {
	Key, Value string
	// ExpireAt is in milliseconds since the Unix epoch, crdt.Never for no expiry.
	ExpireAt int64
	// KeepTTL says to keep the key's expiry instead.
	KeepTTL bool
	// IfAbsent and IfPresent say to set only a key that does not exist (NX), or
	// only one that does (XX). At most one is true.
	IfAbsent, IfPresent bool
	// Get asks for the string before.
	Get bool
}

// ParseSet reads the arguments of SET at a time in milliseconds since the Unix
// epoch. It is that of the node that runs the command.
func ParseSet(c wire.Command, nowMillis int64) (SetArgs, error) {
	s := SetArgs{Key: c.Args[1], Value: c.Args[2], ExpireAt: crdt.Never}
	o, err := parseStringOptions(c.Args[3:], false)
	if err != nil {
		return s, err
	}
	s.KeepTTL, s.IfAbsent, s.IfPresent, s.Get = o.keep, o.absent, o.present, o.get
	if o.expiry.unit != 0 {
		s.ExpireAt, err = o.expiry.at("SET", nowMillis)
	}
	return s, err
}

// stringOptions are the options of SET and GETEX.
type stringOptions struct {
	expiry                              expiryArg
	keep, persist, absent, present, get bool
}

// parseStringOptions reads the options of SET, or of GETEX.
func parseStringOptions(opts []string, getex bool) (o stringOptions, err error) {
	for ; len(opts) > 0; opts = opts[1:] {
		option := strings.ToUpper(opts[0])
		e, timed := expiryOptions[option]
		switch {
		case option == "NX" && !getex && !o.present:
			o.absent = true
		case option == "XX" && !getex && !o.absent:
			o.present = true
		case option == "GET" && !getex:
			o.get = true
		case option == "KEEPTTL" && !getex && o.expiry.unit == 0:
			o.keep = true
		case option == "PERSIST" && getex && o.expiry.unit == 0:
			o.persist = true
		case timed && !o.keep && !o.persist && o.expiry.isOrNone(e) && len(opts) > 1:
			e.arg = opts[1]
			o.expiry, opts = e, opts[1:]
		default:
			return o, ErrSyntax
		}
	}
	return o, nil
}

// expiryArg is a time to live or a time of expiry.
type expiryArg struct {
	arg      string
	unit     int64 // in milliseconds; zero: there is none
	absolute bool  // since the Unix epoch
}

var expiryOptions = map[string]expiryArg{
	"EX": {unit: 1000}, "PX": {unit: 1}, "EXAT": {unit: 1000, absolute: true}, "PXAT": {unit: 1, absolute: true},
}

// isOrNone reports whether there is no expiry yet or one of the same option,
// which may come again.
func (e expiryArg) isOrNone(o expiryArg) bool {
	return e.unit == 0 || e.unit == o.unit && e.absolute == o.absolute
}

// at returns the time of an expiry that must be more than zero.
func (e expiryArg) at(verb string, now int64) (int64, error) {
	n, err := ParseInt(e.arg)
	if err != nil {
		return 0, err
	}
	at, ok := e.of(n, now)
	if n <= 0 || !ok {
		return 0, invalidExpire(verb)
	}
	return at, nil
}

// of returns the time that n units mean, and false when that overflows.
func (e expiryArg) of(n, now int64) (int64, bool) {
	if n > math.MaxInt64/e.unit || n < math.MinInt64/e.unit {
		return 0, false
	}
	if e.absolute {
		now = 0
	}
	return expiry(now, n*e.unit)
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

// expiryVerbs are the commands that let a key expire.
var expiryVerbs = map[string]expiryArg{
	"EXPIRE": expiryOptions["EX"], "PEXPIRE": expiryOptions["PX"], "EXPIREAT": expiryOptions["EXAT"], "PEXPIREAT": expiryOptions["PXAT"],
	"SETEX": expiryOptions["EX"], "PSETEX": expiryOptions["PX"],
}

// ParseExpire returns the time at which EXPIRE and its like let a key expire, in
// milliseconds since the Unix epoch, at a time of the node that runs the command.
// It may have passed.
func ParseExpire(c wire.Command, nowMillis int64) (int64, error) {
	n, err := ParseInt(c.Args[2])
	if err != nil {
		return 0, err
	}
	at, ok := expiryVerbs[c.Args[0]].of(n, nowMillis)
	if !ok {
		return 0, invalidExpire(c.Args[0])
	}
	return at, nil
}

// expireIf are the conditions of EXPIRE.
type expireIf struct{ absent, present, longer, shorter bool }

func parseExpireIf(opts []string) (w expireIf, err error) {
	for _, o := range opts {
		switch strings.ToUpper(o) {
		case "NX":
			w.absent = true
		case "XX":
			w.present = true
		case "GT":
			w.longer = true
		case "LT":
			w.shorter = true
		default:
			return w, badRequest("ERR Unsupported option " + shorten(o))
		}
	}
	switch {
	case w.absent && (w.present || w.longer || w.shorter):
		return w, badRequest("ERR NX and XX, GT or LT options at the same time are not compatible")
	case w.longer && w.shorter:
		return w, badRequest("ERR GT and LT options at the same time are not compatible")
	}
	return w, nil
}

// holds reports whether a key that expires at before may be made to expire at at.
func (w expireIf) holds(before, at int64) bool {
	switch {
	case w.absent && before != crdt.Never,
		w.present && before == crdt.Never,
		w.longer && at <= before, // Never is the longest.
		w.shorter && at >= before:
		return false
	}
	return true
}

// TTLReply returns the reply of TTL and its like for what a key shows.
func TTLReply(verb string, v crdt.View, nowMillis int64) wire.Reply {
	at := v.ExpireAt()
	switch {
	case !v.Exists():
		return wire.Int(missing)
	case at == crdt.Never:
		return wire.Int(noExpiry)
	}
	if verb == "PTTL" || verb == "TTL" {
		at = max(at-nowMillis, 0)
	}
	if verb == "TTL" || verb == "EXPIRETIME" {
		at = (at + 500) / 1000 // Rounded, as Redis does.
	}
	return wire.Int(at)
}

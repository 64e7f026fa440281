package command

import (
	"strings"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

// wordFields ends what comes before the fields of a command, with a number behind it.
const wordFields = "FIELDS"

// maxFieldExpiry is the latest time at which a field expires, in milliseconds since the
// Unix epoch: that of Redis, some time in the year 4199.
const maxFieldExpiry = (1<<48 - 2) >> 2

var (
	errNoFields     = badRequest("ERR Mandatory argument FIELDS is missing or not at the right position")
	errFieldsZero   = badRequest("ERR Parameter `numFields` should be greater than 0")
	errFieldsNumber = badRequest("ERR Number of fields must be a positive integer")
	errFieldsCount  = badRequest("ERR The `numfields` parameter must match the number of arguments")
	errFieldsOf     = badRequest("ERR invalid number of fields")
	errPastEpoch    = badRequest("ERR invalid expire time, must be >= 0")
	errNoExpiry     = badRequest("ERR missing expire time")
	errTwoIfs       = badRequest("ERR Only one of FXX or FNX arguments can be specified")
	errTwoExpiries  = badRequest("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified")
)

// fieldsAt reads FIELDS, their number and the fields, which begin at an argument.
// number is the error of a number that is none or too small.
func fieldsAt(args []string, at int, number error) ([]string, error) {
	if at >= len(args) || !strings.EqualFold(args[at], wordFields) {
		return nil, errNoFields
	}
	if at+1 >= len(args) {
		return nil, wrongNumber(args[0])
	}
	n, err := ParseInt(args[at+1])
	if err != nil || n < 1 {
		return nil, number
	}
	fields := args[at+2:]
	if n != int64(len(fields)) {
		return nil, errFieldsCount
	}
	return fields, nil
}

// fieldExpiry returns the time that an argument means, of a verb, at a time of the node
// that runs the command. It may have passed.
func (e expiryArg) fieldExpiry(verb, arg string, now int64) (int64, error) {
	n, err := ParseInt(arg)
	switch {
	case err != nil:
		return 0, err
	case n < 0:
		return 0, errPastEpoch
	}
	if e.absolute {
		now = 0
	}
	if n > maxFieldExpiry/e.unit || n*e.unit > maxFieldExpiry-now {
		return 0, invalidExpire(verb)
	}
	return n*e.unit + now, nil
}

// fieldExpiryVerbs are the commands that let fields expire.
var fieldExpiryVerbs = map[string]expiryArg{
	"HEXPIRE": expiryOptions["EX"], "HPEXPIRE": expiryOptions["PX"], "HEXPIREAT": expiryOptions["EXAT"], "HPEXPIREAT": expiryOptions["PXAT"],
}

// fieldExpireArgs are the arguments of HEXPIRE and its like.
type fieldExpireArgs struct {
	at     int64
	cond   expireIf
	fields []string
}

func parseFieldExpire(c wire.Command, now int64) (a fieldExpireArgs, err error) {
	if a.at, err = fieldExpiryVerbs[c.Args[0]].fieldExpiry(c.Args[0], c.Args[2], now); err != nil {
		return a, err
	}
	at := 3
	if isWordOf("NX XX GT LT", c.Args[3]) {
		at++
		if a.cond, err = parseExpireIf(c.Args[3:4]); err != nil {
			return a, err
		}
	}
	a.fields, err = fieldsAt(c.Args, at, errFieldsZero)
	return a, err
}

// getexArgs are the arguments of HGETEX.
type getexArgs struct {
	sets   bool  // expire the fields at at, never for PERSIST
	at     int64 //
	fields []string
}

func parseGetex(c wire.Command, now int64) (a getexArgs, err error) {
	at := 2
	e, timed := expiryOptions[strings.ToUpper(c.Args[2])]
	switch {
	case timed:
		at += 2
		if a.at, err = e.fieldExpiry(c.Args[0], c.Args[3], now); err != nil {
			return a, err
		}
	case strings.EqualFold(c.Args[2], "PERSIST"):
		at++
		a.at = crdt.Never
	}
	a.sets = at > 2
	a.fields, err = fieldsAt(c.Args, at, errFieldsNumber)
	return a, err
}

// setexArgs are the arguments of HSETEX.
type setexArgs struct {
	at                        int64 // crdt.Never for no expiry
	keep, ifAbsent, ifPresent bool
	pairs                     []string // fields and values in turns
}

func parseSetex(c wire.Command, now int64) (a setexArgs, err error) {
	a.at = crdt.Never
	timed := false
	for i := 2; i < len(c.Args); i++ {
		switch word := strings.ToUpper(c.Args[i]); word {
		case wordFields:
			a.pairs, err = pairsAt(c.Args, i)
			return a, err
		case "FNX", "FXX":
			if a.ifAbsent || a.ifPresent {
				return a, errTwoIfs
			}
			a.ifAbsent, a.ifPresent = word == "FNX", word == "FXX"
		case "KEEPTTL", "EX", "PX", "EXAT", "PXAT":
			if timed || a.keep {
				return a, errTwoExpiries
			}
			if a.keep = word == "KEEPTTL"; a.keep {
				continue
			}
			if i++; i == len(c.Args) {
				return a, errNoExpiry
			}
			timed = true
			if a.at, err = expiryOptions[word].fieldExpiry(c.Args[0], c.Args[i], now); err != nil {
				return a, err
			}
		default:
			return a, badRequest("ERR unknown argument: " + shorten(c.Args[i]))
		}
	}
	return a, wrongNumber(c.Args[0])
}

// pairsAt reads FIELDS, their number and fields and values in turns.
func pairsAt(args []string, at int) ([]string, error) {
	if at >= len(args)-3 {
		return nil, wrongNumber(args[0])
	}
	n, err := ParseInt(args[at+1])
	if err != nil || n < 1 {
		return nil, errFieldsOf
	}
	pairs := args[at+2:]
	if len(pairs)%2 != 0 || n != int64(len(pairs)/2) {
		return nil, wrongNumber(args[0])
	}
	return pairs, nil
}

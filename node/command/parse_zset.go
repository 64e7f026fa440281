package command

import (
	"cmp"
	"math"
	"strings"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

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

// below and above report whether a score lies outside of a range that begins or
// ends here.
func (b Bound) below(score float64) bool {
	return score < b.Score || b.Exclusive && score == b.Score
}

func (b Bound) above(score float64) bool {
	return score > b.Score || b.Exclusive && score == b.Score
}

// LexBound is one end of a range of names: "[a" with a itself, "(a" without it,
// "-" before all, "+" behind all.
type LexBound struct {
	Name      string
	Exclusive bool
	// Infinite is -1 for a bound before all names, 1 for one behind all.
	Infinite int
}

func parseLexBound(arg string) (LexBound, error) {
	switch {
	case arg == "-":
		return LexBound{Infinite: -1}, nil
	case arg == "+":
		return LexBound{Infinite: 1}, nil
	case strings.HasPrefix(arg, "["):
		return LexBound{Name: arg[1:]}, nil
	case strings.HasPrefix(arg, "("):
		return LexBound{Name: arg[1:], Exclusive: true}, nil
	}
	return LexBound{}, ErrLexBounds
}

// side says whether a name lies before the bound, at it, or behind it.
func (b LexBound) side(name string) int {
	if b.Infinite != 0 {
		return -b.Infinite
	}
	return strings.Compare(name, b.Name)
}

func (b LexBound) below(name string) bool {
	side := b.side(name)
	return side < 0 || b.Exclusive && side == 0
}

func (b LexBound) above(name string) bool {
	side := b.side(name)
	return side > 0 || b.Exclusive && side == 0
}

// noLimit is the Count of a range that has no limit.
const noLimit = math.MaxInt64

// ZRangeArgs are the arguments of ZRANGE.
type ZRangeArgs struct {
	Key string
	// Start and Stop are positions, both inclusive, negative ones from the end.
	Start, Stop int64
	// ByScore chooses by score, from Min to Max whatever the order, instead.
	ByScore  bool
	Min, Max Bound
	// ByLex chooses by name, from First to Last whatever the order. It makes sense
	// when all scores are the same.
	ByLex       bool
	First, Last LexBound
	// Reverse turns the order around.
	Reverse bool
	// Offset and Count cut a range by score or name: Offset members are left out,
	// at most Count returned. A negative Offset leaves nothing, as in Redis.
	Offset, Count int64
	// WithScores asks for each member's score behind it.
	WithScores bool
}

// rangeForm is what the name of a command says of its range.
type rangeForm struct {
	byScore, byLex, reverse bool
	open                    bool // options say the rest: ZRANGE and ZRANGESTORE
	store                   bool // there is no reply of members
}

var rangeForms = map[string]rangeForm{
	"ZRANGE":           {open: true},
	"ZRANGESTORE":      {open: true, store: true},
	"ZREVRANGE":        {reverse: true},
	"ZRANGEBYSCORE":    {byScore: true},
	"ZREVRANGEBYSCORE": {byScore: true, reverse: true},
	"ZRANGEBYLEX":      {byLex: true},
	"ZREVRANGEBYLEX":   {byLex: true, reverse: true},
	"ZCOUNT":           {byScore: true},
	"ZLEXCOUNT":        {byLex: true},
	"ZREMRANGEBYRANK":  {},
	"ZREMRANGEBYSCORE": {byScore: true},
	"ZREMRANGEBYLEX":   {byLex: true},
}

// ParseZRange reads the arguments of ZRANGE and of all commands that choose a
// range of a sorted set. Key is the sorted set's.
func ParseZRange(c wire.Command) (ZRangeArgs, error) {
	form, args := rangeForms[c.Args[0]], c.Args[1:]
	if form.store {
		args = args[1:]
	}
	z := ZRangeArgs{Key: args[0], ByScore: form.byScore, ByLex: form.byLex, Reverse: form.reverse, Count: -1}
	if err := z.parseOptions(form, args[3:]); err != nil {
		return z, err
	}
	byRank := !z.ByScore && !z.ByLex
	switch {
	case z.Count != -1 && byRank:
		return z, badRequest("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX")
	case z.WithScores && z.ByLex:
		return z, badRequest("ERR syntax error, WITHSCORES not supported in combination with BYLEX")
	case byRank:
		z.Offset = 0
	}
	if z.Count < 0 {
		z.Count = noLimit
	}
	return z, z.parseEnds(args[1], args[2])
}

func (z *ZRangeArgs) parseOptions(form rangeForm, opts []string) (err error) {
	for ; len(opts) > 0; opts = opts[1:] {
		switch option := strings.ToUpper(opts[0]); {
		case option == "WITHSCORES" && !form.store:
			z.WithScores = true
		case option == "LIMIT" && len(opts) > 2:
			if z.Offset, err = ParseInt(opts[1]); err != nil {
				return err
			}
			if z.Count, err = ParseInt(opts[2]); err != nil {
				return err
			}
			opts = opts[2:]
		case option == "REV" && form.open && !z.Reverse:
			z.Reverse = true
		case option == "BYLEX" && form.open && !z.ByScore && !z.ByLex:
			z.ByLex = true
		case option == "BYSCORE" && form.open && !z.ByScore && !z.ByLex:
			z.ByScore = true
		default:
			return ErrSyntax
		}
	}
	return nil
}

func (z *ZRangeArgs) parseEnds(first, last string) (err error) {
	if z.Reverse && (z.ByScore || z.ByLex) {
		first, last = last, first
	}
	switch {
	case z.ByScore:
		if z.Min, err = parseBound(first); err == nil {
			z.Max, err = parseBound(last)
		}
	case z.ByLex:
		if z.First, err = parseLexBound(first); err == nil {
			z.Last, err = parseLexBound(last)
		}
	default:
		if z.Start, err = ParseInt(first); err == nil {
			z.Stop, err = ParseInt(last)
		}
	}
	return err
}

// CompareMembers orders members by score, those of equal score by name.
func CompareMembers(a, b Member) int {
	return cmp.Or(cmp.Compare(a.Score, b.Score), strings.Compare(a.Name, b.Name))
}

// MembersReply returns the reply of ZRANGE.
func MembersReply(members []Member, withScores bool) wire.Reply {
	if !withScores {
		out := make([]wire.Reply, len(members))
		for i, m := range members {
			out[i] = wire.String(m.Name)
		}
		return wire.List(out...)
	}
	out := make([]wire.Reply, 0, 2*len(members))
	for _, m := range members {
		out = append(out, wire.String(m.Name), wire.Float(m.Score))
	}
	return wire.List(out...)
}

// ZAddArgs are the arguments of ZADD.
type ZAddArgs struct {
	Members []Member // in order
	// IfAbsent and IfPresent add only new members (NX), or change only present ones
	// (XX).
	IfAbsent, IfPresent bool
	// IfGreater and IfLess give a present member only a higher score (GT), or only a
	// lower one (LT).
	IfGreater, IfLess bool
	// Changed counts members that changed beside new ones (CH).
	Changed bool
	// Increment adds to the score of the one member (INCR).
	Increment bool
}

// ParseZAdd reads the arguments of ZADD.
func ParseZAdd(c wire.Command) (z ZAddArgs, err error) {
	args := c.Args[2:]
	for ; len(args) > 0; args = args[1:] {
		if flag := z.flag(strings.ToUpper(args[0])); flag != nil {
			*flag = true
			continue
		}
		break
	}
	switch {
	case len(args) == 0 || len(args)%2 != 0:
		return z, ErrSyntax
	case z.IfAbsent && z.IfPresent:
		return z, badRequest("ERR XX and NX options at the same time are not compatible")
	case z.IfGreater && z.IfLess || z.IfAbsent && (z.IfGreater || z.IfLess):
		return z, badRequest("ERR GT, LT, and/or NX options at the same time are not compatible")
	case z.Increment && len(args) > 2:
		return z, badRequest("ERR INCR option supports a single increment-element pair")
	}
	z.Members = make([]Member, 0, len(args)/2)
	for ; len(args) > 0; args = args[2:] {
		score, err := ParseFloat(args[0])
		if err != nil {
			return z, err
		}
		z.Members = append(z.Members, Member{score, args[1]})
	}
	return z, nil
}

// flag returns what an option sets, nil when it is none.
func (z *ZAddArgs) flag(option string) *bool {
	switch option {
	case "NX":
		return &z.IfAbsent
	case "XX":
		return &z.IfPresent
	case "GT":
		return &z.IfGreater
	case "LT":
		return &z.IfLess
	case "CH":
		return &z.Changed
	case "INCR":
		return &z.Increment
	}
	return nil
}

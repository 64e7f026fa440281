package command

import (
	"slices"
	"strconv"
	"strings"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/hyperloglog"
	"github.com/atollcache/atoll/node/wire"
)

// What a key shows travels between recipes and keys as a list of texts: kind,
// time of expiry, then the string, or fields and values in turns, or members, or
// members and scores in turns, or elements, or registers. Of a hash of which fields
// expire by themselves it is fields, values and times of expiry in turns.

// kindTimed is the kind of such a hash in a dump.
const kindTimed = "hash-until"

// execDump replies what a key shows, nil when it does not exist.
func execDump(t Target, cmd wire.Command) wire.Reply {
	return read(t, cmd.Key(), func(v crdt.View) wire.Reply {
		kinds := cmd.Args[2:]
		switch {
		case !v.Exists():
			return wire.Nil
		case len(kinds) > 0 && !slices.Contains(kinds, v.Kind().String()):
			return wire.Fail(ErrWrongType)
		}
		return wire.Strings(dumpOf(v))
	})
}

// dumpOf returns kind, time of expiry and contents of a key that exists.
func dumpOf(v crdt.View) []string {
	if timed := timedContents(v); timed != nil {
		return append([]string{kindTimed, strconv.FormatInt(v.ExpireAt(), 10)}, timed...)
	}
	return append([]string{v.Kind().String(), strconv.FormatInt(v.ExpireAt(), 10)}, contents(v)...)
}

// Renewal returns the command that writes a key anew as a view shows it, with the same
// time of expiry, unless the key exists. The reply is 1 when it has, 0 when it has not.
// It is false for a view that shows nothing.
func Renewal(key string, v crdt.View) (wire.Command, bool) {
	if !v.Exists() {
		return wire.Command{}, false
	}
	return newCommand(append([]string{verbNew, key}, dumpOf(v)...)...), true
}

// contents returns what a key holds.
func contents(v crdt.View) (out []string) {
	if s, ok := v.Get(); ok {
		return []string{s}
	}
	if v.Kind() == crdt.KindList {
		return v.Elements(0, -1)
	}
	if r, ok := v.Registers(); ok {
		return []string{r.String()}
	}
	for name := range v.Fields() {
		out = append(out, name)
		if v.Kind() != crdt.KindSet {
			value, _ := v.Cell(name)
			out = append(out, value)
		}
	}
	return out
}

// timedContents returns the fields of a hash, their values and when they expire, nil
// when none does.
func timedContents(v crdt.View) (out []string) {
	if v.Kind() != crdt.KindHash || !v.HasFieldExpiry() {
		return nil
	}
	for name := range v.Fields() {
		value, _ := v.Field(name)
		out = append(out, name, value, strconv.FormatInt(v.FieldExpireAt(name), 10))
	}
	return out
}

// execPut replaces a key by what execDump replied of another.
func execPut(t Target, cmd wire.Command) wire.Reply {
	put, n, err := parsePut(cmd)
	if err != nil {
		return wire.Fail(err)
	}
	return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		return wire.Int(int64(n)), put(m)
	}, always(wire.Int(int64(n))))
}

// execNew is execPut of a key that does not exist.
func execNew(t Target, cmd wire.Command) wire.Reply {
	put, _, err := parsePut(cmd)
	if err != nil {
		return wire.Fail(err)
	}
	return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		if m.View().Exists() {
			return wire.Int(0), nil
		}
		return wire.Int(1), put(m)
	}, always(wire.Int(1)))
}

// parsePut reads what a key is to hold, and how many cells that has.
func parsePut(cmd wire.Command) (put func(*crdt.Mutator) error, n int, err error) {
	at, err := ParseInt(cmd.Args[3])
	if err != nil {
		return nil, 0, err
	}
	kind, values := kindNamed(cmd.Args[2]), cmd.Args[4:]
	switch {
	case kind == crdt.KindString && len(values) == 1:
		return func(m *crdt.Mutator) error { m.Set(values[0], at); return nil }, 1, nil
	case kind == crdt.KindList:
		return func(m *crdt.Mutator) error { return m.ReplaceList(values, at) }, len(values), nil
	case kind == crdt.KindHLL:
		r, ok := hyperloglog.Parse(strings.Join(values, ""))
		if !ok {
			return nil, 0, ErrSyntax
		}
		return func(m *crdt.Mutator) error { m.ReplaceHLL(r, at); return nil }, 1, nil
	}
	parse := func() ([]crdt.CellValue, error) { return parseCells(kind, values) }
	if cmd.Args[2] == kindTimed {
		kind, parse = crdt.KindHash, func() ([]crdt.CellValue, error) { return parseTimedCells(values) }
	}
	cells, err := parse()
	if err != nil {
		return nil, 0, err
	}
	return func(m *crdt.Mutator) error { m.Replace(kind, cells, at); return nil }, len(cells), nil
}

// parseCells reads what a collection is to hold.
func parseCells(kind crdt.Kind, values []string) ([]crdt.CellValue, error) {
	width := 2
	switch kind {
	case crdt.KindSet:
		width = 1
	case crdt.KindHash, crdt.KindZSet:
	default:
		return nil, ErrSyntax
	}
	if len(values)%width != 0 {
		return nil, ErrSyntax
	}
	cells := make([]crdt.CellValue, 0, len(values)/width)
	for ; len(values) > 0; values = values[width:] {
		c := crdt.CellValue{Field: values[0]}
		switch kind {
		case crdt.KindHash:
			c.Value = values[1]
		case crdt.KindZSet:
			score, err := ParseFloat(values[1])
			if err != nil {
				return nil, err
			}
			c.Value = crdt.EncodeScore(score)
		}
		cells = append(cells, c)
	}
	return cells, nil
}

// parseTimedCells reads what a hash is to hold of which fields expire.
func parseTimedCells(values []string) ([]crdt.CellValue, error) {
	if len(values)%3 != 0 {
		return nil, ErrSyntax
	}
	cells := make([]crdt.CellValue, 0, len(values)/3)
	for v := range slices.Chunk(values, 3) {
		at, err := ParseInt(v[2])
		if err != nil {
			return nil, err
		}
		cells = append(cells, crdt.CellValue{Field: v[0], Value: v[1], ExpireAt: at})
	}
	return cells, nil
}

func execDrop(t Target, cmd wire.Command) wire.Reply {
	return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) { return flag(m.Del()), nil }, always(wire.Int(1)))
}

// dumped is what a key shows, as a recipe has it.
type dumped struct {
	kind   string // empty when the key does not exist
	at     string
	values []string
}

// undump understands a reply of execDump.
func undump(r wire.Reply) (d dumped, err error) {
	switch r.Type {
	case wire.TypeNil:
		return d, nil
	case wire.TypeError:
		if r.Err == nil {
			return d, unexpected(r)
		}
		return d, r.Err
	}
	texts, err := asListOf(-1, asText)(r)
	if err != nil {
		return d, err
	}
	if len(texts) < 3 {
		return d, unexpected(r)
	}
	return dumped{texts[0], texts[1], texts[2:]}, nil
}

// members returns the members of a set, each of score 1, or of a sorted set.
func (d dumped) members() ([]Member, error) {
	if d.kind == crdt.KindSet.String() {
		out := make([]Member, len(d.values))
		for i, name := range d.values {
			out[i] = Member{1, name}
		}
		return out, nil
	}
	out := make([]Member, 0, len(d.values)/2)
	for v := d.values; len(v) > 1; v = v[2:] {
		score, err := ParseFloat(v[1])
		if err != nil {
			return nil, err
		}
		out = append(out, Member{score, v[0]})
	}
	return out, nil
}

// put returns the command that replaces a key by this.
func (d dumped) put(key string) wire.Command {
	return newCommand(append([]string{verbPut, key, d.kind, d.at}, d.values...)...)
}

// dumpedSet is a set of members, dumpedZSet one with scores; neither expires.
func dumpedSet(members []string) dumped {
	return dumped{crdt.KindSet.String(), never, members}
}

func dumpedZSet(members []Member) dumped {
	values := make([]string, 0, 2*len(members))
	for _, m := range members {
		values = append(values, m.Name, crdt.FormatFloat(m.Score))
	}
	return dumped{crdt.KindZSet.String(), never, values}
}

// never is the time of expiry of what does not expire.
var never = strconv.FormatInt(crdt.Never, 10)

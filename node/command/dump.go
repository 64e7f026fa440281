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
		if timed := timedContents(v); timed != nil {
			return wire.Strings(append([]string{kindTimed, strconv.FormatInt(v.ExpireAt(), 10)}, timed...))
		}
		return wire.Strings(append([]string{v.Kind().String(), strconv.FormatInt(v.ExpireAt(), 10)}, contents(v)...))
	})
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
	at, err := ParseInt(cmd.Args[3])
	if err != nil {
		return wire.Fail(err)
	}
	kind, values := kindNamed(cmd.Args[2]), cmd.Args[4:]
	switch {
	case kind == crdt.KindString && len(values) == 1:
		return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
			m.Set(values[0], at)
			return wire.Int(1), nil
		}, always(wire.Int(1)))
	case kind == crdt.KindList:
		return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
			return wire.Int(int64(len(values))), m.ReplaceList(values, at)
		}, always(wire.Int(int64(len(values)))))
	}
	if kind == crdt.KindHLL {
		return putRegisters(t, cmd, at)
	}
	parse := func() ([]crdt.CellValue, error) { return parseCells(kind, values) }
	if cmd.Args[2] == kindTimed {
		kind, parse = crdt.KindHash, func() ([]crdt.CellValue, error) { return parseTimedCells(values) }
	}
	cells, err := parse()
	if err != nil {
		return wire.Fail(err)
	}
	return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		m.Replace(kind, cells, at)
		return wire.Int(int64(len(cells))), nil
	}, func(v crdt.View) wire.Reply { return wire.Int(int64(v.Len())) })
}

// putRegisters is execPut of a HyperLogLog.
func putRegisters(t Target, cmd wire.Command, at int64) wire.Reply {
	r, ok := hyperloglog.Parse(strings.Join(cmd.Args[4:], ""))
	if !ok {
		return wire.Fail(ErrSyntax)
	}
	return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		m.ReplaceHLL(r, at)
		return wire.Int(1), nil
	}, always(wire.Int(1)))
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

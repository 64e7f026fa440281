package command

import (
	"fmt"

	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// Split cuts a command on several keys into one part for each partition, so that
// each part goes to one owner. The parts are in the order in which their
// partitions first occur, keys keep their order within a part, and each part
// inherits the rest of the command. join makes one reply of the parts' replies,
// in the order of the parts: counts are added up, values come in the order of
// the keys, and the first error wins; it says how many parts of a write did
// succeed. The joined reply has no Wrote: there is one for each partition.
//
// It returns false, and the command stays whole, when all of its keys are in one
// partition, or it is not a command on several keys, or they depend on each other
// ([Across]), or it makes no sense.
func Split(cmd wire.Command, p region.Partitions) (parts []wire.Command, join func([]wire.Reply) wire.Reply, ok bool) {
	spec, err := Find(cmd)
	if err != nil {
		return nil, nil, false
	}
	return spec.Split(cmd, p)
}

// Split is the function [Split] for a command that fits the Spec.
func (s *Spec) Split(cmd wire.Command, p region.Partitions) (parts []wire.Command, join func([]wire.Reply) wire.Reply, ok bool) {
	switch width := s.width(); {
	case width == 0, len(cmd.Args) == 1+width:
		return nil, nil, false // As nearly always: one key.
	default:
		return s.split(cmd, p, width)
	}
}

// width returns how many arguments go with each key of a command on several, zero for
// any other.
func (s *Spec) width() int {
	switch {
	case s.Together:
	case s.Keys == KeysAll:
		return 1
	case s.Keys == KeysPairs:
		return 2
	}
	return 0
}

// split is Split for a command on several keys.
func (s *Spec) split(cmd wire.Command, p region.Partitions, width int) (parts []wire.Command, join func([]wire.Reply) wire.Reply, ok bool) {
	parts, places := cut(cmd, p, width)
	if len(parts) < 2 {
		return nil, nil, false
	}
	join = func(rs []wire.Reply) wire.Reply {
		if len(rs) != len(parts) {
			return wire.Fail(fmt.Errorf("%d replies to %d parts", len(rs), len(parts)))
		}
		if r, failed := joinErrors(s, rs); failed {
			return r
		}
		switch s.Name {
		case "MGET":
			return joinLists(rs, places)
		case "MSET":
			return wire.OK
		}
		return joinSums(rs)
	}
	return parts, join, true
}

// place is where the answer for one key is: in which part, at which position.
type place struct{ part, index int }

// cut returns the parts, and the place of each key, in the command's order.
func cut(cmd wire.Command, p region.Partitions, width int) ([]wire.Command, []place) {
	args := cmd.Args[1:]
	partOf := map[region.Partition]int{}
	var parts []wire.Command
	places := make([]place, 0, len(args)/width)
	for ; len(args) >= width; args = args[width:] {
		partition := p.Of(args[0])
		i, ok := partOf[partition]
		if !ok {
			i = len(parts)
			partOf[partition] = i
			part := cmd
			part.Args = []string{cmd.Args[0]}
			parts = append(parts, part)
		}
		places = append(places, place{i, (len(parts[i].Args) - 1) / width})
		parts[i].Args = append(parts[i].Args, args[:width]...)
	}
	return parts, places
}

// joinErrors returns the first error, if there is one.
func joinErrors(spec *Spec, rs []wire.Reply) (wire.Reply, bool) {
	var first *wire.Error
	done := 0
	for _, r := range rs {
		switch {
		case r.Type != wire.TypeError:
			done++
		case first == nil:
			if first = r.Err; first == nil {
				first = wire.AsError(unexpected(r))
			}
		}
	}
	if first == nil {
		return wire.Reply{}, false
	}
	if spec.Write {
		first = &wire.Error{Code: first.Code,
			Text: fmt.Sprintf("%s (%d of %d parts of the %s were done)", first.Text, done, len(rs), spec.Name)}
	}
	return wire.Fail(first), true
}

func joinSums(rs []wire.Reply) wire.Reply {
	var sum int64
	for _, r := range rs {
		n, err := asInt64(r)
		if err != nil {
			return wire.Fail(err)
		}
		sum += n
	}
	return wire.Int(sum)
}

func joinLists(rs []wire.Reply, places []place) wire.Reply {
	out := make([]wire.Reply, len(places))
	for i, at := range places {
		list, err := asList(rs[at.part])
		if err != nil {
			return wire.Fail(err)
		}
		if at.index >= len(list) {
			return wire.Fail(fmt.Errorf("part %d has %d values, none for key %d", at.part, len(list), i))
		}
		out[i] = list[at.index]
	}
	return wire.List(out...)
}

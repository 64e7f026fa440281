package redistest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
)

// Value is a reply as RESP has it.
type Value struct {
	Kind Kind
	Text string // of a status, an error or a bulk string
	Int  int64
	List []Value
}

// Kind says what a Value is, by the byte that RESP begins it with.
type Kind byte

// The kinds. Null strings and null arrays have no byte of their own in RESP2; the
// null of RESP3 is a null string here. Double, Set and Map are RESP3's; a Map has
// keys and values in turns.
const (
	Status    Kind = '+'
	Error     Kind = '-'
	Int       Kind = ':'
	Bulk      Kind = '$'
	Array     Kind = '*'
	NullBulk  Kind = '_'
	NullArray Kind = '#'
	Double    Kind = ','
	Set       Kind = '~'
	Map       Kind = '%'
)

// String returns the value for people.
func (v Value) String() string {
	switch v.Kind {
	case Int:
		return strconv.FormatInt(v.Int, 10)
	case Bulk:
		return fmt.Sprintf("%.200q", v.Text)
	case Array:
		parts := make([]string, len(v.List))
		for i, e := range v.List {
			parts[i] = e.String()
		}
		return "[" + strings.Join(parts, " ") + "]"
	case NullBulk, NullArray:
		return "null" + string(v.Kind)
	}
	return string(v.Kind) + v.Text
}

// number returns the value as a number, if it is one.
func (v Value) number() (float64, bool) {
	if v.Kind == Int {
		return float64(v.Int), true
	}
	if v.Kind != Bulk {
		return 0, false
	}
	return crdt.ParseFloat(v.Text)
}

// render returns the reply to a command as RESP2 has it.
func render(c wire.Command, r wire.Reply) Value {
	shape := command.ShapeBulk
	if spec, err := command.Find(c); err == nil {
		shape = spec.Shape(c)
	}
	return renderAs(shape, r)
}

func renderAs(shape command.Shape, r wire.Reply) Value {
	switch r.Type {
	case wire.TypeString:
		if shape == command.ShapeStatus {
			return Value{Kind: Status, Text: r.Text}
		}
		return Value{Kind: Bulk, Text: r.Text}
	case wire.TypeInt:
		return Value{Kind: Int, Int: r.Int}
	case wire.TypeFloat:
		return Value{Kind: Bulk, Text: crdt.FormatFloat(r.Float)}
	case wire.TypeError:
		return Value{Kind: Error, Text: r.Err.Text}
	case wire.TypeList:
		return renderList(shape, r.List)
	}
	if shape == command.ShapePopped || shape == command.ShapeElements {
		return Value{Kind: NullArray}
	}
	return Value{Kind: NullBulk}
}

func renderList(shape command.Shape, list []wire.Reply) Value {
	elem := command.ShapeBulk
	switch shape {
	case command.ShapeLines:
		elem = command.ShapeStatus
	case command.ShapePopped:
		return Value{Kind: Array, List: []Value{renderAs(elem, list[0]), renderPairs(list[1].List)}}
	}
	v := Value{Kind: Array}
	for _, r := range list {
		v.List = append(v.List, renderAs(elem, r))
	}
	return v
}

// renderPairs puts every two elements into an array of their own.
func renderPairs(list []wire.Reply) Value {
	v := Value{Kind: Array}
	for ; len(list) > 1; list = list[2:] {
		v.List = append(v.List, renderList(command.ShapeArray, list[:2]))
	}
	return v
}

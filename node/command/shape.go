package command

import (
	"github.com/atollcache/atoll/node/wire"
)

// Shape says what the reply of a command is called in RESP, where a [wire.Reply]
// alone does not: a text may be a simple string or a bulk string, a list may be
// an array, a set or a map. An integer is always an integer, an error an error,
// and a number (wire.TypeFloat) a double, in RESP2 a bulk string. A nil is the
// null of RESP3; in RESP2 the null bulk string unless it says otherwise here.
type Shape uint8

// The shapes.
const (
	ShapeBulk     Shape = iota // a text is a bulk string
	ShapeStatus                // a text is a simple string
	ShapeInt                   // an integer
	ShapeDouble                // a number
	ShapeArray                 // a list is an array
	ShapeSet                   // a list is a set in RESP3, an array in RESP2
	ShapeMap                   // a list of keys and values in turns: a map in RESP3, the same list in RESP2
	ShapePairs                 // a list of names and values in turns: an array of arrays of two in RESP3, the same list in RESP2
	ShapePopped                // a key and such a list, whose elements are arrays of two in RESP2 as well; nil is a null array
	ShapeElements              // a list is an array, of which one may be in another; nil is a null array
	ShapeScan                  // a cursor, which is a bulk string, and an array
	ShapeLines                 // a list is an array of simple strings
)

// Shape returns the shape of the reply to a command that fits the Spec.
func (s *Spec) Shape(c wire.Command) Shape {
	n := len(c.Args)
	switch s.Name {
	case "PING":
		return pickShape(n > 1, ShapeBulk, s.Reply)
	case "SET":
		o, err := parseStringOptions(c.Args[3:], false)
		return pickShape(err == nil && o.get, ShapeBulk, s.Reply)
	case "SPOP", "SRANDMEMBER":
		return pickShape(n > 2, s.Reply, ShapeBulk)
	case "ZPOPMIN", "ZPOPMAX":
		return pickShape(n > 2, s.Reply, ShapeArray)
	case "HRANDFIELD", "ZRANDMEMBER":
		return pickShape(n > 2, pickShape(n > 3, ShapePairs, s.Reply), ShapeBulk)
	case "ZRANGE", "ZREVRANGE", "ZRANGEBYSCORE", "ZREVRANGEBYSCORE":
		return pickShape(hasOption(c, 4, "WITHSCORES"), ShapePairs, s.Reply)
	case "ZUNION", "ZINTER", "ZDIFF":
		return pickShape(hasOption(c, 2+len(s.KeysOf(c)), "WITHSCORES"), ShapePairs, s.Reply)
	case "ZADD":
		return pickShape(Unsafe(c), ShapeDouble, s.Reply)
	case "LPOP", "RPOP":
		return pickShape(n > 2, ShapeElements, s.Reply)
	case "LPOS":
		return pickShape(hasOption(c, 3, "COUNT"), ShapeArray, s.Reply)
	case "OBJECT":
		return pickShape(n == 2, ShapeLines, s.Reply)
	}
	return s.Reply
}

func pickShape(which bool, yes, no Shape) Shape {
	if which {
		return yes
	}
	return no
}

package redistest_test

import (
	"strings"
	"testing"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/command/redistest"
	"github.com/atollcache/atoll/node/wire"
)

// hasShape reports whether Redis's reply in RESP3 has the shape that the table
// says.
func hasShape(s command.Shape, v redistest.Value) bool {
	if v.Kind == redistest.NullBulk {
		return s != command.ShapeSet && s != command.ShapeMap && s != command.ShapePairs
	}
	all := func(f func(redistest.Value) bool) bool {
		for _, e := range v.List {
			if !f(e) {
				return false
			}
		}
		return true
	}
	isPair := func(e redistest.Value) bool { return e.Kind == redistest.Array && len(e.List) == 2 }
	switch s {
	case command.ShapeBulk:
		return v.Kind == redistest.Bulk || v.Kind == redistest.Int // OBJECT says both.
	case command.ShapeStatus:
		return v.Kind == redistest.Status
	case command.ShapeInt:
		return v.Kind == redistest.Int
	case command.ShapeDouble:
		return v.Kind == redistest.Double
	case command.ShapeSet:
		return v.Kind == redistest.Set
	case command.ShapeMap:
		return v.Kind == redistest.Map
	case command.ShapeArray:
		return v.Kind == redistest.Array && all(func(e redistest.Value) bool { return e.Kind != redistest.Array && e.Kind != redistest.Status })
	case command.ShapeElements:
		return v.Kind == redistest.Array
	case command.ShapePairs:
		return v.Kind == redistest.Array && all(isPair)
	case command.ShapeScan:
		return v.Kind == redistest.Array && len(v.List) == 2 && v.List[0].Kind == redistest.Bulk && v.List[1].Kind == redistest.Array
	case command.ShapePopped:
		return isPair(v) && v.List[1].Kind == redistest.Array && isPair(v.List[1].List[0])
	case command.ShapeLines:
		return v.Kind == redistest.Array && all(func(e redistest.Value) bool { return e.Kind == redistest.Status })
	}
	return false
}

// Replies have in RESP3 the shapes that the table says.
func TestShapesAgreeWithRedis(t *testing.T) {
	if !redistest.HasRedis(t) {
		return
	}
	redis := redistest.StartRedis(t)
	if _, err := redis.Do("HELLO", "3"); err != nil {
		t.Fatal(err)
	}
	g := redistest.NewGenerator(*seed)
	for range 20_000 {
		args := g.Next()
		v, err := redis.Do(args...)
		if err != nil {
			t.Fatal(err)
		}
		args[0] = strings.ToUpper(args[0])
		cmd := wire.Command{Args: args}
		spec, err := command.Find(cmd)
		if err != nil || v.Kind == redistest.Error {
			continue
		}
		if shape := spec.Shape(cmd); !hasShape(shape, v) {
			t.Errorf("seed %d: %q: want shape %d, Redis replies %v", *seed, args, shape, v)
		}
	}
}

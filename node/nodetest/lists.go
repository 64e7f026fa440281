package nodetest

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/crdttest"
	"github.com/atollcache/atoll/node/wire"
)

// drawLists puts commands on lists in the place of most commands on keys that may be
// of any kind. They are drawn from a stream of their own.
func drawLists(p *plan) {
	r := rand.New(rand.NewPCG(p.seed, 0x6c69737473))
	// Moving an element within its list is no command of its own.
	verbs := slices.DeleteFunc(slices.Clone(crdttest.ListVerbs), func(v crdttest.Verb) bool { return v == crdttest.LRotate })
	for i := range p.steps {
		s := &p.steps[i]
		if s.action != doCommand || !strings.HasPrefix(s.call.args[1], "k") || r.IntN(10) == 0 {
			continue
		}
		key := s.call.args[1]
		s.call.args = pick(r, []string{"LRANGE", key, "0", "-1"}, []string{"LLEN", key}, []string{"LINDEX", key, "1"})
		if r.IntN(4) > 0 {
			s.call.args = listCommand(crdttest.DrawList(r, pick(r, verbs...), key))
		}
	}
}

// listCommand returns a command on a list as Redis has it.
func listCommand(c crdttest.Command) []string {
	n := strconv.Itoa(int(c.Amount))
	switch c.Verb {
	case crdttest.LPush:
		return append([]string{"LPUSH", c.Key}, strings.Split(c.Value, ",")...)
	case crdttest.RPush:
		return append([]string{"RPUSH", c.Key}, strings.Split(c.Value, ",")...)
	case crdttest.LPop:
		return []string{"LPOP", c.Key, n}
	case crdttest.RPop:
		return []string{"RPOP", c.Key, n}
	case crdttest.LBefore:
		return []string{"LINSERT", c.Key, "BEFORE", c.Field, c.Value}
	case crdttest.LAfter:
		return []string{"LINSERT", c.Key, "AFTER", c.Field, c.Value}
	case crdttest.LSet:
		return []string{"LSET", c.Key, n, c.Value}
	case crdttest.LRem:
		return []string{"LREM", c.Key, n, c.Value}
	}
	if c.Amount < 0 {
		return []string{"LTRIM", c.Key, n, "-1"}
	}
	return []string{"LTRIM", c.Key, "0", strconv.Itoa(int(c.Amount) - 1)}
}

// isList reports whether a command is one on a list.
func isList(cmd wire.Command) bool {
	return cmd.Args[0][0] == 'L' || strings.HasPrefix(cmd.Args[0], "RP")
}

// listOperations says in the specification's words what a command on a list did to
// a key: by its effects, since where the elements are is up to package crdt.
func listOperations(key string, d *crdt.Delta, saw crdt.Vector) []crdttest.Op {
	made := crdttest.Op{Dot: d.Dot, Stamp: d.Stamp, Saw: saw}
	made.Key, made.At = key, crdt.Never
	return crdttest.ListWrites(d, made)
}

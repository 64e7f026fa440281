package crdttest

import (
	"slices"
	"strconv"
	"strings"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/hyperloglog"
)

// A HyperLogLog is its registers, each of which shows the highest rank that is live:
// a rank replaces those not above it that it saw, shown or expired, concurrent ones all
// stay, and a removal takes what it saw (R4). An element comes to a rank of a register
// ([HLLPut]) where its origin saw no rank as high. What has so many registers that package
// crdt keeps them by blocks is not in histories: there a removal leaves more
// (TestHLLRemovals).

// hllSpec returns the ranks of the registers that have seen something.
func hllSpec(live []*Op) map[string]int {
	registers := map[string]int{}
	for _, p := range live {
		if p.Verb == HLLPut && p.Field != "" {
			registers[p.Field] = max(registers[p.Field], int(p.Amount))
		}
	}
	return registers
}

// HLLWrites returns what PFADD comes to at a replica that has seen ops, nothing when it
// changes nothing.
func HLLWrites(seen []Op, op Op, now int64) []Op {
	ops, _ := hllOps(seen, op, now)
	for i := range ops {
		ops[i].Nth = i
	}
	return ops
}

// hllOps says what PFADD comes to at a replica that has seen ops, and what it
// answers.
func hllOps(seen []Op, op Op, now int64) (ops []Op, reply Reply) {
	before := Spec(seen, now)
	op.Fresh = before.Kind == crdt.KindNone
	if !op.Fresh && before.Kind != crdt.KindHLL {
		return nil, Reply{Err: crdt.ErrWrongType}
	}
	ranks := map[string]int{}
	for _, e := range Elements(op.Value) {
		register, rank := hyperloglog.Place(e)
		field := strconv.Itoa(register)
		if int(rank) > before.Registers[field] {
			ranks[field] = max(ranks[field], int(rank))
		}
	}
	if op.Fresh && len(ranks) == 0 {
		ranks[""] = 0 // It is there, and has seen nothing.
	}
	for field, rank := range ranks {
		one := op
		one.Verb, one.Field, one.Value, one.Amount = HLLPut, field, "", float64(rank)
		ops = append(ops, one)
	}
	slices.SortFunc(ops, func(a, b Op) int { return strings.Compare(a.Field, b.Field) })
	return ops, Reply{OK: len(ops) > 0}
}

// Elements returns those between commas; none is written as a dash.
func Elements(value string) []string {
	if value == "-" {
		return nil
	}
	return strings.Split(value, ",")
}

// RegistersOf reads the registers that a reader sees.
func RegistersOf(view crdt.View) map[string]int {
	registers := map[string]int{}
	r, _ := view.Registers()
	for i, rank := range r {
		if rank > 0 {
			registers[strconv.Itoa(i)] = int(rank)
		}
	}
	return registers
}

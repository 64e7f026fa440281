package nodetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/crdttest"
	"github.com/atollcache/atoll/crdt/hyperloglog"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
)

// later are verbs of kinds that came after the others: on HyperLogLogs, and on when the
// fields of hashes expire, each with others that meet them on the same keys.
var later = [][]string{
	{"PFADD", "PFADD", "PFADD", "PFCOUNT", "DEL", "PEXPIRE", "PERSIST", "TYPE"},
	{"PFADD", "PFADD", "PFCOUNT", "SET", "HSET", "DEL", "GET"},
	{"HSET", "HSET", "HPEXPIRE", "HPEXPIRE", "HPEXPIREAT", "HPERSIST", "HINCRBY", "HDEL", "HGETALL", "HPTTL"},
	{"HSET", "HPEXPIRE", "HEXPIRE", "HINCRBY", "HINCRBY", "HINCRBYFLOAT", "HSETEX", "HGETEX", "HPERSIST", "DEL", "HGETALL"},
	{"HSET", "HPEXPIRE", "HPEXPIRE", "HINCRBY", "PEXPIRE", "PEXPIRE", "PERSIST", "HSETEX", "HGETDEL", "SET", "SADD", "HGETALL", "HPEXPIRETIME"},
}

// drawLater puts commands of later kinds in the place of most commands on keys that may
// be of any kind.
func drawLater(r *rand.Rand, p *plan) {
	m := &mix{}
	verbs := pick(r, later...)
	for i := range p.steps {
		s := &p.steps[i]
		m.now += s.after
		if s.action != doCommand || !strings.HasPrefix(s.call.args[1], "k") || r.IntN(10) == 0 {
			continue
		}
		s.call.args = m.later(r, pick(r, verbs...), s.call.args[1])
	}
}

// visitors fall into few registers with different ranks, so that they meet.
var visitors = []string{"50148", "34616", "24007", "177121", "27607", "32351", "26710"}

// later draws the arguments of one of the later verbs, as command does of the others.
func (m *mix) later(r *rand.Rand, verb, key string) []string {
	m.next++
	// No value is that of another command, which are numbered, too.
	value := func() string { return pick(r, "5", "-3", "10.5", "w"+strconv.Itoa(m.next)) }
	fields := []string{"f", "g", "h"}[:1+r.IntN(3)]
	behind := append([]string{"FIELDS", strconv.Itoa(len(fields))}, fields...)
	in, at := strconv.Itoa(r.IntN(600)), strconv.FormatInt(epoch.Add(m.now).UnixMilli()+r.Int64N(1500)-100, 10)
	args := []string{verb, key}
	switch verb {
	case "PFADD":
		for range r.IntN(4) {
			args = append(args, pick(r, visitors...))
		}
	case "PFCOUNT", "HGETALL", "TYPE", "GET", "DEL", "PERSIST":
	case "HPTTL", "HPEXPIRETIME", "HPERSIST", "HGETDEL":
		args = append(args, behind...)
	case "HPEXPIRE":
		args = append(args, in)
		if r.IntN(4) == 0 {
			args = append(args, pick(r, "NX", "XX", "GT", "LT"))
		}
		args = append(args, behind...)
	case "HPEXPIREAT":
		args = append(append(args, at), behind...)
	case "HEXPIRE":
		args = append(append(args, strconv.Itoa(r.IntN(2))), behind...)
	case "HGETEX":
		args = append(append(args, pick(r, []string{"PX", strconv.Itoa(1 + r.IntN(600))}, []string{"PXAT", at}, []string{"PERSIST"})...), behind...)
	case "HSETEX":
		args = append(args, pick(r, []string{"PX", strconv.Itoa(1 + r.IntN(600))}, []string{"PXAT", at}, []string{"KEEPTTL"}, []string{"FNX"}, nil)...)
		args = append(args, behind[:2]...)
		for _, f := range fields {
			args = append(args, f, value())
		}
	case "SET":
		args = append(args, value())
	default:
		args = m.command(r, verb, key)
	}
	return args
}

// laterCommands is commands for those of the later verbs. What PFADD comes to its effects
// say ([hllOperations]).
func laterCommands(cmd wire.Command, key string, before crdttest.Value, now int64) (out []crdttest.Command, ok bool) {
	args := cmd.Args
	add := func(v crdttest.Verb, field, value string, at int64) {
		out = append(out, crdttest.Command{Verb: v, Key: key, Field: field, Value: value, At: at})
	}
	has := func(field string) bool { return before.Fields[field] != "" } // None is empty.
	switch args[0] {
	case "HPEXPIRE", "HPEXPIREAT", "HEXPIRE":
		cond, fields := "", fieldsOf(args)
		if len(args) > 3 && args[3] != "FIELDS" {
			cond = args[3]
		}
		at := expiryOf(map[string]string{"HPEXPIRE": "PX", "HPEXPIREAT": "PXAT", "HEXPIRE": "EX"}[args[0]], args[2], now)
		for _, f := range fields {
			if has(f) && holds(cond, before.FieldsUntil[f], at) {
				add(crdttest.HExpire, f, "", at)
			}
		}
	case "HPERSIST":
		for _, f := range fieldsOf(args) {
			if before.FieldsUntil[f] != 0 {
				add(crdttest.HPersist, f, "", crdt.Never)
			}
		}
	case "HGETDEL":
		for _, f := range fieldsOf(args) {
			if has(f) {
				add(crdttest.HDel, f, "", crdt.Never)
			}
		}
	case "HGETEX":
		for _, f := range fieldsOf(args) {
			switch persists := args[2] == "PERSIST"; {
			case persists && before.FieldsUntil[f] != 0:
				add(crdttest.HPersist, f, "", crdt.Never)
			case !persists && has(f):
				add(crdttest.HExpire, f, "", expiryOf(args[2], args[3], now))
			}
		}
	case "HSETEX":
		at := crdt.Never
		if strings.HasPrefix(args[2], "PX") {
			at = expiryOf(args[2], args[3], now)
		}
		for pair := range slices.Chunk(fieldsOf(args), 2) {
			until := at
			if kept := before.FieldsUntil[pair[0]]; args[2] == "KEEPTTL" && kept != 0 {
				until = kept
			}
			if until > now || has(pair[0]) {
				add(crdttest.HSet, pair[0], pair[1], until)
			}
		}
	default:
		return nil, false
	}
	return out, true
}

// fieldsOf returns what stands behind FIELDS and their number.
func fieldsOf(args []string) []string { return args[slices.Index(args, "FIELDS")+2:] }

// expiryOf returns the time that an option and its number mean.
func expiryOf(option, number string, now int64) int64 {
	n, _ := command.ParseInt(number)
	switch option {
	case "EX":
		return now + 1000*n
	case "PX":
		return now + n
	}
	return n
}

// holds reports whether a condition on when a field expires, zero for never, is met by a
// new time.
func holds(cond string, before, at int64) bool {
	switch cond {
	case "NX":
		return before == 0
	case "XX":
		return before != 0
	case "GT":
		return before != 0 && at > before
	case "LT":
		return before == 0 || at < before
	}
	return true
}

// hllOperations says in the specification's words what a command on a HyperLogLog did to
// a key: by its effects, since which registers elements fall into is up to package crdt.
func hllOperations(key string, d *crdt.Delta, saw crdt.Vector, fresh bool) (ops []crdttest.Op) {
	for _, f := range d.Effects {
		if f.Op != crdt.EffectPut {
			continue
		}
		var register string
		var rank int
		if n, err := fmt.Sscanf(crdt.RegistersText(f.Field), "register %s rank %d", &register, &rank); err == nil && n == 2 {
			register = strings.TrimSuffix(register, ",")
		}
		one := crdttest.Op{Dot: d.Dot, Nth: len(ops), Stamp: d.Stamp, Saw: saw, Fresh: fresh}
		one.Verb, one.Key, one.Field, one.Amount, one.At = crdttest.HLLPut, key, register, float64(rank), crdt.Never
		ops = append(ops, one)
	}
	return ops
}

// registersOf reads the registers that a reader sees.
func registersOf(v crdt.View) map[string]int {
	registers := map[string]int{}
	all, _ := v.Registers()
	for i := range hyperloglog.Count {
		if rank := all[i]; rank > 0 {
			registers[strconv.Itoa(i)] = int(rank)
		}
	}
	return registers
}

package nodetest

import (
	"slices"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/crdttest"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
)

// operations says in the specification's words what a command did to a key that
// showed before.
func operations(cmd wire.Command, key string, d *crdt.Delta, before crdttest.Value, now int64) []crdttest.Op {
	saw := d.Deps.Join(crdt.Vector(nil).Advance(crdt.Dot{Replica: d.Dot.Replica, N: d.Dot.N - 1}))
	var ops []crdttest.Op
	switch {
	case isList(cmd):
		ops = listOperations(key, d, saw)
	case cmd.Args[0] == "PFADD":
		ops = hllOperations(key, d, saw, before.Kind == crdt.KindNone)
	default:
		ops = plainOperations(cmd, key, d, saw, before, now)
	}
	return barring(ops, key, d, saw)
}

// plainOperations is operations for a command that says all by itself.
func plainOperations(cmd wire.Command, key string, d *crdt.Delta, saw crdt.Vector, before crdttest.Value, now int64) (ops []crdttest.Op) {
	for _, c := range commands(cmd, key, before, now) {
		op := crdttest.Op{Command: c, Dot: d.Dot, Nth: len(ops), Stamp: d.Stamp, Saw: saw}
		switch c.Verb {
		case crdttest.Set, crdttest.Expire:
			if c.At <= now {
				op.Verb = crdttest.Del
			} else if c.At != crdt.Never {
				op.At = max(c.At, d.Stamp.Millis()+1)
			}
		case crdttest.HSet, crdttest.HExpire:
			if c.At <= now {
				op.Verb = crdttest.HDel
			} else if c.At != crdt.Never {
				op.At = max(c.At, d.Stamp.Millis()+1)
			}
		case crdttest.Fill:
			if op.Stamp = c.Miss; c.At != crdt.Never {
				op.At = max(c.At, d.Stamp.Millis()+1)
			}
		case crdttest.Persist:
			op.At = crdt.Never
		}
		switch op.Verb {
		case crdttest.Del, crdttest.Invalidate, crdttest.Expire, crdttest.Persist, crdttest.HDel, crdttest.SRem, crdttest.ZRem, crdttest.HExpire, crdttest.HPersist:
		default:
			op.Fresh = before.Kind == crdt.KindNone
		}
		for _, f := range d.Effects {
			switch f.Op {
			case crdt.EffectAdd:
				op.NewRun = f.Start == d.Dot.N
			case crdt.EffectRemove: // Beside an increment it makes the field start fresh.
				op.FreshField = op.Verb == crdttest.HIncr || op.Verb == crdttest.HIncrFloat
			}
		}
		ops = append(ops, op)
	}
	return ops
}

// commands says what a command asks for one of its keys, one by one.
func commands(cmd wire.Command, key string, before crdttest.Value, now int64) []crdttest.Command {
	args := cmd.Args
	if out, ok := laterCommands(cmd, key, before, now); ok {
		return out
	}
	one := crdttest.Command{Key: key, At: crdt.Never}
	switch args[0] {
	case "SET":
		one.Verb, one.Value = crdttest.Set, args[2]
		if s, err := command.ParseSet(cmd, now); err == nil {
			one.At = s.ExpireAt
		}
	case "MSET":
		// A key that is named twice is written twice, which draw avoids.
		one.Verb, one.Value = crdttest.Set, args[slices.Index(args[1:], key)+2]
	case "DEL":
		one.Verb = crdttest.Del
	case "INVALIDATE":
		one.Verb = crdttest.Invalidate
	case "FILL":
		one.Verb, one.Value = crdttest.Fill, args[3]
		if t, err := command.ParseToken(args[2]); err == nil {
			one.Miss = t.Stamp
		}
		if len(args) > 4 {
			one.At = expiryOf(args[4], args[5], now)
		}
	case "PEXPIRE", "PEXPIREAT":
		one.Verb = crdttest.Expire
		if at, err := command.ParseExpire(cmd, now); err == nil {
			one.At = at
		}
	case "PERSIST":
		one.Verb = crdttest.Persist
	case "INCRBY", "INCRBYFLOAT":
		one.Verb, one.Amount = counting[args[0]], number(args[2])
	case "HINCRBY", "HINCRBYFLOAT":
		one.Verb, one.Field, one.Amount = counting[args[0]], args[2], number(args[3])
	case "ZINCRBY":
		one.Verb, one.Field, one.Amount = counting[args[0]], args[3], number(args[2])
	default:
		return inside(cmd, key, before)
	}
	return []crdttest.Command{one}
}

var counting = map[string]crdttest.Verb{
	"INCRBY": crdttest.Incr, "INCRBYFLOAT": crdttest.IncrFloat,
	"HINCRBY": crdttest.HIncr, "HINCRBYFLOAT": crdttest.HIncrFloat, "ZINCRBY": crdttest.ZIncr,
}

// inside is commands for those on fields and members.
func inside(cmd wire.Command, key string, before crdttest.Value) (out []crdttest.Command) {
	args := cmd.Args[2:]
	for len(args) > 0 {
		c := crdttest.Command{Key: key, Field: args[0], At: crdt.Never}
		width := 1
		switch cmd.Args[0] {
		case "HSET":
			c.Verb, c.Value, width = crdttest.HSet, args[1], 2
		case "ZADD":
			c.Verb, c.Field, c.Amount, width = crdttest.ZAdd, args[1], number(args[0]), 2
		case "SADD":
			c.Verb = crdttest.SAdd
		case "HDEL":
			c.Verb = crdttest.HDel
		case "SREM":
			c.Verb = crdttest.SRem
		case "ZREM":
			c.Verb = crdttest.ZRem
		}
		args = args[width:]
		// Removing what does not show changes nothing.
		_, inHash := before.Fields[c.Field]
		_, inZSet := before.Scores[c.Field]
		removes := c.Verb == crdttest.HDel || c.Verb == crdttest.SRem || c.Verb == crdttest.ZRem
		if !removes || inHash || inZSet || before.Members[c.Field] {
			out = append(out, c)
		}
	}
	return out
}

func number(s string) float64 {
	f, _ := crdt.ParseFloat(s)
	return f
}

package crdttest

import (
	"errors"

	"github.com/atollcache/atoll/crdt"
)

// Reply is what a command answers its caller.
type Reply struct {
	Err  error
	OK   bool   // whether the key, field or expiry existed (removals, EXPIRE, HEXPIRE) or is new (HSET, SADD, ZADD)
	Text string // an increment's sum
}

// same reports whether both answer the same.
func (r Reply) same(o Reply) bool {
	return r.OK == o.OK && r.Text == o.Text && errors.Is(r.Err, o.Err)
}

// decideAll is decide for every command: one on a list or a
// HyperLogLog may come to several ops.
func decideAll(ops, earlier []Op, op Op, now int64) ([]Op, Reply) {
	var out []Op
	var reply Reply
	switch {
	case op.Verb.IsList():
		out, reply = listOps(ops, op, now)
	case op.Verb == PFAdd:
		out, reply = hllOps(ops, op, now)
	default:
		return decideOne(ops, earlier, op, now)
	}
	for i := range out {
		out[i].Nth = len(earlier) + i
	}
	return out, reply
}

func decideOne(ops, earlier []Op, op Op, now int64) ([]Op, Reply) {
	op, reply := decide(ops, earlier, op, now)
	if op.Verb == 0 {
		return nil, reply
	}
	return []Op{op}, reply
}

// decide says what a command does at a replica that has seen ops: the reply, and
// the op that results, with what it decided. The op has no verb when the command
// changes nothing. The earlier commands of the same write are not seen yet, but a
// field that one of them named is neither new nor there to be removed again.
func decide(ops, earlier []Op, op Op, now int64) (Op, Reply) {
	before := Spec(ops, now)
	op.Fresh = before.Kind == crdt.KindNone && op.Verb.isContent()
	op.NewRun = op.Verb.isIncrement() && !anyOwn(liveContent(ops, now), &op)
	op.settleExpiry(before, now)
	switch op.Verb {
	case Expire:
		op.Expired = expiredSpec(ops, now)
	case HExpire, HPersist:
		op.Expired = belowSpec(ops, op.place(), now)
	}
	op.FreshField = op.Verb.isIncrement() && before.Kind == crdt.KindHash && !before.has(op.Field)
	reply := replySpec(before, &op)
	for i := range earlier {
		reply.OK = reply.OK && earlier[i].place() != op.place()
	}
	if op.Verb == Del && !reply.OK && op.Bars {
		op.Verb = BarAll
	}
	changes := reply.OK || op.Verb.isContent() && op.Verb != Fill || op.Verb == Invalidate || op.Verb == BarAll
	if op.Verb == Fill {
		op.Stamp, op.Bars = op.Miss, false
	}
	switch {
	case !changes || reply.Err != nil:
		op.Verb = 0
	case op.Verb.isIncrement():
		reply.Text = Spec(append(ops[:len(ops):len(ops)], op), now).number(op.Field)
	}
	return op, reply
}

// anyOwn reports whether one of the increments of op's replica in op's cell counts.
func anyOwn(live []*Op, op *Op) bool {
	for _, p := range live {
		if p.Verb.isIncrement() && p.place() == op.place() && p.Dot.Replica == op.Dot.Replica {
			return true
		}
	}
	return false
}

// settleExpiry turns what expires at once into a removal, PERSIST into an expiry
// at never, and keeps an expiry after the stamp of the op that makes it.
func (o *Op) settleExpiry(before Value, now int64) {
	switch {
	case o.Verb == Persist, o.Verb == HPersist:
		o.At = crdt.Never
	case o.Verb == Fill && o.At <= now:
		o.Fresh = false // It comes too late.
	case o.Verb != Set && o.Verb != Fill && o.Verb != Expire && o.Verb != HSet && o.Verb != HExpire:
	case o.At <= now && o.Verb.kind() == crdt.KindHash:
		o.Verb, o.Fresh = HDel, false
	case o.At <= now:
		o.Verb, o.Fresh = Del, false
	case o.At != crdt.Never:
		o.At = max(o.At, o.Stamp.Millis()+1)
	}
}

// replySpec returns what the command answers, but for sums.
func replySpec(before Value, o *Op) Reply {
	exists := before.Kind != crdt.KindNone
	has := before.has(o.Field)
	kind := o.Verb.kind()
	switch {
	case o.Verb == Fill:
		return Reply{OK: !exists && o.Fresh}
	case exists && kind != crdt.KindNone && o.Verb != Set && kind != before.Kind:
		return Reply{Err: crdt.ErrWrongType}
	case o.Verb == Incr || o.Verb == HIncr:
		if _, ok := crdt.ParseInt(before.number(o.Field)); !ok {
			return Reply{Err: crdt.ErrNotInteger}
		}
		return Reply{}
	case o.Verb == IncrFloat || o.Verb == HIncrFloat:
		if _, ok := crdt.ParseFloat(before.number(o.Field)); !ok {
			return Reply{Err: crdt.ErrNotFloat}
		}
		return Reply{}
	case o.Verb == Del, o.Verb == Expire:
		return Reply{OK: exists}
	case o.Verb == Persist:
		return Reply{OK: before.ExpireAt != crdt.Never}
	case o.Verb == HPersist:
		_, until := before.FieldsUntil[o.Field]
		return Reply{OK: until}
	case o.Verb.isCellRemoval(), o.Verb == HExpire:
		return Reply{OK: has}
	case o.Verb.isWrite() && o.Verb != Set:
		return Reply{OK: !has}
	}
	return Reply{}
}

// has reports whether the value has a field or member.
func (v Value) has(field string) bool {
	_, inHash := v.Fields[field]
	_, inZSet := v.Scores[field]
	return inHash || inZSet || v.Members[field]
}

// number returns the text that an increment of the string, field or member adds
// to, "0" when it does not exist.
func (v Value) number(field string) string {
	switch {
	case v.Kind == crdt.KindString:
		return v.Text
	case v.Kind == crdt.KindHash && v.has(field):
		return v.Fields[field]
	case v.Kind == crdt.KindZSet:
		return crdt.FormatFloat(v.Scores[field])
	}
	return "0"
}

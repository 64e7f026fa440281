package crdttest

import (
	"strconv"
	"strings"

	"github.com/atollcache/atoll/crdt"
)

// execute runs a command through package crdt and returns what it answers.
func execute(m *crdt.Mutator, c Command, now int64) (r Reply) {
	switch c.Verb {
	case Set:
		r.OK = c.At <= now && m.View().Exists()
		m.Set(c.Value, c.At)
	case Fill:
		r.OK = m.Fill(c.Value, c.At, c.Miss)
	case Del:
		r.OK = m.Del()
	case Expire:
		r.OK = m.Expire(c.At)
	case Persist:
		r.OK = m.Persist()
	case Invalidate:
		m.Invalidate()
	case HSet:
		if c.At <= now {
			r.OK, r.Err = m.HDel(c.Field)
		} else {
			r.OK, r.Err = m.HSetUntil(c.Field, c.Value, c.At)
		}
	case HExpire:
		r.OK, r.Err = m.HExpire(c.Field, c.At)
	case HPersist:
		r.OK, r.Err = m.HPersist(c.Field)
	case HDel:
		r.OK, r.Err = m.HDel(c.Field)
	case SAdd:
		r.OK, r.Err = m.SAdd(c.Field)
	case SRem:
		r.OK, r.Err = m.SRem(c.Field)
	case ZAdd:
		r.OK, r.Err = m.ZAdd(c.Field, c.Amount)
	case ZRem:
		r.OK, r.Err = m.ZRem(c.Field)
	case PFAdd:
		r.OK, r.Err = m.PFAdd(Elements(c.Value)...)
	default:
		if c.Verb.IsList() {
			return ExecuteList(m, c)
		}
		r.Text, r.Err = increment(m, c)
	}
	return r
}

// ExecuteList runs a command on a list through package crdt and returns what it
// answers.
func ExecuteList(m *crdt.Mutator, c Command) (r Reply) {
	n, count := int(c.Amount), 0
	var out []string
	switch c.Verb {
	case LPush:
		count, r.Err = m.Push(crdt.Head, false, strings.Split(c.Value, ",")...)
	case RPush:
		count, r.Err = m.Push(crdt.Tail, false, strings.Split(c.Value, ",")...)
	case LPop:
		out, r.Err = m.Pop(crdt.Head, n)
	case RPop:
		out, r.Err = m.Pop(crdt.Tail, n)
	case LBefore, LAfter:
		count, r.Err = m.Insert(c.Verb == LAfter, c.Field, c.Value)
	case LSet:
		r.Err = m.SetAt(n, c.Value)
	case LRem:
		count, r.Err = m.RemoveEqual(n, c.Value)
	case LTrim:
		first, last := 0, n-1
		switch {
		case n < 0:
			first, last = n, -1
		case n == 0:
			first, last = 1, 0 // None: up to -1 would be all.
		}
		r.Err = m.Trim(first, last)
	case LRotate:
		r.Text, r.OK, r.Err = m.Rotate(crdt.Tail, crdt.Head)
	}
	switch {
	case r.Err != nil:
	case c.Verb == LPop || c.Verb == RPop:
		r.Text = strings.Join(out, ",")
	case c.Verb != LSet && c.Verb != LTrim && c.Verb != LRotate:
		r.Text = strconv.Itoa(count)
	}
	return r
}

// increment runs a command that adds to a number.
func increment(m *crdt.Mutator, c Command) (text string, err error) {
	var n int64
	switch c.Verb {
	case IncrFloat:
		return m.IncrFloat(c.Amount)
	case HIncrFloat:
		return m.HIncrFloat(c.Field, c.Amount)
	case Incr:
		n, err = m.Incr(int64(c.Amount))
	case HIncr:
		n, err = m.HIncr(c.Field, int64(c.Amount))
	case ZIncr:
		score, err := m.ZIncr(c.Field, c.Amount)
		if err != nil {
			return "", err
		}
		return crdt.FormatFloat(score), nil
	}
	if err != nil {
		return "", err
	}
	return strconv.FormatInt(n, 10), nil
}

// read returns what a reader sees, in the specification's terms.
func read(view crdt.View) Value {
	v := Value{Kind: view.Kind(), ExpireAt: view.ExpireAt(), Version: view.Version()}
	switch v.Kind {
	case crdt.KindString:
		v.Text, _ = view.Get()
	case crdt.KindHash:
		v.Fields = map[string]string{}
		for f := range view.Fields() {
			v.Fields[f], _ = view.Field(f)
			if at := view.FieldExpireAt(f); at != crdt.Never {
				if v.FieldsUntil == nil {
					v.FieldsUntil = map[string]int64{}
				}
				v.FieldsUntil[f] = at
			}
		}
	case crdt.KindSet:
		v.Members = map[string]bool{}
		for f := range view.Fields() {
			v.Members[f] = view.Has(f)
		}
	case crdt.KindZSet:
		v.Scores = map[string]float64{}
		for f := range view.Fields() {
			v.Scores[f], _ = view.Score(f)
		}
	case crdt.KindList:
		v.Elements = view.Elements(0, -1)
	case crdt.KindHLL:
		v.Registers = RegistersOf(view)
	}
	return v
}

package crdt

import (
	"errors"
	"fmt"
	"math"

	"github.com/atollcache/atoll/crdt/pack"
)

func (e *Encoder) uint(v uint64) { e.body = pack.AppendUint(e.body, v) }

func (e *Encoder) string(s string) { e.body = pack.AppendString(e.body, s) }

func (e *Encoder) replica(r ReplicaID) { e.uint(uint64(e.table.lookup(r))) }

func (e *Encoder) dot(d Dot) {
	e.replica(d.Replica)
	e.uint(d.N)
}

func (e *Encoder) vector(v Vector) {
	e.body = pack.AppendArray(e.body, 2*len(v))
	for _, d := range v {
		e.dot(d)
	}
}

// stamp writes h as the difference to prev.
func (e *Encoder) stamp(prev, h HLC) {
	e.body = pack.AppendInt(e.body, h.Millis()-prev.Millis())
	e.uint(uint64(h.Counter()))
}

// nextStamp writes h as the difference to the stamp before it.
func (e *Encoder) nextStamp(h HLC) {
	e.stamp(e.last, h)
	e.last = h
}

// expireAt writes a time of expiry; most are not long after the stamp.
func (e *Encoder) expireAt(at int64, stamp HLC) {
	if at == Never {
		e.body = pack.AppendNil(e.body)
		return
	}
	e.body = pack.AppendInt(e.body, at-stamp.Millis())
}

func (e *Encoder) number(n Number) {
	e.body = pack.AppendInt(e.body, n.Int)
	// Minus zero adds the same as zero.
	if n.Float == 0 {
		e.body = pack.AppendNil(e.body)
		return
	}
	e.body = pack.AppendFloat(e.body, n.Float)
}

var (
	errReplica  = errors.New("replica is not in the message's table")
	errNumber   = errors.New("number of a write is out of range")
	errStamp    = errors.New("stamp is out of range")
	errExpiry   = errors.New("time of expiry is out of range")
	errSum      = errors.New("sum is not finite")
	errOrder    = errors.New("list is not in order, or names something twice")
	errCount    = errors.New("list ends inside an element")
	errMissing  = errors.New("record lacks a field that has no default")
	errBudget   = errors.New("deps are differences where an encoder would write them whole")
	errPosition = errors.New("field of a list is not a position")
	errRegister = errors.New("field of a HyperLogLog is neither a register with its rank nor a block")
	errDigest   = errors.New("digest is out of range")
	errRetires  = errors.New("retirements are out of order or not alone")
	errStages   = errors.New("a stage of fills is not alone")
	errUncaused = errors.New("delta speaks of what its origin had not seen")
)

// replica reads a replica and returns its index as well.
func (d *Decoder) replica() (ReplicaID, int) {
	i := d.r.Uint()
	if d.r.Err() != nil {
		return 0, 0
	}
	if i >= uint64(len(d.ids)) {
		d.r.Fail(fmt.Errorf("%w: %d of %d", errReplica, i, len(d.ids)))
		return 0, 0
	}
	return d.ids[i], int(i)
}

// dot reads a dot that names something, and, inside a snapshot, something that
// the snapshot has seen.
func (d *Decoder) dot() Dot {
	r, i := d.replica()
	n := d.r.Uint()
	if d.r.Err() != nil {
		return Dot{}
	}
	if n == 0 || d.bound != nil && n > d.bound[i] {
		d.r.Fail(errNumber)
		return Dot{}
	}
	return Dot{r, n}
}

func (d *Decoder) vector() Vector {
	return d.dots(d.pairs())
}

// dots reads the n dots of a vector.
func (d *Decoder) dots(n int) Vector {
	if n == 0 {
		return nil
	}
	v := make(Vector, 0, n)
	for range n {
		v = append(v, d.dot())
	}
	d.checkVector(v)
	if d.r.Err() != nil {
		return nil
	}
	return v
}

// pairs begins a list of pairs and returns how many there are.
func (d *Decoder) pairs() int { return d.list(2) }

// list begins a flat list of elements of stride values each.
func (d *Decoder) list(stride int) int {
	n := d.r.Array(1)
	if n%stride != 0 {
		d.r.Fail(errCount)
		return 0
	}
	return n / stride
}

func (d *Decoder) checkVector(v Vector) {
	for i := 1; i < len(v); i++ {
		if v[i-1].Replica >= v[i].Replica {
			d.r.Fail(errOrder)
			return
		}
	}
}

// stamp reads a stamp written as the difference to prev. There is no stamp zero.
func (d *Decoder) stamp(prev HLC) HLC {
	h := d.stampOrZero(prev)
	if h == 0 {
		d.r.Fail(errStamp)
	}
	return h
}

func (d *Decoder) stampOrZero(prev HLC) HLC {
	ms := d.r.Int()
	counter := d.r.Uint()
	at := prev.Millis() + ms // Past the end this wraps to below zero.
	if at < 0 || at > MaxMillis || counter > math.MaxUint16 {
		d.r.Fail(errStamp)
		return 0
	}
	return StampAt(at) | HLC(counter)
}

func (d *Decoder) nextStamp() HLC {
	d.last = d.stamp(d.last)
	return d.last
}

func (d *Decoder) expireAt(stamp HLC) int64 {
	if d.r.Nil() {
		return Never
	}
	after := d.r.Int()
	at := stamp.Millis() + after
	if at < 1 || at > MaxMillis {
		d.r.Fail(errExpiry)
	}
	return at
}

func (d *Decoder) number() Number {
	n := Number{Int: d.r.Int()}
	if !d.r.Nil() {
		n.Float = d.float()
	}
	return n
}

// float reads the float part of a number, which is never written when zero, nor
// when it is not finite.
func (d *Decoder) float() float64 {
	f := d.r.Float()
	if math.IsNaN(f) || math.IsInf(f, 0) {
		d.r.Fail(errSum)
		return 0
	}
	if f == 0 {
		return 0
	}
	return f
}

// must reports whether a record has its next field, and fails if not.
func (d *Decoder) must(rec *pack.Rec) bool {
	if rec.More() {
		return true
	}
	d.r.Fail(errMissing)
	return false
}

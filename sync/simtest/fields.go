package simtest

import (
	"math/rand/v2"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/crdttest"
)

// drawFields makes most writes such on hashes whose fields expire.
func drawFields(r *rand.Rand, p *plan) {
	var now time.Duration
	for i := range p.steps {
		s := &p.steps[i]
		now += s.after
		if s.action != doWrite || r.IntN(4) == 0 {
			continue
		}
		c := crdttest.Command{Key: s.command.Key, Field: pick(r, "f", "g"), At: crdt.Never}
		c.Verb = pick(r, crdttest.HSet, crdttest.HSet, crdttest.HExpire, crdttest.HExpire, crdttest.HPersist, crdttest.HIncr, crdttest.HDel)
		switch c.Verb {
		case crdttest.HSet:
			c.Value = pick(r, "5", "text", "70")
		case crdttest.HIncr:
			c.Amount = float64(1 + r.IntN(9))
		}
		if c.Verb == crdttest.HExpire || c.Verb == crdttest.HSet && r.IntN(3) == 0 {
			c.At = epoch.Add(now).UnixMilli() + r.Int64N(300) - 2
		}
		s.command = c
	}
}

// fieldsUntil returns when the fields of a hash expire, of those that do.
func fieldsUntil(v crdt.View) map[string]int64 {
	var until map[string]int64
	for f := range v.Fields() {
		if at := v.FieldExpireAt(f); at != crdt.Never {
			if until == nil {
				until = map[string]int64{}
			}
			until[f] = at
		}
	}
	return until
}

// settleFieldExpiry is what an op on the expiry of a field comes to.
func settleFieldExpiry(op *crdttest.Op, now int64) {
	switch op.Verb {
	case crdttest.HSet, crdttest.HExpire:
		if op.At <= now {
			op.Verb = crdttest.HDel
		} else if op.At != crdt.Never {
			op.At = max(op.At, op.Stamp.Millis()+1)
		}
	case crdttest.HPersist:
		op.At = crdt.Never
	}
}

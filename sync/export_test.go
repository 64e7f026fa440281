package sync

import (
	"time"

	"github.com/atollcache/atoll/crdt"
)

// The parts of an engine, for tests of their own.
type (
	DeltaLog = deltaLog
	Holdback = holdback
	Queue    = queue
	Requests = requests
)

var (
	Coalesce = coalesce
	Absorb   = absorb
)

func NewDeltaLog(limit int) *DeltaLog { return &deltaLog{limit: limit} }

func (l *deltaLog) Add(d *crdt.Delta)              { l.add(d) }
func (l *deltaLog) SkipTo(v crdt.Vector)           { l.skipTo(v) }
func (l *deltaLog) Bytes() int                     { return l.bytes }
func (l *deltaLog) Dropped() crdt.Vector           { return l.dropped }
func (l *deltaLog) History(k string) []*crdt.Delta { return l.history(k) }
func (l *deltaLog) After(have crdt.Vector, limit int) ([]*crdt.Delta, bool) {
	p := &crdt.Partition{}
	sight := p.Sight(have)
	return l.after(&sight, limit)
}

func NewHoldback(limit int) *Holdback { return &holdback{limit: limit} }

func (h *holdback) Add(now time.Time, d *crdt.Delta) bool        { return h.add(now, d) }
func (h *holdback) Expire(now time.Time, most time.Duration) int { return h.expire(now, most) }
func (h *holdback) Bytes() int                                   { return h.bytes }
func (h *holdback) Empty() bool                                  { return h.empty() }
func (h *holdback) Heads() crdt.Vector                           { return h.heads() }
func (h *holdback) Take(now time.Time, seen crdt.Vector) *crdt.Delta {
	return h.take(now, seen.Covers, func(d *crdt.Delta) bool { return d.Ready(seen) })
}

func NewQueue(limit int) *Queue { return &queue{limit: limit} }

func (q *queue) Add(d *crdt.Delta) int        { return q.add(d) }
func (q *queue) Take(limit int) []*crdt.Delta { return q.take(limit) }
func (q *queue) Bytes() int                   { return q.bytes }

func NewRequests(limit int) *Requests { return &requests{limit: limit} }

func (r *requests) Add(id uint64)      { r.add(id) }
func (r *requests) Has(id uint64) bool { return r.has(id) }
func (r *requests) Len() int           { return len(r.known) }

// WithDefaults returns c with its zero fields set to their defaults.
func (c Config) WithDefaults() Config { return c.withDefaults() }

func (r Range) Next() (Range, bool)       { return r.next() }
func (r Range) Item(digest uint64) uint64 { return r.item(digest) }

// Stable reports whether everything in v, seen after a stamp, is stable among
// holders.
func (e *Engine) Stable(v crdt.Vector, after crdt.HLC, holders []crdt.ReplicaID) bool {
	e.settling.holders = holders
	return e.settled(v, after) == nil
}

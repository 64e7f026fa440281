package sync

import "github.com/atollcache/atoll/crdt"

// queue keeps the local writes that wait to be broadcast, oldest first.
type queue struct {
	limit  int
	bytes  int
	deltas []*crdt.Delta
}

// add appends d and returns how many old ones had to go.
func (q *queue) add(d *crdt.Delta) (dropped int) {
	q.deltas = append(q.deltas, d)
	q.bytes += d.Size()
	for q.bytes > q.limit && len(q.deltas) > 1 {
		q.pop()
		dropped++
	}
	return dropped
}

func (q *queue) pop() *crdt.Delta {
	d := q.deltas[0]
	q.deltas[0] = nil
	q.deltas = q.deltas[1:]
	q.bytes -= d.Size()
	return d
}

// take removes and returns the oldest up to a number of bytes, at least one.
func (q *queue) take(limit int) []*crdt.Delta {
	var out []*crdt.Delta
	bytes := 0
	for len(q.deltas) > 0 {
		if bytes += q.deltas[0].Size(); bytes > limit && len(out) > 0 {
			break
		}
		out = append(out, q.pop())
	}
	if len(q.deltas) == 0 {
		q.deltas = nil
	}
	return out
}

// requests remembers the latest request IDs.
type requests struct {
	limit int
	known map[uint64]struct{}
	order []uint64 // a ring, oldest at next once it is full
	next  int
}

func (r *requests) has(id uint64) bool {
	_, ok := r.known[id]
	return ok
}

func (r *requests) add(id uint64) {
	if r.has(id) {
		return
	}
	if r.known == nil {
		r.known = map[uint64]struct{}{}
	}
	if len(r.order) < r.limit {
		r.order = append(r.order, id)
	} else {
		delete(r.known, r.order[r.next])
		r.order[r.next] = id
		r.next = (r.next + 1) % r.limit
	}
	r.known[id] = struct{}{}
}

// HasRun reports whether a request ID other than zero is remembered: [Engine.Write]
// gives [ErrDuplicate] for it.
func (e *Engine) HasRun(request uint64) bool { return e.requests.has(request) }

// Remember makes a request ID known of a command that is known to have run
// elsewhere.
func (e *Engine) Remember(request uint64) { e.requests.add(request) }

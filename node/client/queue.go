package client

import (
	"time"

	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// queueKey says which units may share a message: those for one node or, while
// the ring is not known, for one partition.
type queueKey struct {
	stage     stage
	node      string
	partition region.Partition
}

// queue has the units for one node. While a message is under way further units
// collect; see Config. It is guarded by the client's lock.
type queue struct {
	key      queueKey
	waiting  []*unit
	bytes    int // of waiting
	commands int // of waiting
	inFlight int
	timer    *time.Timer // runs while units wait for a message under way; may be nil
}

// keyOf returns the queue that a unit belongs in at its stage.
func (c *Client) keyOf(u *unit) queueKey {
	ring := c.ring.Load()
	switch {
	case u.stage == stageAny:
		return queueKey{stage: stageAny}
	case ring == nil:
	case u.stage == stageDo:
		return queueKey{stage: stageDo, node: ring.Owner(u.partition)}
	case u.stage == stageAlt:
		if replicas := ring.Replicas(u.partition); len(replicas) > 0 {
			return queueKey{stage: stageAlt, node: replicas[0]}
		}
	}
	return queueKey{stage: u.stage, partition: u.partition}
}

// submit puts a unit into its queue and sends what is due. It does not block.
func (c *Client) submit(u *unit) {
	key := c.keyOf(u)
	c.mu.Lock()
	if c.mu.closed {
		c.mu.Unlock()
		u.finish(c.errClosed())
		return
	}
	q := c.mu.queues[key]
	if q == nil {
		q = &queue{key: key}
		c.mu.queues[key] = q
	}
	if len(q.waiting) > 0 && (q.commands+len(u.open) > c.cfg.Waiting || q.bytes+u.size > c.cfg.WaitingBytes) {
		commands, bytes := q.commands, q.bytes
		c.mu.Unlock()
		c.count.overload.Add(uint64(len(u.open)))
		u.finish(fail(wire.CodeOverload, "%d commands of %d bytes wait to be sent to region %s; slow down, or raise Waiting and WaitingBytes", commands, bytes, c.cfg.Region))
		return
	}
	q.waiting = append(q.waiting, u)
	q.bytes += u.size
	q.commands += len(u.open)
	c.flush(q)
	c.mu.Unlock()
}

// flush starts the messages of a queue that are due: one when nothing is under
// way, more when they are full. The lock is held.
func (c *Client) flush(q *queue) {
	for len(q.waiting) > 0 && (q.inFlight == 0 || (q.inFlight < c.cfg.InFlight && c.isFull(q))) {
		c.start(q)
	}
	switch {
	case len(q.waiting) > 0 && q.timer == nil:
		q.timer = time.AfterFunc(c.cfg.CollectFor, func() { c.collected(q) })
	case len(q.waiting) == 0 && q.inFlight == 0:
		delete(c.mu.queues, q.key)
	}
}

// isFull reports whether the next message of a queue need not wait for more.
func (c *Client) isFull(q *queue) bool {
	return q.waiting[0].alone || q.commands >= c.cfg.BatchCommands || q.bytes >= c.batchBytes()
}

// collected sends what has waited for Config.CollectFor.
func (c *Client) collected(q *queue) {
	c.mu.Lock()
	defer c.mu.Unlock()
	q.timer = nil
	if c.mu.closed || len(q.waiting) == 0 {
		return
	}
	if q.inFlight < c.cfg.InFlight {
		c.start(q)
	}
	c.flush(q)
}

// start sends the next message of a queue. The lock is held.
func (c *Client) start(q *queue) {
	batch := c.next(q)
	if len(batch) == 0 {
		return
	}
	q.inFlight++
	c.running.Go(func() {
		c.send(q.key.stage, batch)
		c.mu.Lock()
		defer c.mu.Unlock()
		q.inFlight--
		c.flush(q)
	})
}

// next takes units for one message, and leaves out those whose callers have gone.
// The lock is held.
func (c *Client) next(q *queue) []*unit {
	var batch []*unit
	commands, bytes := c.cfg.BatchCommands, c.batchBytes()
	n, size, taken := 0, 0, 0
	for _, u := range q.waiting {
		if len(batch) > 0 && (u.alone || batch[0].alone || n+len(u.open) > commands || size+u.size > bytes) {
			break
		}
		taken++
		q.commands -= len(u.open)
		q.bytes -= u.size
		if u.ctx.Err() != nil {
			u.finish(c.errLate())
			continue
		}
		batch = append(batch, u)
		n += len(u.open)
		size += u.size
	}
	clear(q.waiting[:taken])
	q.waiting = q.waiting[taken:]
	return batch
}

// drop empties the queue and returns what was in it.
func (q *queue) drop() []*unit {
	units := q.waiting
	q.waiting, q.bytes, q.commands = nil, 0, 0
	if q.timer != nil {
		q.timer.Stop()
	}
	return units
}

// batchBytes returns how many bytes of commands go into one shared message.
func (c *Client) batchBytes() int {
	const envelope = 64
	limit := int(c.nc.MaxPayload()) - envelope
	if limit <= 0 {
		return c.cfg.BatchBytes
	}
	return min(c.cfg.BatchBytes, limit)
}

// isLarge reports whether commands of so many bytes need package bulk's chunks.
func (c *Client) isLarge(size int) bool { return int64(size) > c.nc.MaxPayload() }

package natslink

import (
	"sync/atomic"

	"github.com/atollcache/atoll/region"
)

// item is one message on its way to the receiver.
type item struct {
	partition region.Partition
	data      []byte
}

// lane is a queue bounded in messages and in bytes, with one goroutine that
// empties it in order.
type lane struct {
	queue chan item
	bytes atomic.Int64 // in queue
	limit int64
}

func newLane(pending, bytes int) *lane {
	return &lane{queue: make(chan item, pending), limit: int64(bytes)}
}

// put queues an item without waiting and reports whether there was room. Only
// one goroutine calls it.
func (l *lane) put(it item) bool {
	n := int64(len(it.data))
	if waiting := l.bytes.Load(); waiting > 0 && waiting+n > l.limit {
		return false
	}
	l.bytes.Add(n)
	select {
	case l.queue <- it:
		return true
	default:
		l.bytes.Add(-n)
		return false
	}
}

// run delivers items until the queue is closed and empty.
func (l *lane) run(deliver func(item)) {
	for it := range l.queue {
		l.bytes.Add(-int64(len(it.data)))
		deliver(it)
	}
}

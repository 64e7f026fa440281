package bulk

import (
	"context"
	"slices"
	"sync"
	"time"
)

// creditTime is how long a chunk counts as under way without an answer. A peer
// that has gone in the middle of a transfer holds up the others for no longer.
const creditTime = 2 * time.Second

// credit bounds the bytes that are under way in all transfers together. Who finds
// too little left waits in line.
type credit struct {
	limit int

	mu struct {
		sync.Mutex
		taken int
		line  []*claim
	}
}

// claim is one place in line.
type claim struct {
	bytes   int
	granted chan struct{} // closed when the bytes are taken
}

// take waits until n bytes may be under way, or ctx ends. What it returns gives
// them back and may be called more than once. More than the limit counts as the
// limit.
func (c *credit) take(ctx context.Context, n int) (giveBack func(), err error) {
	own := &claim{bytes: min(n, c.limit), granted: make(chan struct{})}
	c.mu.Lock()
	c.mu.line = append(c.mu.line, own)
	c.grant()
	c.mu.Unlock()
	select {
	case <-own.granted:
	case <-ctx.Done():
		c.giveUp(own)
		return nil, ctx.Err()
	}
	once := sync.OnceFunc(func() { c.put(own.bytes) })
	timer := time.AfterFunc(creditTime, once)
	return func() {
		timer.Stop()
		once()
	}, nil
}

// giveUp leaves the line, or gives back what came in the same moment.
func (c *credit) giveUp(own *claim) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(c.mu.line, own); i >= 0 {
		c.mu.line = slices.Delete(c.mu.line, i, i+1)
	} else {
		c.mu.taken -= own.bytes
	}
	c.grant()
}

// put gives bytes back.
func (c *credit) put(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.taken -= n
	c.grant()
}

// grant lets those first in line go on as far as there is room. It needs the lock.
func (c *credit) grant() {
	for len(c.mu.line) > 0 && c.mu.taken+c.mu.line[0].bytes <= c.limit {
		c.mu.taken += c.mu.line[0].bytes
		close(c.mu.line[0].granted)
		c.mu.line = slices.Delete(c.mu.line, 0, 1)
	}
}

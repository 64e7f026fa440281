package bulk

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// creditTime is how long bytes count as under way while nothing at all lands. A
// peer that has gone in the middle of a transfer holds up the others for no
// longer, and on a slow path nothing is asked for that would stand behind what is
// still coming.
const creditTime = 2 * time.Second

const (
	// payloads is how many of the server's largest messages may be under way at
	// most. A server keeps 64 of them for a connection before it ends it, as they
	// come, and never says how many it does.
	payloads = 16

	// leastWindow is how far the window falls, in bytes.
	leastWindow = 64 << 10

	// shares is how many answers may be asked for at once: each may bring so much
	// of the window at once, and the rest is pulled.
	shares = 24
)

// credit bounds the bytes that are under way in all transfers together, its
// window. Who finds too little left waits in line. When the connection is lost
// while something is under way the window falls to half, for it may have been too
// much for the server, and grows back as time goes by: additive increase and
// multiplicative decrease, as in TCP (Chiu and Jain, 1989).
type credit struct {
	most   int           // how far the window is open by configuration
	regain time.Duration // in which it grows by as much

	mu struct {
		sync.Mutex
		most    int // how far it is open at most with the present server
		low     int // how far it was open at since
		since   time.Time
		taken   int
		line    []*claim
		landed  time.Time // when bytes last landed
		waited  uint64    // claims that had to wait in line
		narrows uint64    // times the window fell
	}
}

// claim is one place in line.
type claim struct {
	bytes   int
	granted chan struct{} // closed when the bytes are taken
}

func newCredit(cfg Config) *credit {
	c := &credit{most: cfg.WindowBytes, regain: cfg.WindowRegain}
	c.mu.most, c.mu.low = c.most, c.most
	return c
}

// meet has the window fit a server with a largest message; 0 says that it is not
// known yet.
func (c *credit) meet(payload int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.most = c.most
	if payload > 0 {
		c.mu.most = int(min(int64(c.most), payloads*payload))
	}
}

// window returns how many bytes may be under way now. It needs the lock.
func (c *credit) window() int {
	if c.mu.low >= c.mu.most {
		return c.mu.most
	}
	grown := float64(c.most) * float64(time.Since(c.mu.since)) / float64(c.regain)
	return int(min(float64(c.mu.low)+grown, float64(c.mu.most)))
}

// lost narrows the window if something was under way when the connection was lost.
func (c *credit) lost() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.taken == 0 {
		return
	}
	now := c.window()
	c.mu.low, c.mu.since = min(now, max(now/2, leastWindow)), time.Now()
	c.mu.narrows++
}

// share returns how many bytes one answer may bring at once, and whether the
// window is smaller than it might be.
func (c *credit) share() (n int, narrow bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	window := c.window()
	return max(window/shares, minChunk), window < c.mu.most
}

// take waits until n bytes may be under way, or ctx ends. What it returns gives
// them back, is told whether they have landed, and may be called more than once.
// More than the window counts as the window.
func (c *credit) take(ctx context.Context, n int) (giveBack func(landed bool), err error) {
	own := &claim{granted: make(chan struct{})}
	c.mu.Lock()
	own.bytes = min(n, c.window())
	c.mu.line = append(c.mu.line, own)
	c.grant()
	if len(c.mu.line) > 0 && c.mu.line[len(c.mu.line)-1] == own {
		c.mu.waited++
	}
	c.mu.Unlock()
	select {
	case <-own.granted:
	case <-ctx.Done():
		c.giveUp(own)
		return nil, ctx.Err()
	}
	return c.follow(own.bytes), nil
}

// follow returns what gives n bytes back. They come back by themselves when
// nothing has landed for creditTime.
func (c *credit) follow(n int) (giveBack func(landed bool)) {
	var timer *time.Timer
	var over atomic.Bool
	began, ready := time.Now(), make(chan struct{}) // closed when timer is set
	timer = time.AfterFunc(creditTime, func() {
		<-ready
		if over.Load() {
			return
		}
		if left := creditTime - c.still(began); left > 0 {
			timer.Reset(left)
		} else if !over.Swap(true) {
			c.put(n, false)
		}
	})
	close(ready)
	return func(landed bool) {
		timer.Stop()
		if !over.Swap(true) {
			c.put(n, landed)
		}
	}
}

// still returns for how long nothing has landed, at most since a time.
func (c *credit) still(since time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.landed.After(since) {
		since = c.mu.landed
	}
	return time.Since(since)
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

// put gives bytes back, which have landed or are given up.
func (c *credit) put(n int, landed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.taken -= n
	if landed {
		c.mu.landed = time.Now()
	}
	c.grant()
}

// grant lets those first in line go on as far as there is room, one of them in any
// case. It needs the lock.
func (c *credit) grant() {
	for len(c.mu.line) > 0 && (c.mu.taken == 0 || c.mu.taken+c.mu.line[0].bytes <= c.window()) {
		c.mu.taken += c.mu.line[0].bytes
		close(c.mu.line[0].granted)
		c.mu.line = slices.Delete(c.mu.line, 0, 1)
	}
}

// CallerStats is what a Caller has under way now, and what has happened at the
// bound of it.
type CallerStats struct {
	Window   int    // bytes that may be under way, now
	UnderWay int    // bytes that are, or may be, under way now
	Waited   uint64 // chunks and answers that were asked for later, because of Window
	Narrowed uint64 // times that Window fell
}

// stats returns the numbers at this moment.
func (c *credit) stats() CallerStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return CallerStats{Window: c.window(), UnderWay: c.mu.taken, Waited: c.mu.waited, Narrowed: c.mu.narrows}
}

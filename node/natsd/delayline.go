package natsd

import (
	"sync"
	"time"
)

// delayLine is one direction of a proxied connection: a queue of bytes, first
// in first out, each due a fixed time after it came. It holds a bounded number
// of bytes; whoever puts more waits, as behind a full TCP window.
type delayLine struct {
	delay time.Duration
	limit int

	mu      sync.Mutex
	changed *sync.Cond
	queue   []delayed
	held    int  // bytes put and not yet released
	closed  bool // no more will be put
	broken  bool // nobody wants the rest
}

// delayed is a piece of a connection on its way.
type delayed struct {
	data []byte
	due  time.Time
}

func newDelayLine(delay time.Duration, limit int) *delayLine {
	l := &delayLine{delay: delay, limit: limit}
	l.changed = sync.NewCond(&l.mu)
	return l
}

// put copies data into the line. It waits for room and returns false when the
// line was broken meanwhile.
func (l *delayLine) put(data []byte) bool {
	due := time.Now().Add(l.delay)
	data = append([]byte(nil), data...)
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.broken && l.held > 0 && l.held+len(data) > l.limit {
		l.changed.Wait()
	}
	if l.broken {
		return false
	}
	l.queue = append(l.queue, delayed{data: data, due: due})
	l.held += len(data)
	l.changed.Broadcast()
	return true
}

// take waits for the next piece, which may be due later. ok is false at the end
// of the line. The bytes count as held until release.
func (l *delayLine) take() (d delayed, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.broken && !l.closed && len(l.queue) == 0 {
		l.changed.Wait()
	}
	if l.broken || len(l.queue) == 0 {
		return delayed{}, false
	}
	d = l.queue[0]
	l.queue[0] = delayed{} // Lets go of the bytes.
	l.queue = l.queue[1:]
	return d, true
}

// release makes room for n bytes that have been taken and passed on.
func (l *delayLine) release(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held -= n
	l.changed.Broadcast()
}

// close ends the line after what is in it.
func (l *delayLine) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.changed.Broadcast()
}

// breakOff ends the line at once and forgets what is in it.
func (l *delayLine) breakOff() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = true
	l.queue, l.held = nil, 0
	l.changed.Broadcast()
}

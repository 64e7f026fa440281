package resp

import (
	"net"
	"sync"
	"time"
)

// output is what waits to be written to a client. Whoever finds that nobody
// writes does so, until nothing waits: for replies that is the connection's own
// goroutine, which therefore reads no more commands than the client takes replies.
type output struct {
	nc    net.Conn
	stall time.Duration
	limit int // of all that waits
	push  int // of what waits when something is pushed
	kill  func(why string)

	mu struct {
		sync.Mutex
		waiting []byte
		writing bool
		idle    chan struct{} // closed when nobody writes any more; nil: nobody waits for that
		dead    bool
		total   int64  // bytes written
		held    bool   // what is pushed goes to later
		later   []byte // what was pushed since hold, to follow the replies
	}
}

// writePiece is how much is written at once: a client that takes so much within
// the time is not cut off.
const writePiece = 64 << 10

// reply writes replies and returns when the client, or its kernel, has them.
func (o *output) reply(b []byte) {
	if len(b) == 0 {
		return
	}
	o.mu.Lock()
	for o.mu.writing && !o.mu.dead {
		idle := o.waitIdle()
		o.mu.Unlock()
		<-idle
		o.mu.Lock()
	}
	if o.mu.dead {
		o.mu.Unlock()
		return
	}
	if len(o.mu.waiting)+len(b) > o.limit {
		o.mu.Unlock()
		o.kill("replies of more than the bound on output")
		return
	}
	o.mu.writing = true
	rest := o.mu.waiting
	o.mu.waiting = nil
	o.mu.Unlock()
	if len(rest) > 0 {
		b = append(rest, b...)
	}
	o.drain(b)
}

// pushed adds what the client has not asked for. It does not wait.
func (o *output) pushed(b []byte) {
	o.mu.Lock()
	o.pushLocked(b)
}

// pushLocked is pushed for a caller that holds the lock, which it lets go.
func (o *output) pushLocked(b []byte) {
	if o.mu.dead {
		o.mu.Unlock()
		return
	}
	if len(o.mu.waiting)+len(o.mu.later)+len(b) > o.push {
		o.mu.Unlock()
		o.kill("messages of more than the bound on output")
		return
	}
	if o.mu.held {
		o.mu.later = append(o.mu.later, b...)
		o.mu.Unlock()
		return
	}
	o.mu.waiting = append(o.mu.waiting, b...)
	if o.mu.writing {
		o.mu.Unlock()
		return
	}
	o.mu.writing = true
	first := o.mu.waiting
	o.mu.waiting = nil
	o.mu.Unlock()
	go o.drain(first) // It ends when the client has taken all, or is cut off.
}

// hold keeps back what is pushed until release: what a reply is to be forgotten
// for must not overtake the reply.
func (o *output) hold() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mu.held = true
}

// release lets what was kept back follow the replies written so far.
func (o *output) release() {
	o.mu.Lock()
	later := o.mu.later
	o.mu.held, o.mu.later = false, nil
	if len(later) == 0 {
		o.mu.Unlock()
		return
	}
	o.pushLocked(later)
}

// drain writes b and what comes meanwhile. The caller has set writing.
func (o *output) drain(b []byte) {
	for {
		n, err := o.write(b)
		o.mu.Lock()
		o.mu.total += int64(n)
		if err != nil {
			o.mu.dead = true
		}
		if o.mu.dead || len(o.mu.waiting) == 0 {
			o.mu.waiting, o.mu.writing = nil, false
			if o.mu.idle != nil {
				close(o.mu.idle)
				o.mu.idle = nil
			}
			o.mu.Unlock()
			if err != nil {
				o.kill("")
			}
			return
		}
		b = o.mu.waiting
		o.mu.waiting = nil
		o.mu.Unlock()
	}
}

func (o *output) write(b []byte) (written int, err error) {
	for len(b) > 0 {
		piece := b[:min(len(b), writePiece)]
		if err := o.nc.SetWriteDeadline(time.Now().Add(o.stall)); err != nil {
			return written, err
		}
		n, err := o.nc.Write(piece)
		written += n
		if err != nil {
			return written, err
		}
		b = b[len(piece):]
	}
	return written, nil
}

// waitIdle returns a channel that is closed when nobody writes. The caller holds
// the lock.
func (o *output) waitIdle() <-chan struct{} {
	if o.mu.idle == nil {
		o.mu.idle = make(chan struct{})
	}
	return o.mu.idle
}

// end drops what waits and returns when nobody writes any more. The connection
// has been closed.
func (o *output) end() {
	o.mu.Lock()
	o.mu.dead = true
	var idle <-chan struct{}
	if o.mu.writing {
		idle = o.waitIdle()
	}
	o.mu.Unlock()
	if idle != nil {
		<-idle
	}
}

// held returns how many bytes wait, and how many have been written.
func (o *output) held() (waiting int, written int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.mu.waiting) + len(o.mu.later), o.mu.total
}

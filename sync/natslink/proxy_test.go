package natslink

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// turn is how many bytes a connection may pass on before it is the next one's
// turn.
const turn = 64 << 10

// proxy is a path to a NATS server that can be slow, stand still and be cut.
// All its connections share its width evenly.
type proxy struct {
	listener net.Listener
	target   string
	turns    chan struct{} // one for each turn to the client; nil: as wide as it goes
	end      chan struct{}
	running  sync.WaitGroup
	toClient atomic.Int64 // bytes
	toServer atomic.Int64

	mu struct {
		sync.Mutex
		changed *sync.Cond
		still   bool // nothing is passed on
		down    bool // no connection stands
		conns   map[net.Conn]struct{}
	}
}

// newProxy starts a path to a server. perSecond is its width towards the client in
// bytes, 0 for no limit.
func newProxy(t testing.TB, target string, perSecond int) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("proxy: %v", err)
	}
	p := &proxy{listener: listener, target: target, end: make(chan struct{})}
	p.mu.changed = sync.NewCond(&p.mu)
	p.mu.conns = map[net.Conn]struct{}{}
	if perSecond > 0 {
		p.turns = make(chan struct{}, max(perSecond/turn/1000, 1))
		p.running.Go(func() { p.pace(perSecond) })
	}
	p.running.Go(p.accept)
	t.Cleanup(func() {
		p.cut()
		close(p.end)
		listener.Close()
		p.running.Wait()
	})
	return p
}

func (p *proxy) addr() string { return p.listener.Addr().String() }
func (p *proxy) url() string  { return "nats://" + p.addr() }

// pace hands out turns, a few every millisecond. What nobody takes is lost.
func (p *proxy) pace(perSecond int) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	due := 0.0
	for {
		select {
		case <-tick.C:
		case <-p.end:
			return
		}
		for due += float64(perSecond) / turn / 1000; due >= 1; due-- {
			select {
			case p.turns <- struct{}{}:
			default:
			}
		}
	}
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil || !p.add(client, server) {
			client.Close()
			if err == nil {
				server.Close()
			}
			continue
		}
		// A path has little room of its own.
		_ = client.(*net.TCPConn).SetReadBuffer(64 << 10)
		_ = server.(*net.TCPConn).SetReadBuffer(64 << 10)
		p.running.Go(func() { p.pass(client, server, nil, &p.toServer) })
		p.running.Go(func() { p.pass(server, client, p.turns, &p.toClient) })
	}
}

func (p *proxy) add(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		if !p.mu.down {
			p.mu.conns[c] = struct{}{}
		}
	}
	return !p.mu.down
}

// pass moves bytes until either connection ends.
func (p *proxy) pass(from, to net.Conn, turns <-chan struct{}, count *atomic.Int64) {
	defer from.Close()
	defer to.Close()
	buf := make([]byte, turn)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if turns != nil {
			select {
			case <-turns:
			case <-p.end:
				return
			}
		}
		p.await()
		count.Add(int64(n))
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// await returns when bytes may be passed on.
func (p *proxy) await() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.mu.still {
		p.mu.changed.Wait()
	}
}

// set changes what the path does and tells those who wait for it.
func (p *proxy) set(still, down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.still, p.mu.down = still, down
	if down {
		for c := range p.mu.conns {
			c.Close()
			delete(p.mu.conns, c)
		}
	}
	p.mu.changed.Broadcast()
}

// stop lets bytes stand still in both directions until resume.
func (p *proxy) stop()   { p.set(true, false) }
func (p *proxy) resume() { p.set(false, false) }

// cut ends all connections and lets none come up until resume.
func (p *proxy) cut() { p.set(false, true) }

package natsd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Bounds of a proxy that are no settings.
const (
	// readSize is how many bytes are taken from a connection at once.
	readSize = 64 << 10

	// maxHead is how many bytes Identify may ask for.
	maxHead = 4 << 10
)

// ProxyConfig says what a Proxy does. The zero value of a field means its
// default.
type ProxyConfig struct {
	// Listen is the host:port to listen on. Default: a free port of 127.0.0.1.
	Listen string

	// Delay is how long every byte is on its way, in each direction: half of a
	// round trip. Default: none.
	Delay time.Duration

	// Buffer is how many bytes are on their way at most, for each direction of
	// each connection. It limits the bandwidth to Buffer/Delay. Default: 16 MiB.
	Buffer int

	// MaxConns is how many connections are passed on at once. Beyond it a new
	// one is closed and counted. Default: 256.
	MaxConns int

	// DialTimeout bounds the wait for the target, also for one that is not set
	// yet. Default: 2 s.
	DialTimeout time.Duration

	// Identify tells connections apart by what the dialing side sends first.
	// It is called with all that has come until it returns ok, at most 4 KiB;
	// nothing is passed on before. Cut and Restore take the label. Default:
	// every connection has the label "".
	Identify func(head []byte) (label string, ok bool)
}

// Proxy passes TCP connections on to a target and lets every byte arrive a fixed
// time later, in order. Connections can be cut by label. It is safe for
// concurrent use.
type Proxy struct {
	cfg      ProxyConfig
	listener net.Listener
	ctx      context.Context // ends in Close
	cancel   context.CancelFunc
	wg       sync.WaitGroup
	ready    chan struct{} // closed when the target is known

	mu struct {
		sync.Mutex
		target  string
		links   map[*link]struct{}
		cut     map[string]bool
		refused uint64
	}
}

// link is one connection and its continuation to the target.
type link struct {
	down, up   net.Conn // from the dialing side, to the target
	there      *delayLine
	back       *delayLine
	identified bool // guarded by Proxy.mu
	label      string
}

// sever ends both connections and both directions. It may be called again.
func (l *link) sever() {
	l.there.breakOff()
	l.back.breakOff()
	l.down.Close()
	l.up.Close()
}

// NewProxy starts to listen. Connections wait for SetTarget, at most
// DialTimeout.
func NewProxy(cfg ProxyConfig) (*Proxy, error) {
	if cfg.Delay < 0 || cfg.Buffer < 0 || cfg.MaxConns < 0 || cfg.DialTimeout < 0 {
		return nil, fmt.Errorf("proxy: negative delay, buffer, connections or timeout in %+v", cfg)
	}
	cfg.Listen = orDefault(cfg.Listen, defaultHost+":0")
	cfg.Buffer = orDefault(cfg.Buffer, 16<<20)
	cfg.MaxConns = orDefault(cfg.MaxConns, 256)
	cfg.DialTimeout = orDefault(cfg.DialTimeout, 2*time.Second)
	if cfg.Identify == nil {
		cfg.Identify = func([]byte) (string, bool) { return "", true }
	}
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	p := &Proxy{cfg: cfg, listener: listener, ready: make(chan struct{})}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.mu.links = map[*link]struct{}{}
	p.mu.cut = map[string]bool{}
	p.wg.Go(p.accept)
	return p, nil
}

func orDefault[T comparable](value, def T) T {
	var zero T
	if value == zero {
		return def
	}
	return value
}

// Addr returns the host:port that the proxy listens on.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// SetTarget says where new connections go. Those that stand stay.
func (p *Proxy) SetTarget(addr string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.target == "" {
		close(p.ready)
	}
	p.mu.target = addr
}

// Cut ends every connection with this label, with what is on its way, and lets
// none come up until Restore.
func (p *Proxy) Cut(label string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.cut[label] = true
	for l := range p.mu.links {
		if l.identified && l.label == label {
			l.sever()
		}
	}
}

// Restore lets connections with this label come up again. Whoever was cut off
// has to dial again.
func (p *Proxy) Restore(label string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.mu.cut, label)
}

// Refused returns how many connections were closed because MaxConns were up.
func (p *Proxy) Refused() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.refused
}

// Close ends everything and returns when all goroutines have ended. It may be
// called again.
func (p *Proxy) Close() error {
	p.cancel()
	err := p.listener.Close()
	p.mu.Lock()
	for l := range p.mu.links {
		l.sever()
	}
	p.mu.Unlock()
	p.wg.Wait()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("proxy: close: %w", err)
	}
	return nil
}

// accept takes connections until the listener is closed.
func (p *Proxy) accept() {
	slots := make(chan struct{}, p.cfg.MaxConns)
	for {
		down, err := p.listener.Accept()
		if p.ctx.Err() != nil {
			if err == nil {
				down.Close()
			}
			return
		}
		if err != nil {
			select { // Out of file descriptors or the like: not for ever.
			case <-time.After(10 * time.Millisecond):
			case <-p.ctx.Done():
			}
			continue
		}
		select {
		case slots <- struct{}{}:
			p.wg.Go(func() {
				defer func() { <-slots }()
				p.serve(down)
			})
		default:
			down.Close()
			p.mu.Lock()
			p.mu.refused++
			p.mu.Unlock()
		}
	}
}

// serve passes one connection on until it has ended in both directions.
func (p *Proxy) serve(down net.Conn) {
	defer down.Close()
	up, err := p.dial()
	if err != nil {
		return // The dialing side sees its connection closed and tries again.
	}
	l := &link{
		down: down, up: up,
		there: newDelayLine(p.cfg.Delay, p.cfg.Buffer),
		back:  newDelayLine(p.cfg.Delay, p.cfg.Buffer),
	}
	if !p.add(l) {
		up.Close()
		return
	}
	defer p.remove(l)
	defer l.sever()

	var wg sync.WaitGroup
	wg.Go(func() { p.read(l, down, l.there, func(head []byte) (bool, bool) { return p.identify(l, head) }) })
	wg.Go(func() { p.read(l, up, l.back, nil) })
	wg.Go(func() { p.write(l, l.there, up) })
	wg.Go(func() { p.write(l, l.back, down) })
	wg.Wait()
}

// dial connects to the target once it is known.
func (p *Proxy) dial() (net.Conn, error) {
	ctx, cancel := context.WithTimeout(p.ctx, p.cfg.DialTimeout)
	defer cancel()
	select {
	case <-p.ready:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p.mu.Lock()
	target := p.mu.target
	p.mu.Unlock()
	var d net.Dialer
	return d.DialContext(ctx, "tcp", target)
}

// add registers a link, unless the proxy is closed.
func (p *Proxy) add(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil {
		return false
	}
	p.mu.links[l] = struct{}{}
	return true
}

func (p *Proxy) remove(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.mu.links, l)
}

// identify labels a link by its first bytes. known is false when more are
// needed, up false when the link must not stand.
func (p *Proxy) identify(l *link, head []byte) (known, up bool) {
	label, ok := p.cfg.Identify(head)
	if !ok {
		return false, len(head) < maxHead
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	l.identified, l.label = true, label
	return true, !p.mu.cut[label]
}

// read moves bytes from a connection into a line until either ends. With
// identify, nothing is put before it says that the link is known and up.
func (p *Proxy) read(l *link, from net.Conn, line *delayLine, identify func([]byte) (known, up bool)) {
	defer line.close()
	var head []byte
	buf := make([]byte, readSize)
	for {
		n, err := from.Read(buf)
		data := buf[:n]
		if identify != nil && n > 0 {
			head = append(head, data...)
			known, up := identify(head)
			if !up {
				l.sever()
				return
			}
			if data = nil; known {
				data, head, identify = head, nil, nil
			}
		}
		if len(data) > 0 && !line.put(data) {
			return
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				l.sever()
			}
			return
		}
	}
}

// write moves bytes from a line to a connection when they are due.
func (p *Proxy) write(l *link, line *delayLine, to net.Conn) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		d, ok := line.take()
		if !ok {
			break
		}
		if wait := time.Until(d.due); wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-p.ctx.Done():
				return
			}
		}
		if _, err := to.Write(d.data); err != nil {
			l.sever()
			return
		}
		line.release(len(d.data))
	}
	// The other direction may go on.
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

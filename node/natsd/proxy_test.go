package natsd

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// echoServer answers every connection with what it sends.
func echoServer(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	return l.Addr().String()
}

func startProxy(t testing.TB, cfg ProxyConfig, target string) *Proxy {
	t.Helper()
	p, err := NewProxy(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	if target != "" {
		p.SetTarget(target)
	}
	return p
}

func dial(t testing.TB, p *Proxy) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(15 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn)
}

// says sends text and expects it back.
func says(c net.Conn, text string) error {
	if _, err := io.WriteString(c, text); err != nil {
		return err
	}
	have := make([]byte, len(text))
	if _, err := io.ReadFull(c, have); err != nil {
		return err
	}
	if string(have) != text {
		return errors.New("want " + text + ", have " + string(have))
	}
	return nil
}

// TestProxyOrder sends much more than the buffer holds, in pieces of any size,
// and gets every byte back in order, then the end.
func TestProxyOrder(t *testing.T) {
	const seed = 7
	rnd := rand.New(rand.NewPCG(seed, seed))
	sent := make([]byte, 4<<20)
	for i := range sent {
		sent[i] = byte(rnd.Uint32())
	}
	p := startProxy(t, ProxyConfig{Delay: time.Millisecond, Buffer: 256 << 10}, echoServer(t))
	c := dial(t, p)
	go func() {
		for rest := sent; len(rest) > 0; {
			n := min(len(rest), 1+rnd.IntN(100_000))
			if _, err := c.Write(rest[:n]); err != nil {
				return
			}
			rest = rest[n:]
		}
		_ = c.CloseWrite()
	}()
	have, err := io.ReadAll(c)
	if err != nil || !bytes.Equal(sent, have) {
		t.Fatalf("seed %d: want %d bytes back, have %d, %v", seed, len(sent), len(have), err)
	}
}

func TestProxyDelay(t *testing.T) {
	const delay = 30 * time.Millisecond
	c := dial(t, startProxy(t, ProxyConfig{Delay: delay}, echoServer(t)))
	for range 3 {
		began := time.Now()
		if err := says(c, "hello"); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 2*delay {
			t.Errorf("round trip took %s, less than twice %s", took, delay)
		}
	}
}

func TestProxyCut(t *testing.T) {
	first := func(head []byte) (string, bool) {
		if len(head) < 2 {
			return "", false
		}
		return string(head[:2]), true
	}
	p := startProxy(t, ProxyConfig{Identify: first}, echoServer(t))
	a, b := dial(t, p), dial(t, p)
	for name, c := range map[string]net.Conn{"a1": a, "b1": b} {
		if err := says(c, name); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	waiting := dial(t, p) // Not identified yet when the cut comes.
	if _, err := waiting.Write([]byte("a")); err != nil {
		t.Fatal(err)
	}
	p.Cut("a1")
	if err := says(a, "x"); err == nil {
		t.Error("a1: want its connection to break")
	}
	if err := says(b, "x"); err != nil {
		t.Errorf("b1: want its connection to stand, have %v", err)
	}
	if err := says(waiting, "1"); err == nil {
		t.Error("a1, identified after the cut: want its connection to break")
	}
	if err := says(dial(t, p), "a1"); err == nil {
		t.Error("a1, dialled after the cut: want its connection to break")
	}
	p.Restore("a1")
	if err := says(dial(t, p), "a1"); err != nil {
		t.Errorf("a1 after Restore: %v", err)
	}
	// Who never says who it is gets nowhere.
	q := startProxy(t, ProxyConfig{Identify: func([]byte) (string, bool) { return "", false }}, echoServer(t))
	c := dial(t, q)
	if _, err := c.Write(make([]byte, maxHead)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("not identified after %d bytes: want the end, have %d bytes, %v", maxHead, n, err)
	}
}

func TestProxyLateTarget(t *testing.T) {
	p := startProxy(t, ProxyConfig{DialTimeout: 10 * time.Second}, "")
	c := dial(t, p)
	if _, err := c.Write([]byte("early")); err != nil {
		t.Fatal(err)
	}
	p.SetTarget(echoServer(t))
	have := make([]byte, 5)
	if _, err := io.ReadFull(c, have); err != nil || string(have) != "early" {
		t.Errorf("want early, have %q, %v", have, err)
	}
	never := startProxy(t, ProxyConfig{DialTimeout: 5 * time.Millisecond}, "")
	if _, err := dial(t, never).Read(have); err == nil {
		t.Error("no target in time: want the connection to end")
	}
}

func TestProxyMaxConns(t *testing.T) {
	p := startProxy(t, ProxyConfig{MaxConns: 1}, echoServer(t))
	first := dial(t, p)
	if err := says(first, "x"); err != nil {
		t.Fatal(err)
	}
	if err := says(dial(t, p), "x"); err == nil {
		t.Error("second of one connection: want it to end")
	}
	if have := p.Refused(); have != 1 {
		t.Errorf("want 1 refused, have %d", have)
	}
	first.Close()
	eventually(t, "the place is free", func() bool { return says(dial(t, p), "x") == nil })
}

// TestDelayLineBound holds back who puts more than fits.
func TestDelayLineBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newDelayLine(0, 10)
		if !l.put(make([]byte, 25)) {
			t.Fatal("a piece larger than the line must pass an empty line")
		}
		put := make(chan bool, 1)
		go func() { put <- l.put([]byte("x")) }()
		d, _ := l.take()
		synctest.Wait()
		if len(put) != 0 {
			t.Error("put before release: want it to wait for room")
		}
		l.release(len(d.data))
		if !<-put {
			t.Error("put after release: want true")
		}
		go func() { put <- l.put(make([]byte, 10)) }()
		synctest.Wait()
		l.breakOff()
		if <-put {
			t.Error("put on a broken line: want false")
		}
		if _, ok := l.take(); ok {
			t.Error("take from a broken line: want the end")
		}
	})
}

func TestProxyClose(t *testing.T) {
	target := echoServer(t)
	before := runtime.NumGoroutine()
	p := startProxy(t, ProxyConfig{Delay: time.Hour}, target)
	c := dial(t, p)
	if _, err := c.Write([]byte("on its way")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a link", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.mu.links) == 1
	})
	for range 2 {
		if err := p.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	eventually(t, "all goroutines have ended", func() bool { return runtime.NumGoroutine() <= before })
	for _, cfg := range []ProxyConfig{{Delay: -1}, {Buffer: -1}, {MaxConns: -1}, {DialTimeout: -1}, {Listen: "nonsense"}} {
		if _, err := NewProxy(cfg); err == nil {
			t.Errorf("%+v: want an error", cfg)
		}
	}
}

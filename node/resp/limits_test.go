package resp_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atollcache/atoll/node/resp"
	"github.com/atollcache/atoll/node/wire"
)

func TestMaxClients(t *testing.T) {
	d := open(t, resp.Config{MaxClients: 2})
	a, b := d.dial(), d.dial()
	a.want("PING", "PONG")
	b.want("PING", "PONG")
	c := d.dial()
	c.wantNext("(ERR max number of clients reached)")
	if !c.ended() {
		t.Error("the third client's connection is still open")
	}
	b.nc.Close()
	waitFor(t, "there is room again", func() error {
		c := d.dial()
		c.send("PING\r\n")
		if have := c.read(); have != "PONG" {
			return fmt.Errorf("have %s", have)
		}
		return nil
	})
}

func TestIdleTimeout(t *testing.T) {
	d := open(t, resp.Config{IdleTimeout: 50 * time.Millisecond})
	idle, listens := d.dial(), d.dial()
	listens.want("SUBSCRIBE c", `["subscribe" "c" 1]`)
	idle.want("PING", "PONG")
	if !idle.ended() {
		t.Error("a connection that does nothing is still open")
	}
	listens.want("PING", `["pong" ""]`)
}

// A client that reads none of its replies is cut off, and takes no more memory
// than its bound meanwhile.
func TestSlowReaderIsCutOff(t *testing.T) {
	d := open(t, resp.Config{StallTimeout: 100 * time.Millisecond})
	c := d.dial()
	c.run("SET", "k", strings.Repeat("x", 1<<20))
	var err error
	for n := 0; err == nil && n < 10_000; n++ {
		_ = c.nc.SetWriteDeadline(time.Now().Add(patience))
		_, err = c.nc.Write([]byte(strings.Repeat(encode("GET", "k"), 100)))
	}
	var timeout net.Error
	if err == nil || errors.As(err, &timeout) && timeout.Timeout() {
		t.Errorf("a client that reads nothing is still connected: %v", err)
	}
	other := d.dial()
	other.want("PING", "PONG")
	if have := other.do("INFO stats"); !strings.Contains(have, "instantaneous") {
		t.Errorf("INFO: have %s", have)
	}
}

func TestClientKill(t *testing.T) {
	d := open(t, resp.Config{})
	a, b, c := d.dial(), d.dial(), d.dial()
	b.want("CLIENT ID", "2", "CLIENT SETNAME it", "OK", "CLIENT SETNAME a\tb", "(ERR wrong number of arguments for 'client|setname' command)")
	if have := b.run("CLIENT", "SETNAME", "a b"); !strings.Contains(have, "cannot contain spaces") {
		t.Errorf("CLIENT SETNAME: have %s", have)
	}
	if have := a.do("CLIENT LIST ID 2"); !strings.Contains(have, "name=it ") || strings.Count(have, "id=") != 1 {
		t.Errorf("CLIENT LIST: have %s", have)
	}
	c.want("SUBSCRIBE x", `["subscribe" "x" 1]`)
	a.want(
		"CLIENT KILL ID 2", "1",
		"CLIENT KILL ID 2", "0",
		"CLIENT KILL TYPE pubsub", "1",
		"CLIENT KILL ADDR 1.2.3.4:5", "0",
		"CLIENT KILL 1.2.3.4:5", "(ERR No such client)",
		"CLIENT KILL ID x", "(ERR client-id should be greater than 0)",
		"CLIENT KILL NOPE x", "(ERR syntax error)",
	)
	if !b.ended() || !c.ended() {
		t.Error("a connection that was killed is still open")
	}
	a.want("CLIENT KILL ID 1 SKIPME no", "1")
	if !a.ended() {
		t.Error("a connection that has killed itself is still open")
	}
}

func TestClientReply(t *testing.T) {
	c := open(t, resp.Config{}).dial()
	c.send(encode("CLIENT", "REPLY", "SKIP") + encode("SET", "k", "1") + encode("GET", "k") +
		encode("CLIENT", "REPLY", "OFF") + encode("GET", "k") + encode("NOPE") + encode("PING") + encode("CLIENT", "REPLY", "ON") + encode("PING"))
	c.wantNext(`"1"`, "OK", "PONG")
}

func TestClientPause(t *testing.T) {
	d := open(t, resp.Config{})
	c, other := d.dial(), d.dial()
	c.want("SET k 1", "OK", "CLIENT PAUSE 60000 WRITE", "OK")
	other.want("GET k", `"1"`)
	other.send(encode("SET", "k", "2"))
	for range 100 {
		c.want("GET k", `"1"`)
	}
	waitFor(t, "the other is held back", func() error {
		if have := c.do("INFO clients"); !strings.Contains(have, `blocked_clients:1\r`) {
			return errors.New(have)
		}
		return nil
	})
	c.want("CLIENT UNPAUSE", "OK")
	other.wantNext("OK")
	c.want("GET k", `"2"`)
}

// While the server ends, clients get the replies to what they have sent.
func TestEndsWithReplies(t *testing.T) {
	node := newFakeNode(&bus{})
	running, goOn := make(chan struct{}), make(chan struct{})
	node.slow = func(cmds []wire.Command) {
		if cmds[0].Args[0] == "SET" {
			close(running)
			<-goOn
		}
	}
	d := openNode(t, node, resp.Config{})
	c := d.dial()
	c.send(encode("SET", "k", "1"))
	<-running
	ended := make(chan struct{})
	go func() { d.stop(); close(ended) }()
	idle := true
	waitFor(t, "no more clients are taken", func() error {
		nc, err := net.Dial("tcp", d.ln.Addr().String())
		if err != nil {
			return nil
		}
		nc.Close()
		return fmt.Errorf("connected %t", idle)
	})
	close(goOn)
	c.wantNext("OK")
	if !c.ended() {
		t.Error("the connection is still open")
	}
	<-ended
}

func TestTLS(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	d := open(t, resp.Config{TLS: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}})
	pool := x509.NewCertPool()
	cert, _ := x509.ParseCertificate(der)
	pool.AddCert(cert)
	c := d.dialTLS(&tls.Config{RootCAs: pool})
	c.want("SET k 1", "OK", "GET k", `"1"`)
	plain := d.dial()
	plain.send("PING\r\n")
	if !plain.ended() {
		t.Error("a client without TLS is still connected")
	}
}

// Ten thousand clients, half of which stop in the middle of a command or never
// read: the others are served, and memory stays in proportion.
func TestManyConnections(t *testing.T) {
	const clients = 10_000
	ln := newPipes()
	d := openAt(t, ln, newFakeNode(&bus{}), resp.Config{MaxClients: clients, StallTimeout: time.Hour})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	conns := make([]net.Conn, clients)
	var wg sync.WaitGroup
	for part := range 16 {
		wg.Go(func() {
			for i := part; i < clients; i += 16 {
				conns[i] = ln.dial()
				switch i % 4 {
				case 1: // never sends the rest
					_, _ = conns[i].Write([]byte("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000000\r\nxyz"))
				case 3: // never reads
					_, _ = conns[i].Write([]byte(strings.Repeat("PING\r\n", 10)))
				}
			}
		})
	}
	wg.Wait()
	began := time.Now()
	for part := range 16 {
		wg.Go(func() {
			for i := part * 2; i < clients; i += 32 {
				if _, err := conns[i].Write([]byte(encode("SET", fmt.Sprint(i), "v") + encode("GET", fmt.Sprint(i)))); err != nil {
					t.Errorf("client %d: %v", i, err)
				}
				want := "+OK\r\n$1\r\nv\r\n"
				have := make([]byte, len(want))
				if _, err := io.ReadFull(conns[i], have); err != nil || string(have) != want {
					t.Errorf("client %d: want %q, have %q, %v", i, want, have, err)
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := int(after.HeapInuse+after.StackInuse-before.HeapInuse-before.StackInuse) / clients
	t.Logf("%d clients: %d bytes each; those that work took %v", clients, each, took)
	if each > 40<<10 {
		t.Errorf("each of %d clients takes %d bytes", clients, each)
	}
	if took > patience {
		t.Errorf("clients that work took %v while others were stuck", took)
	}
	for _, c := range conns {
		c.Close()
	}
	d.stop()
}

// pipes is a listener in memory: it needs no file for each connection.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) dial() net.Conn {
	here, there := net.Pipe()
	p.conns <- there
	return here
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "memory"} }

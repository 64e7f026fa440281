package natsd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

func TestStart(t *testing.T) {
	var log logBook
	s := start(t, Options{Name: "eu-1", Region: "eu", Port: -1, MaxPayload: 64 << 10, Log: log.logger()})
	nc := connect(t, s)
	if have := nc.ConnectedClusterName(); have != "eu" {
		t.Errorf("cluster name of region eu: have %q", have)
	}
	if have := nc.MaxPayload(); have != 64<<10 {
		t.Errorf("max payload: want %d, have %d", 64<<10, have)
	}
	answer(t, nc, "who", s.Name())
	outside, err := nats.Connect(s.ClientURL(), ConnOptions("outside")...)
	if err != nil {
		t.Fatalf("connect to %s: %v", s.ClientURL(), err)
	}
	defer outside.Close()
	msg, err := outside.Request("who", nil, 5*time.Second)
	if err != nil || string(msg.Data) != "eu-1" {
		t.Errorf("request: want eu-1, have %v, %v", msg, err)
	}
	if s.GatewayAddr() != "" {
		t.Errorf("gateway nobody asked for: %s", s.GatewayAddr())
	}
	if !log.has("nats=eu-1") {
		t.Error("want the server's lines in slog")
	}
}

// TestShutdown is idempotent, waits, and leaves no goroutine.
func TestShutdown(t *testing.T) {
	before := runtime.NumGoroutine()
	s := start(t, Options{Port: -1})
	nc := connect(t, s)
	answer(t, nc, "who", "me")
	if _, err := nc.Request("who", nil, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	nc.Close()
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Shutdown(ended); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("shutdown without time: want nil or context.Canceled, have %v", err)
	}
	for range 2 {
		shutdown(t, s)
	}
	if _, err := s.Connect(); !errors.Is(err, ErrStopped) {
		t.Errorf("connect to a stopped server: want ErrStopped, have %v", err)
	}
	eventually(t, "all goroutines have ended", func() bool { return runtime.NumGoroutine() <= before })
}

func portOf(t testing.TB, url string) int {
	t.Helper()
	port, err := strconv.Atoi(url[strings.LastIndexByte(url, ':')+1:])
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := portOf(t, taken.Addr().String())
	before := runtime.NumGoroutine()
	for _, o := range []Options{
		{Port: port},
		{Port: -1, Region: "eu", GatewayPort: port},
	} {
		s, err := Start(o)
		if !errors.Is(err, ErrPortInUse) {
			t.Fatalf("%+v: want ErrPortInUse, have %v, %v", o, s, err)
		}
		if want := fmt.Sprintf("port %d is in use", port); !strings.Contains(err.Error(), want) {
			t.Errorf("want %q in the error, have %q", want, err)
		}
	}
	if _, err := StartSuper(SuperOptions{Regions: []string{"us", "eu"}, BasePort: port - 1}); !errors.Is(err, ErrPortInUse) {
		t.Errorf("second port of a supercluster: want ErrPortInUse, have %v", err)
	}
	eventually(t, "nothing is left running", func() bool { return runtime.NumGoroutine() <= before })
}

// TestRestart takes the same port again; a client finds the new server.
func TestRestart(t *testing.T) {
	s, err := Start(Options{Port: -1})
	if err != nil {
		t.Fatal(err)
	}
	var log logBook
	nc, err := nats.Connect(s.ClientURL(), append(ConnOptions("node eu-1"), LogOptions(log.logger())...)...)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	answer(t, nc, "who", "me")
	port := portOf(t, s.ClientURL())
	for range 3 {
		shutdown(t, s)
		eventually(t, "disconnected", func() bool { return !nc.IsConnected() })
		if err := nc.Publish("who", nil); err == nil {
			t.Error("publish while disconnected: want an error, not a buffer")
		}
		if s, err = Start(Options{Port: port}); err != nil {
			t.Fatalf("start on the same port: %v", err)
		}
		eventually(t, "the client is back", func() bool {
			_, err := nc.Request("who", nil, time.Second)
			return err == nil
		})
	}
	shutdown(t, s)
	for _, want := range []string{"nats disconnected", "nats reconnected", "node eu-1"} {
		if !log.has(want) {
			t.Errorf("want %q in the log", want)
		}
	}
}

// TestConfigFile lays options over a stock configuration.
func TestConfigFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "nats.conf")
	conf := `
		port: -1
		server_name: from-file
		max_payload: 128KB
		authorization { users: [ { user: ann, password: secret, permissions: { publish: "allowed.>" } } ] }
	`
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, Options{ConfigFile: file, MaxPayload: 256 << 10})
	if s.Name() != "from-file" || !strings.HasPrefix(s.ClientURL(), "nats://127.0.0.1:") {
		t.Errorf("want from-file on 127.0.0.1, have %s on %s", s.Name(), s.ClientURL())
	}
	if _, err := nats.Connect(s.ClientURL()); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("without a password: want ErrAuthorization, have %v", err)
	}
	var log logBook
	nc := connect(t, s, append(LogOptions(log.logger()), nats.UserInfo("ann", "secret"))...)
	if have := nc.MaxPayload(); have != 256<<10 {
		t.Errorf("max payload: want the option's, have %d", have)
	}
	if err := nc.Publish("forbidden", nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the missing permission is logged", func() bool { return log.has("nats error") })

	if err := os.WriteFile(file, []byte("port: [nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{file, filepath.Join(t.TempDir(), "missing.conf")} {
		if _, err := Start(Options{ConfigFile: bad}); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%s: want an error that names it, have %v", bad, err)
		}
	}
}

func TestBadOptions(t *testing.T) {
	for _, o := range []Options{
		{Port: -2}, {Port: 65536}, {GatewayPort: -2}, {Region: "a b"}, {Name: "a b"}, {MaxPayload: -1}, {MaxPayload: 65 << 20},
		{Port: -1, GatewayPort: -1}, {Port: -1, Gateways: []RemoteGateway{{Region: "eu"}}}, {ReadyTimeout: -1},
		{Port: -1, Region: "us", GatewayPort: -1, Gateways: []RemoteGateway{{Region: "eu", URLs: []string{"nonsense"}}}},
		{Port: -1, Region: "us", GatewayPort: -1, Gateways: []RemoteGateway{{Region: "eu"}}},
		{Port: -1, Host: "256.0.0.1"},
	} {
		if s, err := Start(o); err == nil {
			shutdown(t, s)
			t.Errorf("%+v: want an error", o)
		}
	}
	for _, o := range []SuperOptions{
		{}, {Regions: []string{""}}, {Regions: []string{"a b"}}, {Regions: []string{"us", "us"}}, {Regions: []string{"us"}, WAN: -1},
		{Regions: []string{"us"}, Buffer: -1},
	} {
		if u, err := StartSuper(o); err == nil {
			shutdown(t, u)
			t.Errorf("%+v: want an error", o)
		}
	}
}

// TestConnOptions checks what every connection relies on.
func TestConnOptions(t *testing.T) {
	o := nats.GetDefaultOptions()
	for _, set := range ConnOptions("x") {
		if err := set(&o); err != nil {
			t.Fatal(err)
		}
	}
	if o.Name != "x" || !o.AllowReconnect || o.MaxReconnect != -1 || o.ReconnectBufSize != -1 ||
		o.PingInterval != 2*time.Second || o.MaxPingsOut != 2 || o.NoEcho || o.RetryOnFailedConnect || o.ReconnectJitter == 0 {
		t.Errorf("have %+v", o)
	}
}

// TestFrozenClientsAreNoticedSoon: unless the operator's file says otherwise.
func TestFrozenClientsAreNoticedSoon(t *testing.T) {
	file := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(file, []byte("ping_interval: \"30s\"\nping_max: 5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		o     Options
		every time.Duration
		lost  int
	}{
		{Options{}, 2 * time.Second, 2},
		{Options{ConfigFile: file}, 30 * time.Second, 5},
	} {
		so, err := c.o.serverOptions()
		if err != nil {
			t.Fatal(err)
		}
		if so.PingInterval != c.every || so.MaxPingsOut != c.lost {
			t.Errorf("%+v: want a ping every %v and %d lost, have %v and %d", c.o, c.every, c.lost, so.PingInterval, so.MaxPingsOut)
		}
	}
}

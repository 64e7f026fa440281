package natsd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const wan = 40 * time.Millisecond

func startSuper(t testing.TB, o SuperOptions) *Super {
	t.Helper()
	began := time.Now()
	u, err := StartSuper(o)
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	t.Cleanup(func() { shutdown(t, u) })
	ready := time.Since(began)
	if err := u.WaitMesh(within(t, 15*time.Second)); err != nil {
		t.Fatal(err)
	}
	t.Logf("servers up after %s, mesh after %s", ready, time.Since(began))
	return u
}

// reachable retries until a request from nc is answered by want.
func reachable(t testing.TB, nc *nats.Conn, subject, want string) {
	t.Helper()
	eventually(t, subject+" is reachable", func() bool {
		msg, err := nc.Request(subject, nil, time.Second)
		return err == nil && string(msg.Data) == want
	})
}

// TestRoundTrip asks each region from each other: it works, and takes the WAN
// time at least; within a region it does not.
func TestRoundTrip(t *testing.T) {
	u := startSuper(t, SuperOptions{Regions: []string{"us", "eu", "ap"}, WAN: wan})
	conns := map[string]*nats.Conn{}
	for _, region := range u.Regions() {
		conns[region] = connect(t, u.Server(region))
		answer(t, conns[region], "in."+region, region)
	}
	for _, from := range u.Regions() {
		if have := conns[from].ConnectedClusterName(); have != from {
			t.Errorf("cluster name in %s: have %q", from, have)
		}
		for _, to := range u.Regions() {
			reachable(t, conns[from], "in."+to, to)
			began := time.Now()
			if _, err := conns[from].Request("in."+to, nil, 5*time.Second); err != nil {
				t.Fatalf("%s to %s: %v", from, to, err)
			}
			if took := time.Since(began); from != to && took < wan {
				t.Errorf("%s to %s: a round trip took %s, less than %s", from, to, took, wan)
			}
		}
	}
}

// dialled checks that all gateway connections of a Super lead to proxies.
func dialled(t *testing.T, u *Super) {
	t.Helper()
	for _, region := range u.Regions() {
		z, err := u.Server(region).nats.Gatewayz(nil)
		if err != nil {
			t.Fatal(err)
		}
		for to, remote := range z.OutboundGateways {
			have := net.JoinHostPort(remote.Connection.IP, strconv.Itoa(remote.Connection.Port))
			if want := u.proxies[to].Addr(); have != want {
				t.Errorf("%s connects to %s at %s, want its proxy %s", region, to, have, want)
			}
		}
	}
}

// TestCut cuts one link of three, some times, and restores it.
func TestCut(t *testing.T) {
	u := startSuper(t, SuperOptions{Regions: []string{"us", "eu", "ap"}, WAN: 4 * time.Millisecond})
	conns := map[string]*nats.Conn{}
	for _, region := range u.Regions() {
		conns[region] = connect(t, u.Server(region))
		answer(t, conns[region], "in."+region, region)
	}
	for range 2 {
		reachable(t, conns["us"], "in.eu", "eu")
		reachable(t, conns["eu"], "in.us", "us")
		dialled(t, u)
		if err := u.Cut("us", "eu"); err != nil {
			t.Fatal(err)
		}
		for from, to := range map[string]string{"us": "eu", "eu": "us"} {
			eventually(t, from+" has lost "+to, func() bool {
				_, err := conns[from].Request("in."+to, nil, 50*time.Millisecond)
				return errors.Is(err, nats.ErrNoResponders)
			})
			reachable(t, conns[from], "in.ap", "ap")
			reachable(t, conns["ap"], "in."+from, from)
		}
		// The servers' next tries must not get through: watch for more than
		// the second they wait between them.
		ctx, cancel := context.WithTimeout(context.Background(), 1300*time.Millisecond)
		err := u.WaitMesh(ctx)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("mesh with a cut: want context.DeadlineExceeded, have %v", err)
		}
		if _, err := conns["us"].Request("in.eu", nil, 50*time.Millisecond); err == nil {
			t.Error("a request got over the cut link")
		}
		if err := u.Restore("eu", "us"); err != nil {
			t.Fatal(err)
		}
		if err := u.WaitMesh(within(t, 15*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	reachable(t, conns["us"], "in.eu", "eu")
	dialled(t, u)
	if err := u.Cut("us", "mars"); !errors.Is(err, ErrUnknownRegion) {
		t.Errorf("cut of an unknown region: want ErrUnknownRegion, have %v", err)
	}
}

// TestUnknownGateway lets a stranger join, who is refused.
func TestUnknownGateway(t *testing.T) {
	var log logBook
	u := startSuper(t, SuperOptions{Regions: []string{"us", "eu"}, Log: log.logger()})
	stranger := start(t, Options{Port: -1, Region: "mars", GatewayPort: -1, Gateways: []RemoteGateway{
		{Region: "us", URLs: []string{"nats://" + u.proxies["us"].Addr()}},
	}})
	answer(t, connect(t, stranger), "in.mars", "mars")
	eventually(t, "the stranger is refused", func() bool { return log.has(`Rejecting connection from gateway \"mars\"`) })
	_, in, err := u.Server("us").sees()
	if err != nil || in["mars"] {
		t.Errorf("want mars refused, have %v, %v", in, err)
	}
}

// TestSuperPorts gives region i the port BasePort+i.
func TestSuperPorts(t *testing.T) {
	// A run of free ports cannot be reserved; another process may be faster.
	for range 20 {
		probe := start(t, Options{Port: -1})
		base := portOf(t, probe.ClientURL())
		shutdown(t, probe)
		u, err := StartSuper(SuperOptions{Regions: []string{"us", "eu"}, BasePort: base})
		if errors.Is(err, ErrPortInUse) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, region := range u.Regions() {
			if want := fmt.Sprintf(":%d", base+i); !strings.HasSuffix(u.Server(region).ClientURL(), want) {
				t.Errorf("%s: want port %s, have %s", region, want, u.Server(region).ClientURL())
			}
		}
		shutdown(t, u)
		return
	}
	t.Fatal("no two free ports in a row")
}

// TestOneRegion needs no gateway.
func TestOneRegion(t *testing.T) {
	u := startSuper(t, SuperOptions{Regions: []string{"us"}})
	if u.Server("us").GatewayAddr() != "" || u.Server("eu") != nil {
		t.Error("want one server without a gateway")
	}
}

// TestSuperShutdown leaves no goroutine, also with a link cut, and also when the
// mesh has not come up.
func TestSuperShutdown(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, wait := range []bool{true, false} {
		u, err := StartSuper(SuperOptions{Regions: []string{"us", "eu", "ap"}, WAN: 200 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		if wait {
			if err := u.WaitMesh(within(t, 15*time.Second)); err != nil {
				t.Fatal(err)
			}
			if err := u.Cut("us", "eu"); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			shutdown(t, u)
		}
		eventually(t, "all goroutines have ended", func() bool { return runtime.NumGoroutine() <= before })
	}
}

func TestGatewayOf(t *testing.T) {
	for _, test := range []struct {
		head, label string
		ok          bool
	}{
		{"", "", false},
		{`CONNECT {"gateway":"eu"}`, "", false},
		{"CONNECT {\"gateway\":\"eu\",\"later\":[1]}\r\nINFO {", "eu", true},
		{"CONNECT {\"user\":\"eu\"}\r\n", "", true},
		{"CONNECT nonsense\r\n", "", true},
		{"PING\r\n", "", true},
	} {
		label, ok := gatewayOf([]byte(test.head))
		if label != test.label || ok != test.ok {
			t.Errorf("%q: want %q %v, have %q %v", test.head, test.label, test.ok, label, ok)
		}
	}
}

// TestMeshIsFast holds the mesh below the second that nats-server waits by
// default.
func TestMeshIsFast(t *testing.T) {
	began := time.Now()
	startSuper(t, SuperOptions{Regions: []string{"us", "eu", "ap"}})
	if took := time.Since(began); took >= time.Second {
		t.Errorf("mesh took %s, nats-server %s waits 1 s by default", took, server.VERSION)
	}
}

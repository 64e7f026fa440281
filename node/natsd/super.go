package natsd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// solicitDelay is how long a gateway waits before it connects to the others.
// nats-server waits 1 s, so that a cluster's members can find each other first;
// here each cluster is one server. See StartSuper.
const solicitDelay = time.Millisecond

// meshPoll is how often WaitMesh looks.
const meshPoll = 2 * time.Millisecond

// SuperOptions say what a supercluster in one process is like.
type SuperOptions struct {
	// Regions are the names of the regions, at least one, each once.
	Regions []string

	// Host is the address that clients connect to. Gateways and proxies are on
	// 127.0.0.1 whatever it is. Default: 127.0.0.1.
	Host string

	// BasePort is the client port of the first region; the others follow.
	// Default (also -1): free ports.
	BasePort int

	// WAN is how long a round trip between any two regions takes at least;
	// half of it is on the way there. Default: none.
	WAN time.Duration

	// Buffer is how many bytes may be on their way at once, for each direction
	// of each link. It limits the bandwidth to 2·Buffer/WAN. Default: 16 MiB.
	Buffer int

	// MaxPayload is the largest message in bytes. Default: 1 MiB.
	MaxPayload int

	// ReadyTimeout bounds the start of each server. Default: 10 s.
	ReadyTimeout time.Duration

	// Log takes what the servers say. nil discards.
	Log *slog.Logger
}

// Super is a NATS supercluster in this process, one server per region. It is
// safe for concurrent use.
//
// Every region has one proxy, which is the only way to its gateway: all others
// are configured with it, and it is what the server advertises, so what regions
// tell each other about third ones never leads past it. A proxy knows its
// connections apart by the gateway name in the CONNECT that the dialing server
// sends first.
type Super struct {
	regions []string
	servers map[string]*Server
	proxies map[string]*Proxy // by the region they lead to
}

// StartSuper starts all servers and returns when clients can connect. The
// gateways are then still connecting; see WaitMesh. After an error nothing is
// left running.
//
// A mesh takes about 1.1 s with nats-server as it is, of which 1 s is a delay
// before gateways connect. No option shortens it, only a variable of the whole
// process, which StartSuper sets to 1 ms and leaves so. It has no effect but on
// gateway servers that this process starts from then on. The mesh then stands
// after about one WAN round trip and a few milliseconds.
func StartSuper(o SuperOptions) (*Super, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	server.SetGatewaysSolicitDelay(solicitDelay)
	u := &Super{regions: slices.Clone(o.Regions), servers: map[string]*Server{}, proxies: map[string]*Proxy{}}
	if err := u.start(o); err != nil {
		_ = u.Shutdown(context.Background())
		return nil, err
	}
	return u, nil
}

func (o SuperOptions) validate() error {
	if len(o.Regions) == 0 {
		return errors.New("nats supercluster: no region; name at least one")
	}
	for i, r := range o.Regions {
		if r == "" || strings.ContainsAny(r, " \t\r\n") || slices.Contains(o.Regions[:i], r) {
			return fmt.Errorf("nats supercluster: region %q is empty, has a space or is named twice", r)
		}
	}
	if o.WAN < 0 {
		return fmt.Errorf("nats supercluster: WAN of %s is negative", o.WAN)
	}
	return nil
}

// start brings up the proxies first, so that every server can be told of all.
func (u *Super) start(o SuperOptions) error {
	for _, region := range u.regions {
		p, err := NewProxy(ProxyConfig{Delay: (o.WAN + 1) / 2, Buffer: o.Buffer, Identify: gatewayOf})
		if err != nil {
			return err
		}
		u.proxies[region] = p
	}
	for i, region := range u.regions {
		so := Options{
			Name: region + "-nats", Region: region, Host: o.Host, Port: -1,
			MaxPayload: o.MaxPayload, ReadyTimeout: o.ReadyTimeout, Log: o.Log,
		}
		if o.BasePort > 0 {
			so.Port = o.BasePort + i
		}
		if len(u.regions) > 1 {
			so.GatewayHost, so.GatewayPort = defaultHost, -1
			so.GatewayAdvertise = u.proxies[region].Addr()
			so.RejectUnknownGateways = true
			so.Gateways = u.remotes(region)
		}
		s, err := Start(so)
		if err != nil {
			return fmt.Errorf("region %s: %w", region, err)
		}
		u.servers[region] = s
		if addr := s.GatewayAddr(); addr != "" {
			u.proxies[region].SetTarget(addr)
		}
	}
	return nil
}

// remotes returns the gateways that region connects to, all by their proxies.
func (u *Super) remotes(region string) []RemoteGateway {
	var remotes []RemoteGateway
	for _, other := range u.regions {
		if other != region {
			remotes = append(remotes, RemoteGateway{Region: other, URLs: []string{"nats://" + u.proxies[other].Addr()}})
		}
	}
	return remotes
}

// gatewayOf finds the dialing gateway's name in its CONNECT line.
func gatewayOf(head []byte) (label string, ok bool) {
	line, _, ok := bytes.Cut(head, []byte("\r\n"))
	if !ok {
		return "", false
	}
	var connect struct {
		Gateway string `json:"gateway"`
	}
	arg, ok := bytes.CutPrefix(line, []byte("CONNECT "))
	if !ok || json.Unmarshal(arg, &connect) != nil {
		return "", true // No gateway; the server refuses it.
	}
	return connect.Gateway, true
}

// Regions returns the names of the regions, in the order given.
func (u *Super) Regions() []string { return slices.Clone(u.regions) }

// Server returns the server of a region, or nil if there is no such region.
func (u *Super) Server(region string) *Server { return u.servers[region] }

// WaitMesh returns when every region's gateway is connected to every other in
// both directions. A subscription made in one region is known in another half a
// WAN round trip later. When ctx ends first, the error names what is missing.
func (u *Super) WaitMesh(ctx context.Context) error {
	tick := time.NewTicker(meshPoll)
	defer tick.Stop()
	for {
		missing, err := u.missing()
		if err != nil || missing == "" {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("nats supercluster: %s: %w", missing, ctx.Err())
		}
	}
}

// missing names the first pair of regions that are not connected, or "".
func (u *Super) missing() (string, error) {
	for _, a := range u.regions {
		if len(u.regions) == 1 {
			break
		}
		out, in, err := u.servers[a].sees()
		if err != nil {
			return "", err
		}
		for _, b := range u.regions {
			switch {
			case b == a:
			case !out[b]:
				return fmt.Sprintf("%s has not connected to %s", a, b), nil
			case !in[b]:
				return fmt.Sprintf("%s has not heard from %s", a, b), nil
			}
		}
	}
	return "", nil
}

// Cut breaks the link between two regions in both directions, with what is on
// its way, until Restore. The servers notice at once and try again about every
// second; each try is ended before it means anything.
func (u *Super) Cut(a, b string) error {
	return u.onLink(a, b, (*Proxy).Cut)
}

// Restore lets a cut link come up again, which takes until the servers' next
// try, about a second, and one WAN round trip. See WaitMesh.
func (u *Super) Restore(a, b string) error {
	return u.onLink(a, b, (*Proxy).Restore)
}

func (u *Super) onLink(a, b string, do func(*Proxy, string)) error {
	for _, region := range []string{a, b} {
		if u.proxies[region] == nil {
			return fmt.Errorf("nats supercluster: %q, there are %s: %w", region, strings.Join(u.regions, ", "), ErrUnknownRegion)
		}
	}
	do(u.proxies[a], b)
	do(u.proxies[b], a)
	return nil
}

// Shutdown stops all servers and proxies and waits for them. When ctx ends
// first it returns its error and the servers stop by themselves. It may be
// called again.
func (u *Super) Shutdown(ctx context.Context) error {
	var wg sync.WaitGroup
	errs := make([]error, len(u.regions))
	for i, region := range u.regions {
		if s := u.servers[region]; s != nil {
			wg.Go(func() { errs[i] = s.Shutdown(ctx) })
		}
	}
	wg.Wait()
	for _, region := range u.regions {
		if p := u.proxies[region]; p != nil {
			errs = append(errs, p.Close())
		}
	}
	return errors.Join(errs...)
}

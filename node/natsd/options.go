package natsd

import (
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Defaults of Options.
const (
	defaultHost         = "127.0.0.1"
	defaultReadyTimeout = 10 * time.Second
)

// RemoteGateway names a region elsewhere and where its gateways are.
type RemoteGateway struct {
	Region string   // the remote gateway's name
	URLs   []string // such as nats://host:7222; at least one
}

// Options say what one embedded server does. The zero value listens on
// 127.0.0.1:4222. Where a ConfigFile is given, a zero field leaves what the
// file says.
type Options struct {
	// Name is the server's name, unique in its system. Default: made up by
	// nats-server.
	Name string

	// Region is the name of the NATS cluster and of the gateway; clients see
	// it as the cluster they are connected to. It has no spaces. Default: none.
	Region string

	// Host is the address that clients connect to. Default: 127.0.0.1, so
	// nothing outside this machine can connect unless it is said.
	Host string

	// Port is the port that clients connect to; -1 takes a free one.
	// Default: 4222.
	Port int

	// GatewayHost is the address that other regions connect to. Default: Host.
	GatewayHost string

	// GatewayPort is the port that other regions connect to; -1 takes a free
	// one. Default: 0, no gateway.
	GatewayPort int

	// GatewayAdvertise is the host:port that other regions are told to
	// connect to, where that differs. Default: where the gateway listens.
	GatewayAdvertise string

	// Gateways are the regions to connect to. They need GatewayPort.
	Gateways []RemoteGateway

	// RejectUnknownGateways refuses regions not listed in Gateways, also those
	// learnt from others.
	RejectUnknownGateways bool

	// ConfigFile is the path of a nats-server configuration that these options
	// are laid over. What it says about logging, signals and the process is not
	// used. Default: none.
	ConfigFile string

	// MaxPayload is the largest message in bytes. More costs memory for each
	// client that is slow, and delays what waits behind. Default: nats-server's
	// own, 1 MiB.
	MaxPayload int

	// ReadyTimeout bounds the start. Default: 10 s.
	ReadyTimeout time.Duration

	// Log takes what the server says. Its notices come as debug lines. nil
	// discards.
	Log *slog.Logger
}

// Validate reports the first option that cannot be worked with.
func (o Options) Validate() error {
	switch {
	case strings.ContainsAny(o.Name, " \t\r\n"), strings.ContainsAny(o.Region, " \t\r\n"):
		return fmt.Errorf("nats server: name %q or region %q has a space", o.Name, o.Region)
	case o.Port < -1 || o.Port > 65535:
		return fmt.Errorf("nats server: port %d is not in -1..65535", o.Port)
	case o.GatewayPort < -1 || o.GatewayPort > 65535:
		return fmt.Errorf("nats server: gateway port %d is not in -1..65535", o.GatewayPort)
	case o.GatewayPort != 0 && o.Region == "" && o.ConfigFile == "":
		return fmt.Errorf("nats server: a gateway needs a region")
	case o.GatewayPort == 0 && len(o.Gateways) > 0 && o.ConfigFile == "":
		return fmt.Errorf("nats server: gateways to other regions need a gateway port (-1 for any)")
	case o.MaxPayload < 0 || o.MaxPayload > server.MAX_PENDING_SIZE:
		return fmt.Errorf("nats server: max payload of %d bytes is not in 0..%d", o.MaxPayload, server.MAX_PENDING_SIZE)
	case o.ReadyTimeout < 0:
		return fmt.Errorf("nats server: ready timeout %s is negative", o.ReadyTimeout)
	}
	return nil
}

// serverOptions translates o for nats-server.
func (o Options) serverOptions() (*server.Options, error) {
	so := &server.Options{}
	if o.ConfigFile != "" {
		var err error
		if so, err = server.ProcessConfigFile(o.ConfigFile); err != nil {
			return nil, fmt.Errorf("nats server: config file %s: %w", o.ConfigFile, err)
		}
	}
	so.NoSigs = true
	override(&so.ServerName, o.Name)
	override(&so.Host, o.Host)
	override(&so.Port, o.Port)
	override(&so.MaxPayload, int32(o.MaxPayload))
	if so.Host == "" {
		so.Host = defaultHost
	}
	// The default takes 4 to 6 minutes to notice that a node's process is frozen, and
	// gives it its share of all requests until then.
	if so.PingInterval == 0 {
		so.PingInterval = pingInterval
	}
	if so.MaxPingsOut == 0 {
		so.MaxPingsOut = pingsLost
	}
	if o.Region != "" {
		so.Cluster.Name = o.Region
	}
	if err := o.gatewayOptions(&so.Gateway, so.Host); err != nil {
		return nil, err
	}
	return so, nil
}

// gatewayOptions lays the gateway part of o over g.
func (o Options) gatewayOptions(g *server.GatewayOpts, host string) error {
	override(&g.Port, o.GatewayPort)
	if g.Port == 0 {
		return nil // No gateway: neither here nor in the file.
	}
	override(&g.Name, o.Region)
	override(&g.Host, o.GatewayHost)
	override(&g.Advertise, o.GatewayAdvertise)
	if g.Host == "" {
		g.Host = host
	}
	if o.RejectUnknownGateways {
		g.RejectUnknown = true
	}
	for _, r := range o.Gateways {
		remote := &server.RemoteGatewayOpts{Name: r.Region}
		for _, s := range r.URLs {
			u, err := url.Parse(s)
			if err != nil || u.Host == "" {
				return fmt.Errorf("nats server: gateway %s: %q is no URL such as nats://host:7222", r.Region, s)
			}
			remote.URLs = append(remote.URLs, u)
		}
		g.Gateways = append(g.Gateways, remote)
	}
	return nil
}

// override sets *field unless value is the zero value.
func override[T comparable](field *T, value T) {
	var zero T
	if value != zero {
		*field = value
	}
}

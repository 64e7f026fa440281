package cli

import (
	"context"
	"log/slog"
	"net"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/urfave/cli/v2"

	"github.com/atollcache/atoll/node/natsd"
)

func serverFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "nats", Usage: "`URL` of a NATS server to use instead of an own one"},
		&cli.StringFlag{Name: "nats-listen", Usage: "`HOST:PORT` of the own NATS server, port 0 for any", Value: "127.0.0.1:4222"},
		&cli.StringFlag{Name: "nats-config", Usage: "nats-server configuration `FILE` for the own server"},
		&cli.StringFlag{Name: "gateway-listen", Usage: "`HOST:PORT` at which other regions reach the own server"},
		&cli.StringSliceFlag{Name: "gateway", Usage: "another region, `NAME=URL`; once for each"},
	}
}

// attach connects to the NATS server that --nats names, or to one that it starts.
func (c *call) attach(ctx context.Context, region, name string, log *slog.Logger) (*natsd.Conns, string, func(), error) {
	opts := natsd.LogOptions(log)
	if url := c.String("nats"); url != "" {
		for _, f := range []string{"nats-listen", "nats-config", "gateway-listen", "gateway"} {
			if c.IsSet(f) {
				return nil, "", nil, usagef("--%s is for an own NATS server, --nats names another", f)
			}
		}
		e, err := newEndpoint(c.Context)
		if err != nil {
			return nil, "", nil, err
		}
		e.url = url
		dial := func(opts ...nats.Option) (*nats.Conn, error) { return e.connect(ctx, maxDial, opts...) }
		conns, err := natsd.ConnectNode(name, dial, opts...)
		if err != nil {
			return nil, "", nil, err
		}
		return conns, conns.Data.ConnectedUrlRedacted(), conns.Close, nil
	}
	o, err := serverOptions(c, region, log)
	if err != nil {
		return nil, "", nil, err
	}
	server, err := natsd.Start(o)
	if err != nil {
		return nil, "", nil, startFailure(err)
	}
	stop := func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopWait)
		defer cancel()
		_ = server.Shutdown(ctx) // What does not end now ends with the process.
	}
	conns, err := natsd.ConnectNode(name, server.Connect, opts...)
	if err != nil {
		stop()
		return nil, "", nil, err
	}
	return conns, server.ClientURL(), func() { conns.Close(); stop() }, nil
}

// serverOptions turns flags into those of an embedded NATS server. With a
// configuration file, what is not given is left to it.
func serverOptions(c *call, name string, log *slog.Logger) (natsd.Options, error) {
	o := natsd.Options{Region: name, ConfigFile: c.String("nats-config"), Log: log}
	var err error
	if o.ConfigFile == "" || c.IsSet("nats-listen") {
		if o.Host, o.Port, err = hostPort("nats-listen", c.String("nats-listen")); err != nil {
			return o, err
		}
	}
	if c.IsSet("gateway-listen") {
		if o.GatewayHost, o.GatewayPort, err = hostPort("gateway-listen", c.String("gateway-listen")); err != nil {
			return o, err
		}
	}
	for _, g := range c.StringSlice("gateway") {
		remote, url, ok := strings.Cut(g, "=")
		if !ok || remote == "" || url == "" {
			return o, usagef("--gateway is %q", g).withHint("use a region and where it is, such as us=nats://us-1:7222")
		}
		o.Gateways = append(o.Gateways, natsd.RemoteGateway{Region: remote, URLs: []string{url}})
	}
	if len(o.Gateways) > 0 && o.GatewayPort == 0 && o.ConfigFile == "" {
		return o, usagef("--gateway needs --gateway-listen").withHint("other regions connect back to it, such as --gateway-listen 0.0.0.0:7222")
	}
	if err := o.Validate(); err != nil {
		return o, usagef("%w", err)
	}
	return o, nil
}

// hostPort reads an address to listen at. An empty host means all interfaces,
// port 0 any port.
func hostPort(flag, s string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(s)
	if err == nil {
		port, err = strconv.Atoi(text)
	}
	if err != nil || port < 0 || port > 65535 {
		return "", 0, usagef("--%s is %q", flag, s).withHint("use a host and a port, such as 127.0.0.1:4222 or 0.0.0.0:4222")
	}
	if host == "" {
		host = "0.0.0.0"
	}
	if port == 0 {
		port = -1
	}
	return host, port, nil
}

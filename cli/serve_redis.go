package cli

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/node/resp"
)

func redisFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "resp-addr", EnvVars: []string{"ATOLL_RESP_ADDR"}, Usage: "`HOST:PORT` for Redis clients, port 0 for any; none without it"},
		&cli.StringFlag{Name: "resp-advertise", Usage: "`HOST:PORT` at which cluster clients are told to find the node"},
		&cli.StringFlag{Name: "resp-mode", Usage: "`MODE` that Redis clients are told: standalone, cluster or sentinel", Value: "standalone"},
		&cli.StringFlag{Name: "resp-password", EnvVars: []string{"ATOLL_RESP_PASSWORD"}, Usage: "`PASSWORD` of Redis clients"},
		&cli.StringSliceFlag{Name: "resp-user", Usage: "a user as ACL SETUSER takes it, `RULES` with spaces; once for each"},
		&cli.IntFlag{Name: "resp-max-clients", Usage: "`N` Redis clients at most", Value: 10_000},
		&cli.DurationFlag{Name: "resp-timeout", Usage: "`DURATION` after which a Redis client that sends nothing is cut off; 0 for never"},
		&cli.StringFlag{Name: "resp-tls-cert", Usage: "certificate `FILE` for Redis clients"},
		&cli.StringFlag{Name: "resp-tls-key", Usage: "key `FILE` of that certificate"},
		&cli.StringFlag{Name: "resp-tls-ca", Usage: "`FILE` of who signs clients' certificates, which are then needed"},
	}
}

// webConfig listens for HTTP where the flag says, nil without it.
func (c *call) webConfig() (*webServer, error) {
	addr := c.String("http-addr")
	if addr == "" {
		return nil, nil
	}
	if _, _, err := hostPort("http-addr", addr); err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, listenFailure(err)
	}
	return newWebServer(ln), nil
}

// redisConfig turns flags into the front door for Redis clients, and listens there.
func (c *call) redisConfig() (node.RedisConfig, error) {
	var cfg node.RedisConfig
	addr := c.String("resp-addr")
	if addr == "" {
		for _, f := range redisFlags() {
			if name := f.Names()[0]; c.IsSet(name) {
				return cfg, usagef("--%s is for Redis clients: --resp-addr says where they come", name)
			}
		}
		return cfg, nil
	}
	if _, _, err := hostPort("resp-addr", addr); err != nil {
		return cfg, err
	}
	cfg.Advertise = c.String("resp-advertise")
	cfg.Server = resp.Config{
		Password: c.String("resp-password"), MaxClients: c.Int("resp-max-clients"), IdleTimeout: c.Duration("resp-timeout"), Build: version().Version,
	}
	switch mode := c.String("resp-mode"); mode {
	case "standalone":
	case "cluster":
		cfg.Server.ClusterMode = true
	case "sentinel":
		cfg.Server.SentinelMode = true
	default:
		return cfg, usagef("--resp-mode is %q", mode).withHint("use standalone, cluster or sentinel")
	}
	for _, u := range c.StringSlice("resp-user") {
		cfg.Server.Users = append(cfg.Server.Users, strings.Fields(u))
	}
	var err error
	if cfg.Server.TLS, err = c.redisTLS(); err != nil {
		return cfg, err
	}
	if err := cfg.Server.Validate(); err != nil {
		return cfg, usagef("%w", err)
	}
	cfg.Listener, err = net.Listen("tcp", addr)
	return cfg, listenFailure(err)
}

// listenFailure says what to do about an address that cannot be listened at.
func listenFailure(err error) error {
	if err == nil {
		return nil
	}
	f := &failure{code: exitUnreachable, err: err}
	if errors.Is(err, syscall.EADDRINUSE) {
		return f.withHint("another server listens there: stop it, or choose another port")
	}
	return f
}

// redisTLS reads the files that TLS needs, nil when none is named.
func (c *call) redisTLS() (*tls.Config, error) {
	cert, key, ca := c.String("resp-tls-cert"), c.String("resp-tls-key"), c.String("resp-tls-ca")
	if cert == "" && key == "" && ca == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, usagef("--resp-tls-cert and --resp-tls-key: %w", err)
	}
	cfg := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if ca == "" {
		return cfg, nil
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, usagef("--resp-tls-ca: %w", err)
	}
	cfg.ClientCAs = x509.NewCertPool()
	if !cfg.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, usagef("--resp-tls-ca: %s has no certificate", ca)
	}
	cfg.ClientAuth = tls.RequireAndVerifyClientCert
	return cfg, nil
}

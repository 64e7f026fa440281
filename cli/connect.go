package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/urfave/cli/v2"
)

// maxDial bounds the wait for one server; --timeout may be shorter.
const maxDial = 2 * time.Second

// endpoint is where and how to reach NATS.
type endpoint struct {
	url     string
	context string // the name of the context used, for messages
	opts    []nats.Option
}

// newEndpoint reads the connection flags: a flag beats its environment variable,
// that beats the context, that beats the default.
func newEndpoint(c *cli.Context) (endpoint, error) {
	nc, err := readContext(c.String("context"))
	if err != nil {
		return endpoint{}, err
	}
	for flag, field := range map[string]*string{
		"server": &nc.URL, "creds": &nc.Creds, "nkey": &nc.NKey, "user": &nc.User, "password": &nc.Password,
		"token": &nc.Token, "tlscert": &nc.Cert, "tlskey": &nc.Key, "tlsca": &nc.CA,
	} {
		if given := c.String(flag); given != "" {
			*field = given
		}
	}
	e := endpoint{url: nc.URL, context: nc.name}
	if e.url == "" {
		e.url = defaultServer
	}
	e.opts, err = nc.options()
	return e, err
}

// options translates a context for nats.go.
func (c natsContext) options() ([]nats.Option, error) {
	for _, path := range []string{c.Creds, c.NKey, c.Cert, c.Key, c.CA} {
		if path == "" {
			continue
		}
		if _, err := os.Stat(path); err != nil {
			return nil, usagef("connection: %w", err).withHint("check --creds, --nkey, --tlscert, --tlskey and --tlsca, or the context")
		}
	}
	if (c.Cert == "") != (c.Key == "") {
		return nil, usagef("a TLS client certificate needs its key").withHint("give --tlscert and --tlskey together")
	}
	var opts []nats.Option
	add := func(on bool, o func() nats.Option) {
		if on {
			opts = append(opts, o())
		}
	}
	add(c.Creds != "", func() nats.Option { return nats.UserCredentials(c.Creds) })
	add(c.User != "" && c.Password == "" && c.Token == "", func() nats.Option { return nats.Token(c.User) })
	add(c.User != "" && c.Password != "", func() nats.Option { return nats.UserInfo(c.User, c.Password) })
	add(c.Token != "", func() nats.Option { return nats.Token(c.Token) })
	add(c.Cert != "", func() nats.Option { return nats.ClientCert(c.Cert, c.Key) })
	add(c.CA != "", func() nats.Option { return nats.RootCAs(c.CA) })
	add(c.TLSFirst, nats.TLSHandshakeFirst)
	add(c.InboxPrefix != "", func() nats.Option { return nats.CustomInboxPrefix(c.InboxPrefix) })
	if c.NKey != "" {
		o, err := nats.NkeyOptionFromSeed(c.NKey)
		if err != nil {
			return nil, usagef("nkey %s: %w", c.NKey, err)
		}
		opts = append(opts, o)
	}
	return opts, nil
}

// connect opens a connection under a name that reads well in
// `nats server report connections`. It blocks for at most timeout for each URL.
func (e endpoint) connect(ctx context.Context, timeout time.Duration, extra ...nats.Option) (*nats.Conn, error) {
	host, _ := os.Hostname()
	opts := append([]nats.Option{
		nats.Name(fmt.Sprintf("atoll CLI %s on %s (%s)", version().Version, host, runtime.GOOS)),
		nats.Timeout(min(timeout, maxDial)),
		nats.ReconnectWait(100 * time.Millisecond),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // Replies tell.
	}, e.opts...)
	type result struct {
		nc  *nats.Conn
		err error
	}
	done := make(chan result, 1)
	go func() {
		nc, err := nats.Connect(e.url, append(opts, extra...)...)
		done <- result{nc, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return nil, e.explain(r.err)
		}
		return r.nc, nil
	case <-ctx.Done():
		go func() { // nats.Connect takes no context; what it still brings is closed.
			if r := <-done; r.nc != nil {
				r.nc.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

// explain says what to do about an error of connecting.
func (e endpoint) explain(err error) error {
	where := "NATS at " + e.url
	if e.context != "" {
		where += fmt.Sprintf(" (context %q)", e.context)
	}
	f := &failure{code: exitUnreachable, err: fmt.Errorf("cannot reach %s: %w", where, err)}
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked):
		return f.withHint("the server wants other credentials: --creds, --nkey, --user and --password, --token, or --context")
	case errors.Is(err, nats.ErrSecureConnWanted), errors.Is(err, nats.ErrSecureConnRequired):
		return f.withHint("TLS is on at one end only: try tls:// in --server, or give --tlsca")
	}
	return f.withHint("`atoll dev` starts a local cluster; --server or NATS_URL names another")
}

package cli

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/urfave/cli/v2"

	"github.com/atollcache/atoll/node/client"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/region"
)

// maxDiscover bounds the wait for a first node to answer; --timeout may be
// shorter.
const maxDiscover = 2 * time.Second

// The groups of commands, in the order of the help.
const (
	groupData  = "DATA"
	groupSee   = "SEE"
	groupRun   = "RUN"
	groupSetup = "SETUP"
)

// unbounded is the most arguments of a command that takes as many as are given.
const unbounded = -1

// verb describes one command.
type verb struct {
	name     string
	group    string
	args     string // what it takes: "KEY [FIELD...]"
	min, max int    // how many arguments
	brief    string // what it does, in the list of commands
	about    string // what else there is to know
	examples []string
	flags    []cli.Flag
	local    bool // it talks to no cluster
	long     bool // --timeout bounds each request, not the command
	subs     []verb
	run      func(ctx context.Context, c *call) error
}

// call is one run of a command.
type call struct {
	*terminal
	*cli.Context
	args   []string
	closes []func() // in the order of opening
}

// command returns the verb for urfave/cli.
func (v verb) command(t *terminal) *cli.Command {
	c := &cli.Command{
		Name: v.name, Category: v.group, Usage: v.brief, ArgsUsage: v.args, Description: v.about,
		UsageText: examplesText(v.examples), Flags: v.flags, HideHelp: true, HideHelpCommand: true,
		OnUsageError: usageError,
	}
	if len(v.subs) > 0 {
		for _, s := range v.subs {
			c.Subcommands = append(c.Subcommands, s.command(t))
		}
		return c
	}
	if v.local {
		c.Flags = append(c.Flags, outputFlags()...)
	} else {
		c.Flags = append(c.Flags, clientFlags()...)
	}
	c.Action = func(ctx *cli.Context) error { return v.action(t, ctx) }
	return c
}

func (v verb) action(t *terminal, c *cli.Context) error {
	t.configure(c.Bool("json"), c.Bool("no-color"))
	k := &call{terminal: t, Context: c, args: c.Args().Slice()}
	if n := len(k.args); n < v.min || v.max != unbounded && n > v.max {
		return v.misused(n)
	}
	if !v.local && c.Duration("timeout") <= 0 {
		return usagef("--timeout is %s; it must be more than 0", c.Duration("timeout"))
	}
	defer k.close()
	ctx := c.Context
	if !v.local && !v.long {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, k.timeout())
		defer cancel()
	}
	return v.run(ctx, k)
}

// misused is the error of a wrong number of arguments.
func (v verb) misused(n int) *failure {
	wants := "no argument"
	if v.args != "" {
		wants = v.args
	}
	f := usagef("atoll %s takes %s, not %d arguments", v.name, wants, n)
	if n == 1 {
		f = usagef("atoll %s takes %s, not 1 argument", v.name, wants)
	}
	if len(v.examples) > 0 {
		return f.withHint("for example `%s`", exampleCommand(v.examples[0]))
	}
	return f.withHint("`atoll %s --help` says more", v.name)
}

// connect reaches a cluster. The connection is closed after the command.
func (c *call) connect(ctx context.Context) (*command.API, error) {
	e, err := newEndpoint(c.Context)
	if err != nil {
		return nil, err
	}
	nc, err := e.connect(ctx, c.timeout())
	if err != nil {
		return nil, err
	}
	c.closes = append(c.closes, nc.Close)
	return c.client(ctx, nc)
}

// cluster returns the cluster's name. An empty environment variable counts as
// none.
func (c *call) cluster() string { return cmp.Or(c.String("cluster"), defaultCluster) }

func (c *call) timeout() time.Duration { return c.Duration("timeout") }

// client looks for a node of the cluster, and of the region if one is named.
func (c *call) client(ctx context.Context, nc *nats.Conn) (*command.API, error) {
	cl, err := c.newClient(ctx, nc)
	if err != nil {
		return nil, err
	}
	return cl.API, nil
}

func (c *call) newClient(ctx context.Context, nc *nats.Conn) (*client.Client, error) {
	cfg := client.Config{Cluster: c.cluster(), Region: c.String("region"), Discover: min(c.timeout(), maxDiscover), Timeout: c.timeout()}
	if end, ok := ctx.Deadline(); ok {
		cfg.Discover = min(cfg.Discover, max(time.Until(end), time.Millisecond))
	}
	cl, err := client.New(nc, client.WithConfig(cfg))
	switch {
	case errors.Is(err, region.ErrName):
		return nil, usagef("%w", err).withHint("check --cluster and --region")
	case errors.Is(err, client.ErrNotFound):
		return nil, noNode(err)
	case err != nil:
		return nil, err
	}
	c.closes = append(c.closes, func() { _ = cl.Close() }) // It has nothing to lose any more.
	return cl, nil
}

func (c *call) close() {
	for _, f := range slices.Backward(c.closes) {
		f()
	}
}

func usageError(_ *cli.Context, err error, _ bool) error { return usagef("%w", err) }

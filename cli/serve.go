package cli

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/region"
)

func serveVerb() verb {
	return verb{
		name: "serve", group: groupRun, brief: "run one node",
		examples: []string{
			"atoll serve --region eu --name eu-1 --cluster prod                 with its own NATS server",
			"atoll serve --region eu --name eu-2 --cluster prod --nats nats://eu-1:4222",
			"atoll serve --region eu --name eu-1 --resp-addr :6379              and any Redis client at port 6379",
			"atoll serve --region eu --name eu-1 --data-dir /var/lib/atoll       it starts again with what it had",
			"atoll serve --region eu --name eu-1 --gateway-listen :7222 --gateway us=nats://us-1:7222",
		},
		about: "It brings its own NATS server, unless --nats names another. SIGTERM and Ctrl-C make it leave:\n" +
			"what it wrote goes out first, and onto its disk. A second signal ends it at once. Exit code 3 if it cannot start\n" +
			"or does not end in time.",
		flags: slices.Concat(nodeFlags(), memoryFlags(), diskFlags("`DIR` that the node keeps its data in, its own; in memory only without it"),
			serverFlags(), redisFlags(), natsFlags()),
		local: true,
		run:   runServe,
	}
}

func nodeFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "region", Aliases: []string{"R"}, EnvVars: []string{"ATOLL_REGION"}, Usage: "`REGION` that the node is in"},
		&cli.StringFlag{Name: "name", Usage: "`NAME` of the node, unique in its region"},
		&cli.StringFlag{Name: "cluster", EnvVars: []string{"ATOLL_CLUSTER"}, Usage: "`NAME` of the cluster", Value: defaultCluster},
		&cli.StringFlag{Name: "zone", Usage: "`ZONE` that fails as one; copies go to different ones"},
		&cli.IntFlag{Name: "weight", Usage: "share of the partitions against the others', a `NUMBER`", Value: region.DefaultWeight},
		&cli.IntFlag{Name: "partitions", Usage: "`N` partitions, the same for the whole cluster and its life", Value: int(region.DefaultPartitions)},
		&cli.IntFlag{Name: "copies", Usage: "`N` nodes of the region that hold each partition", Value: region.DefaultCopies},
		&cli.DurationFlag{Name: "drain-timeout", Usage: "longest time to leave, a `DURATION`", Value: 30 * time.Second},
		&cli.StringFlag{Name: "http-addr", Usage: "`HOST:PORT` for health checks over HTTP, port 0 for any; none without it"},
		logFlag("info"),
	}
}

func runServe(ctx context.Context, c *call) error {
	log, err := c.logger()
	if err != nil {
		return err
	}
	cfg := nodeConfig(c, log)
	if err := required(c, "region", "name"); err != nil {
		return err
	}
	if cfg.Memory, err = c.memoryConfig(); err != nil {
		return err
	}
	if cfg.Redis, err = c.redisConfig(); err != nil {
		return err
	}
	if cfg.Disk, err = c.diskConfig(); err != nil {
		return err
	}
	doors := &localNode{redis: cfg.Redis.Listener}
	defer doors.closeDoors()
	if doors.web, err = c.webConfig(); err != nil {
		return err
	}
	conns, url, stop, err := c.attach(ctx, cfg.Region, cfg.Name, log)
	if err != nil {
		return err
	}
	defer stop()
	cfg.Conn, cfg.Control, cfg.Bulk = conns.Data, conns.Control, conns.Bulk
	n, err := node.Open(cfg)
	if err != nil {
		return openFailure(err)
	}
	doors.web.serve(n.Availability())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	select {
	case <-n.Ready():
		if err := c.served(cfg, url, doors.web.addr()); err != nil {
			return err
		}
	case err := <-done:
		return err
	}
	return waitLeave(ctx, done, c.Duration("drain-timeout"))
}

func (c *call) served(cfg node.Config, url, web string) error {
	if c.json {
		o := object{"cluster": cfg.Cluster, "region": cfg.Region, "node": cfg.Name, "nats": url, "ready": true}
		if ln := cfg.Redis.Listener; ln != nil {
			o["resp"] = ln.Addr().String()
		}
		if web != "" {
			o["http"] = web
		}
		return c.document(o)
	}
	c.printf("node %s of region %s, cluster %s, at %s\n", cfg.Name, cfg.Region, cfg.Cluster, url)
	if ln := cfg.Redis.Listener; ln != nil {
		c.printf("Redis clients at %s\n", ln.Addr())
	}
	if web != "" {
		c.printf("health checks at http://%s/v1/bdbs\n", web)
	}
	c.printf("ready\n")
	return nil
}

// waitLeave returns when the node has ended, which it has a bounded time for once
// it is told to.
func waitLeave(ctx context.Context, done <-chan error, limit time.Duration) error {
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(limit):
		return &failure{code: exitUnreachable, err: fmt.Errorf("the node has not left after %s", limit),
			hint: "what it wrote and had not sent is lost; --drain-timeout gives it longer"}
	}
}

// nodeConfig turns flags into a node's configuration.
func nodeConfig(c *call, log *slog.Logger) node.Config {
	return node.Config{
		Cluster: c.cluster(), Region: c.String("region"), Name: c.String("name"), Zone: c.String("zone"),
		Weight: c.Int("weight"), Partitions: region.Partitions(c.Int("partitions")), Copies: c.Int("copies"), Log: log,
	}
}

func required(c *call, flags ...string) error {
	for _, f := range flags {
		if c.String(f) == "" {
			return usagef("--%s is missing", f).withHint("for example `%s`", exampleCommand(serveVerb().examples[0]))
		}
	}
	return nil
}

package cli

import (
	"context"
	"net"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

func devVerb() verb {
	return verb{
		name: "dev", group: groupRun, brief: "run a whole cluster on this machine",
		examples: []string{
			"atoll dev                                    three regions, 80 ms apart",
			"atoll dev --nodes 2 --wan 200ms              two nodes each, further apart",
			"atoll dev --regions left,right --nats-port 0  two regions on free ports",
		},
		about: "Every region has its own NATS server; gateways join them through a proxy that delays.\n" +
			"The cluster is named dev and lives in memory, unless --data-dir keeps it. The last line says\n" +
			"ready; Ctrl-C stops it, twice ends it at once. Exit code 3 if a port is taken.",
		flags: append([]cli.Flag{
			&cli.StringFlag{Name: "regions", Usage: "`NAMES` of the regions, with commas", Value: "us,eu,ap"},
			&cli.IntFlag{Name: "nodes", Usage: "`N` nodes in each region", Value: 1},
			&cli.DurationFlag{Name: "wan", Usage: "round trip between two regions, a `DURATION`", Value: 80 * time.Millisecond},
			&cli.IntFlag{Name: "nats-port", Usage: "`PORT` of the first region's NATS, the others follow; 0 takes free ones", Value: 4222},
			&cli.IntFlag{Name: "resp-port", Usage: "`PORT` for Redis clients of the first node, node j of region i has 10·i+j more; 0 takes free ones", Value: 7000},
			&cli.IntFlag{Name: "http-port", Usage: "`PORT` for HTTP of the first node, others as with --resp-port", Value: 8000},
			logFlag("warn"),
		}, diskFlags("`DIR` in which each node keeps its data under its name; in memory only without it")...),
		local: true,
		run:   runDev,
	}
}

func runDev(ctx context.Context, c *call) error {
	log, err := c.logger()
	if err != nil {
		return err
	}
	o := localOptions{
		cluster: defaultCluster, regions: splitNames(c.String("regions")), nodes: c.Int("nodes"),
		wan: c.Duration("wan"), natsPort: c.Int("nats-port"), log: log,
		doors: &localDoors{resp: c.Int("resp-port"), http: c.Int("http-port")},
	}
	if o.natsPort == 0 { // Free ports were asked for.
		if !c.IsSet("resp-port") {
			o.doors.resp = 0
		}
		if !c.IsSet("http-port") {
			o.doors.http = 0
		}
	}
	if o.disk, err = c.diskConfig(); err != nil {
		return err
	}
	began := time.Now()
	l, err := startLocal(ctx, o)
	if err != nil {
		return err
	}
	defer l.close()
	if err := c.devReady(l, o, time.Since(began)); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		c.note("stopping")
		return nil
	case err := <-l.failed:
		return err
	}
}

func splitNames(s string) []string {
	var names []string
	for _, n := range strings.Split(s, ",") {
		if n = strings.TrimSpace(n); n != "" {
			names = append(names, n)
		}
	}
	return names
}

// devReady says where everything is and what to try.
func (c *call) devReady(l *local, o localOptions, took time.Duration) error {
	nodes, redis, web := map[string][]string{}, map[string][]string{}, map[string][]string{}
	for _, n := range l.nodes {
		nodes[n.Region()] = append(nodes[n.Region()], n.Name())
		redis[n.Region()] = append(redis[n.Region()], n.redis.Addr().String())
		web[n.Region()] = append(web[n.Region()], n.web.addr())
	}
	if c.json {
		var regions []object
		for _, r := range o.regions {
			regions = append(regions, object{"region": r, "nats": l.super.Server(r).ClientURL(), "nodes": nodes[r], "resp": redis[r], "http": web[r]})
		}
		return c.document(object{
			"cluster": o.cluster, "regions": regions, "wan_ms": o.wan.Milliseconds(), "started_ms": took.Milliseconds(), "ready": true,
		})
	}
	where := "in memory"
	if o.disk.Dir != "" {
		where = "in " + o.disk.Dir
	}
	c.printf("atoll %s: cluster %s %s, %s between regions, started in %s\n\n", version().Version, o.cluster, where, o.wan, short(took))
	tb := &table{header: []string{"REGION", "NATS", "NODES", "REDIS", "HTTP"}}
	for _, r := range o.regions {
		tb.add(r, l.super.Server(r).ClientURL(), strings.Join(nodes[r], " "), strings.Join(redis[r], " "), strings.Join(web[r], " "))
	}
	c.table(tb)
	first, last := o.regions[0], o.regions[len(o.regions)-1]
	at := func(r string) string { return " -s " + l.super.Server(r).ClientURL() }
	here := at(first)
	if l.super.Server(first).ClientURL() == defaultServer {
		here = ""
	}
	c.printf("\n%s\n", c.paint(bold, "Try"))
	c.pairs([][2]string{
		{"atoll set hello world" + here, "write in " + first},
		{"atoll get hello" + at(last), "read in " + last},
		{"atoll link pause" + here, "cut the regions off from each other; write on both sides"},
		{"atoll link resume" + here, "let them catch up"},
		{"atoll verify --wait 10s" + here, "they hold the same"},
		{"atoll inspect hello" + here, "and why"},
		{"redis-cli -p " + portOf(redis[last][0]) + " get hello", "with any Redis client"},
		{"nats req" + at(first) + " atoll." + o.cluster + "." + first + ".kv.get.hello ''", "without this program"},
	})
	c.printf("\nCtrl-C stops it.\nready\n")
	return nil
}

// portOf returns the port of an address.
func portOf(address string) string {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return port
}

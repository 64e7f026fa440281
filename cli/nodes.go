package cli

import (
	"context"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/atollcache/atoll/node/wire"
)

func nodesVerb() verb {
	return verb{
		name: "nodes", group: groupSee, brief: "say how the nodes do",
		examples: []string{
			"atoll nodes                    the nodes of all regions",
			"atoll nodes --only eu          of one region",
			"atoll nodes --json | jq '.nodes[].counters'",
		},
		about: "--region is the region that is asked; --only chooses what is shown.",
		flags: []cli.Flag{&cli.StringFlag{Name: "only", Usage: "only nodes of a `REGION`"}},
		run: func(ctx context.Context, c *call) error {
			api, err := c.connect(ctx)
			if err != nil {
				return err
			}
			all, err := api.Nodes(ctx)
			if err != nil {
				return err
			}
			nodes := []wire.NodeInfo{}
			for _, n := range all {
				if only := c.String("only"); only == "" || n.Region == only {
					nodes = append(nodes, n)
				}
			}
			if c.json {
				return c.document(object{"nodes": nodes})
			}
			c.nodeTable(nodes, time.Now())
			return nil
		},
	}
}

func (t *terminal) nodeTable(nodes []wire.NodeInfo, now time.Time) {
	tb := &table{header: []string{"NODE", "REGION", "ZONE", "STATE", "HEARD", "SKEW ", "OWNS ", "HOLDS ", "KEYS ", "SIZE "}}
	for _, n := range nodes {
		keys, size := strconv.Itoa(n.Keys), humanBytes(n.Bytes)
		if n.Unanswered {
			keys, size = "?", "?"
		}
		heard := "never"
		if !n.Heard.IsZero() {
			heard = since(n.Heard, now)
		}
		skew := n.Skew
		if d, err := time.ParseDuration(skew); err == nil {
			skew = short(d)
		}
		tb.add(n.Name, n.Region, n.Zone, n.State, heard, skew, strconv.Itoa(n.Owns), strconv.Itoa(n.Holds), keys, size)
	}
	t.table(tb)
}

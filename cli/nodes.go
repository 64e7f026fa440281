package cli

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

func nodesVerb() verb {
	return verb{
		name: "nodes", group: groupSee, brief: "say how the nodes do",
		examples: []string{
			"atoll nodes                    the nodes of all regions",
			"atoll nodes --only eu          of one region",
			"atoll nodes --json | jq '.nodes[].counters'",
		},
		about: "--region is the region that is asked; --only chooses what is shown.\n" +
			"CLOCK is what a node knows of its own clock: one that is OUT OF LINE with the majority's\n" +
			"refuses writes; it is undecided where clocks differ and no majority says which is wrong, and\n" +
			"unjudged where there is none to compare with. SKEW is how far its clock is ahead of that of\n" +
			"the node that is asked, and how well that is known. READY is no where requests are better\n" +
			"sent to another node, and says why. MEMORY is there where a node has a limit: how much of\n" +
			"what that leaves for data the node keeps, and the limit.",
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
	header := []string{"NODE", "REGION", "ZONE", "STATE", "HEARD", "CLOCK", "SKEW ", "OWNS ", "HOLDS ", "KEYS ", "SIZE "}
	limited := slices.ContainsFunc(nodes, func(n wire.NodeInfo) bool { return n.Counters["max_memory"] > 0 })
	if limited {
		header = append(header, "MEMORY ")
	}
	tb := &table{header: append(header, "READY")}
	for _, n := range nodes {
		keys, size := strconv.Itoa(n.Keys), humanBytes(n.Bytes)
		if n.Unanswered {
			keys, size = "?", "?"
		}
		heard := "never"
		if !n.Heard.IsZero() {
			heard = since(n.Heard, now)
		}
		ready := "yes"
		if !n.Ready {
			ready = "no: " + n.Reason
		}
		row := []string{n.Name, n.Region, n.Zone, n.State, heard, clockStanding(n.Clock), skewWithin(n.Skew, n.SkewWithin),
			strconv.Itoa(n.Owns), strconv.Itoa(n.Holds), keys, size}
		if limited {
			row = append(row, memoryOf(n))
		}
		tb.add(append(row, ready)...)
	}
	t.table(tb)
}

// memoryOf returns how much of what it may keep in memory a node keeps: "81% of 2.0 GiB".
func memoryOf(n wire.NodeInfo) string {
	if n.Unanswered {
		return "?"
	}
	limit, room := n.Counters["max_memory"], n.Counters["memory_room"]
	if limit == 0 || room == 0 {
		return "no limit"
	}
	return strconv.FormatInt(n.Counters["memory_used"]*100/room, 10) + "% of " + humanBytes(int(limit))
}

// clockStanding returns what a node knows of its clock: "in line", "undecided",
// "OUT OF LINE +1h0m0s".
func clockStanding(c *wire.ClockInfo) string {
	if c == nil {
		return "?"
	}
	s := c.Standing
	if s == region.OutOfLine.String() {
		s = strings.ToUpper(s)
		if offset, err := time.ParseDuration(c.Offset); err == nil && c.Peers > 0 {
			s += " " + ahead(offset)
		}
	}
	return s
}

// skewWithin returns an offset and how well it is known: "+3ms ±1ms".
func skewWithin(skew, within string) string {
	s, err := time.ParseDuration(skew)
	if err != nil {
		return "?"
	}
	w, err := time.ParseDuration(within)
	if err != nil {
		return ahead(s)
	}
	return ahead(s) + " ±" + short(w)
}

// ahead returns a duration with its sign.
func ahead(d time.Duration) string {
	if d > 0 {
		return "+" + short(d)
	}
	return short(d)
}

package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/atollcache/atoll/node/wire"
)

// barWidth is the length of the bar of the node with the largest share.
const barWidth = 24

func ringVerb() verb {
	return verb{
		name: "ring", group: groupSee, args: "[KEY]", max: 1, brief: "say which node has which share, and where a key lives",
		examples: []string{
			"atoll ring            the shares of the region's nodes",
			"atoll ring cart:7     and where a key lives",
			"atoll ring -R eu      of another region",
		},
		run: func(ctx context.Context, c *call) error {
			api, err := c.connect(ctx)
			if err != nil {
				return err
			}
			info, err := api.Ring(ctx, c.args...)
			if err != nil {
				return err
			}
			if c.json {
				return c.document(info)
			}
			c.ringTable(info)
			return nil
		},
	}
}

func (t *terminal) ringTable(info wire.RingInfo) {
	t.printf("%s: %s, %s, %s of each, balance %.2f (most over mean), epoch %s\n", t.paint(bold, info.Region),
		plural(len(info.Nodes), "node"), plural(info.Partitions, "partition"), copiesText(info.Copies), info.Balance, clip(info.Epoch, 9))
	most := 1
	for _, n := range info.Nodes {
		most = max(most, n.Owns)
	}
	tb := &table{header: []string{"NODE", "ZONE", "WEIGHT ", "OWNS ", "HOLDS "}}
	if t.outTTY {
		tb.header = append(tb.header, "SHARE")
	}
	for _, n := range info.Nodes {
		row := []string{n.Name, n.Zone, strconv.Itoa(n.Weight), strconv.Itoa(n.Owns), strconv.Itoa(n.Holds)}
		if t.outTTY {
			row = append(row, strings.Repeat("█", n.Owns*barWidth/most))
		}
		tb.add(row...)
	}
	t.table(tb)
	if k := info.Key; k != nil {
		where := "owner " + k.Owner
		if len(k.Replicas) > 0 {
			where += ", replicas " + strings.Join(k.Replicas, " ")
		}
		t.printf("%s: slot %d, partition %d, %s\n", t.paint(bold, oneLine(k.Key)), k.Slot, k.Partition, where)
	}
}

func copiesText(n int) string {
	if n == 1 {
		return "1 copy"
	}
	return fmt.Sprintf("%d copies", n)
}

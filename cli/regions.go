package cli

import (
	"context"
	"strconv"
	"time"

	"github.com/atollcache/atoll/node/wire"
)

func regionsVerb() verb {
	return verb{
		name: "regions", group: groupSee, brief: "say how the regions do",
		examples: []string{"atoll regions    as the region that is asked sees them; * marks it"},
		about: "MISSING HERE counts the partitions of which a region has something that has not arrived\n" +
			"here yet, MISSING THERE those of which it lacks something that is here.\n" +
			"What has expired or does not show any more for another reason is kept, hidden, until every\n" +
			"region has seen that. WAITS FOR IT says since when the oldest of it waits for a region, KEPT\n" +
			"KEYS and SIZE how much does. A region that is away is waited for a day, or a minute once more\n" +
			"than 1 MiB of a partition waits. Then it is LEFT OUT of that many partitions. On its return it\n" +
			"rebuilds those of which the others have forgotten something that it had not seen gone: what\n" +
			"it alone has written there is lost.",
		run: func(ctx context.Context, c *call) error {
			api, err := c.connect(ctx)
			if err != nil {
				return err
			}
			regions, err := api.Regions(ctx)
			if err != nil {
				return err
			}
			if c.json {
				return c.document(object{"regions": regions})
			}
			c.regionTable(regions, time.Now())
			return nil
		},
	}
}

func (t *terminal) regionTable(regions []wire.RegionInfo, now time.Time) {
	tb := &table{header: []string{"REGION", "NODES ", "SILENT ", "HEARD", "MISSING HERE ", "MISSING THERE ",
		"WAITS FOR IT", "KEPT KEYS ", "SIZE ", "LEFT OUT ", "FROM IT", "TO IT"}}
	for _, r := range regions {
		name, heard, in, out := r.Region, "", openOr(r.PausedIn), openOr(r.PausedOut)
		if r.Here {
			name, in, out = name+" *", "–", "–"
		}
		if r.Heard != nil {
			heard = since(*r.Heard, now)
		}
		held, keys, size, left := "–", "–", "–", strconv.Itoa(r.LeftOut)
		if r.HeldSince != nil {
			held, keys, size = since(*r.HeldSince, now), strconv.Itoa(r.HeldKeys), humanBytes(r.HeldBytes)
		}
		tb.add(name, strconv.Itoa(r.Nodes), strconv.Itoa(r.Silent), heard, strconv.Itoa(r.Behind), strconv.Itoa(r.Lags),
			held, keys, size, left, in, out)
	}
	t.table(tb)
}

func openOr(paused bool) string {
	if paused {
		return "paused"
	}
	return "open"
}

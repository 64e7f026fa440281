package cli

import (
	"context"
	"strconv"
	"time"
)

func regionsVerb() verb {
	return verb{
		name: "regions", group: groupSee, brief: "say how the regions do",
		examples: []string{"atoll regions    as the region that is asked sees them; * marks it"},
		about: "MISSING HERE counts the partitions of which a region has something that has not arrived\n" +
			"here yet, MISSING THERE those of which it lacks something that is here.",
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
			now := time.Now()
			tb := &table{header: []string{"REGION", "NODES ", "SILENT ", "HEARD", "MISSING HERE ", "MISSING THERE ", "FROM IT", "TO IT"}}
			for _, r := range regions {
				name, heard, in, out := r.Region, "", openOr(r.PausedIn), openOr(r.PausedOut)
				if r.Here {
					name, in, out = name+" *", "–", "–"
				}
				if r.Heard != nil {
					heard = since(*r.Heard, now)
				}
				tb.add(name, strconv.Itoa(r.Nodes), strconv.Itoa(r.Silent), heard, strconv.Itoa(r.Behind), strconv.Itoa(r.Lags), in, out)
			}
			c.table(tb)
			return nil
		},
	}
}

func openOr(paused bool) string {
	if paused {
		return "paused"
	}
	return "open"
}

package cli

import (
	"context"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/region"
)

func linkVerb() verb {
	flags := func() []cli.Flag {
		return []cli.Flag{
			&cli.StringFlag{Name: "from", Usage: "only links from a `REGION`"},
			&cli.StringFlag{Name: "to", Usage: "only links to a `REGION`"},
		}
	}
	return verb{
		name: "link", group: groupSee, brief: "list, pause or resume replication between regions",
		examples: []string{
			"atoll link list                        every link and since when it is paused",
			"atoll link pause                       cut all regions off from each other",
			"atoll link pause --from eu --to us     only what eu writes, on its way to us",
			"atoll link resume                      let all catch up",
		},
		about: "While a link is paused both ends go on reading and writing; nothing is lost.",
		subs: []verb{
			{
				name: "list", brief: "list the links", flags: flags(), run: runLink(command.LinkList),
				examples: []string{"atoll link list    every link and since when it is paused"},
			},
			{
				name: "pause", brief: "stop replication", flags: flags(), run: runLink(command.LinkPause),
				examples: []string{
					"atoll link pause                       all links",
					"atoll link pause --from eu --to us     one",
				},
			},
			{
				name: "resume", brief: "restart replication", flags: flags(), run: runLink(command.LinkResume),
				examples: []string{
					"atoll link resume            all links",
					"atoll link resume --to us    those to us",
				},
			},
		},
	}
}

func runLink(action command.LinkAction) func(context.Context, *call) error {
	return func(ctx context.Context, c *call) error {
		from, to := c.String("from"), c.String("to")
		for _, r := range []string{from, to} {
			if r == "" {
				continue
			}
			if err := region.ValidateRegion(r); err != nil {
				return usagef("%w", err).withHint("`atoll regions` lists them")
			}
		}
		if from != "" && from == to {
			return usagef("a link leads from one region to another, not from %s to itself", from)
		}
		api, err := c.connect(ctx)
		if err != nil {
			return err
		}
		links, err := api.Link(ctx, action, from, to)
		if err != nil {
			return err
		}
		if c.json {
			return c.document(object{"links": links})
		}
		tb := &table{header: []string{"FROM", "TO", "STATE", "SINCE"}}
		for _, l := range links {
			state, at := "open", ""
			if l.Paused {
				state = "paused"
			}
			if l.Since != nil {
				at = since(*l.Since, time.Now())
			}
			tb.add(l.From, l.To, state, at)
		}
		c.table(tb)
		return nil
	}
}

package cli

import (
	"context"

	"github.com/atollcache/atoll/node/command"
)

func zaddVerb() verb {
	return verb{
		name: "zadd", group: groupData, args: "KEY SCORE MEMBER...", min: 3, max: unbounded,
		brief:    "give members of a sorted set their scores",
		examples: []string{"atoll zadd board 10 ann 8.5 bob    prints how many are new"},
		about:    "Of scores given at the same time in different regions the last by the cluster's clock shows.",
		run: func(ctx context.Context, c *call) error {
			if err := pairsOf("scores and members", c.args[1:]); err != nil {
				return err
			}
			var members []command.Member
			for i := 1; i < len(c.args); i += 2 {
				score, err := parseNumber("the score", c.args[i])
				if err != nil {
					return err
				}
				members = append(members, command.Member{Score: score, Name: c.args[i+1]})
			}
			api, err := c.connect(ctx)
			if err != nil {
				return err
			}
			n, err := api.ZAdd(ctx, c.args[0], members...)
			if err != nil {
				return err
			}
			return c.count("added", n, false)
		},
	}
}

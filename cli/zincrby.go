package cli

import (
	"context"

	"github.com/atollcache/atoll/crdt"
)

func zincrbyVerb() verb {
	return verb{
		name: "zincrby", group: groupData, args: "KEY BY MEMBER", min: 3, max: 3, brief: "add to a member's score",
		examples: []string{"atoll zincrby board 2.5 ann    prints the sum"},
		about:    "Increments made at the same time in different regions all count.",
		run: func(ctx context.Context, c *call) error {
			by, err := parseNumber("the amount", c.args[1])
			if err != nil {
				return err
			}
			api, err := c.connect(ctx)
			if err != nil {
				return err
			}
			key, member := c.args[0], c.args[2]
			sum, err := api.ZIncr(ctx, key, member, by)
			return c.sum(object{"key": text(key), "member": text(member)}, number(sum), crdt.FormatFloat(sum), err)
		},
	}
}

package cli

import (
	"context"

	"github.com/atollcache/atoll/node/command"
)

func msetVerb() verb {
	return verb{
		name: "mset", group: groupData, args: "KEY VALUE...", min: 2, max: unbounded, brief: "write several strings",
		examples: []string{"atoll mset user:1 ann user:2 bob    keys and values in turns"},
		about:    "Each is written on its own: others may see some before the rest.",
		run: func(ctx context.Context, c *call) error {
			if err := pairsOf("keys and values", c.args); err != nil {
				return err
			}
			if err := onlyOneStdin(c.args); err != nil {
				return err
			}
			var pairs []command.Pair
			for i := 0; i < len(c.args); i += 2 {
				value, err := c.valueOf(c.args[i+1])
				if err != nil {
					return err
				}
				pairs = append(pairs, command.Pair{Key: c.args[i], Value: value})
			}
			api, err := c.connect(ctx)
			if err != nil {
				return err
			}
			if err := api.MSet(ctx, pairs...); err != nil {
				return err
			}
			return c.done(true, object{"keys": len(pairs)}, "")
		},
	}
}

package cli

import "context"

func zremVerb() verb {
	return verb{
		name: "zrem", group: groupData, args: "KEY MEMBER...", min: 2, max: unbounded, brief: "remove members of a sorted set",
		examples: []string{"atoll zrem board ann    prints how many existed"},
		about:    "A member written at the same time in another region survives. Exit code 1 if none existed.",
		run: func(ctx context.Context, c *call) error {
			api, err := c.connect(ctx)
			if err != nil {
				return err
			}
			n, err := api.ZRem(ctx, c.args[0], c.args[1:]...)
			if err != nil {
				return err
			}
			return c.count("removed", n, true)
		},
	}
}

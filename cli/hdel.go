package cli

import "context"

func hdelVerb() verb {
	return verb{
		name: "hdel", group: groupData, args: "KEY FIELD...", min: 2, max: unbounded, brief: "remove fields of a hash",
		examples: []string{"atoll hdel user:1 age    prints how many existed"},
		about:    "A field written at the same time in another region survives. Exit code 1 if none existed.",
		run: func(ctx context.Context, c *call) error {
			api, err := c.connect(ctx)
			if err != nil {
				return err
			}
			n, err := api.HDel(ctx, c.args[0], c.args[1:]...)
			if err != nil {
				return err
			}
			return c.count("removed", n, true)
		},
	}
}

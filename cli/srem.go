package cli

import "context"

func sremVerb() verb {
	return verb{
		name: "srem", group: groupData, args: "KEY MEMBER...", min: 2, max: unbounded, brief: "remove members of a set",
		examples: []string{"atoll srem tags red    prints how many existed"},
		about:    "A member added at the same time in another region survives. Exit code 1 if none existed.",
		run: func(ctx context.Context, c *call) error {
			api, err := c.connect(ctx)
			if err != nil {
				return err
			}
			n, err := api.SRem(ctx, c.args[0], c.args[1:]...)
			if err != nil {
				return err
			}
			return c.count("removed", n, true)
		},
	}
}

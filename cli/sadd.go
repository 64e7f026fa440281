package cli

import "context"

func saddVerb() verb {
	return verb{
		name: "sadd", group: groupData, args: "KEY MEMBER...", min: 2, max: unbounded, brief: "add members to a set",
		examples: []string{"atoll sadd tags red blue    prints how many are new"},
		about:    "A member added while another region removes it stays.",
		run: func(ctx context.Context, c *call) error {
			api, err := c.connect(ctx)
			if err != nil {
				return err
			}
			n, err := api.SAdd(ctx, c.args[0], c.args[1:]...)
			if err != nil {
				return err
			}
			return c.count("added", n, false)
		},
	}
}

package cli

import "context"

func invalidateVerb() verb {
	return verb{
		name: "invalidate", group: groupData, args: "KEY...", min: 1, max: unbounded, brief: "remove keys and all that was written to them before",
		examples: []string{
			"atoll invalidate user:1           also a write of another region that is still on its way",
			"atoll invalidate user:1 user:2    several; prints how many existed",
		},
		about: "What was written before it goes in every region, whether this one has seen it or not;\n" +
			"del takes only what this region has seen. Exit code 0 also if none of the keys existed\n" +
			"here: there may be something on its way.",
		run: func(ctx context.Context, c *call) error {
			api, err := c.connect(ctx)
			if err != nil {
				return err
			}
			n, err := api.Invalidate(ctx, c.args...)
			if err != nil {
				return err
			}
			if c.json {
				return c.document(object{"keys": texts(c.args), "existed": n})
			}
			c.printf("%d\n", n)
			return nil
		},
	}
}

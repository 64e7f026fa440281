package cli

import "context"

func delVerb() verb {
	return verb{
		name: "del", group: groupData, args: "KEY...", min: 1, max: unbounded, brief: "remove keys of any kind",
		examples: []string{
			"atoll del greeting         remove a key",
			"atoll del user:1 user:2    several; prints how many existed",
		},
		about: "A removal takes what the region has seen: a write made at the same time in another\n" +
			"region survives. Exit code 1 if none of the keys existed.",
		run: func(ctx context.Context, c *call) error {
			api, err := c.connect(ctx)
			if err != nil {
				return err
			}
			n, err := api.Del(ctx, c.args...)
			if err != nil {
				return err
			}
			if c.json {
				err = c.document(object{"keys": texts(c.args), "removed": n})
			} else {
				c.printf("%d\n", n)
			}
			if err == nil && n == 0 {
				return errNo
			}
			return err
		},
	}
}

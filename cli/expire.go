package cli

import "context"

func expireVerb() verb {
	return verb{
		name: "expire", group: groupData, args: "KEY TTL", min: 2, max: 2, brief: "let a key expire",
		examples: []string{
			"atoll expire session:7 30m    in half an hour",
			"atoll expire session:7 90     in 90 seconds",
		},
		about: "Of expiries set at the same time in different regions the longest counts. Exit code 1 if\n" +
			"there is no such key.",
		run: func(ctx context.Context, c *call) error {
			key := c.args[0]
			ttl, err := parseTTL("the time to live", c.args[1])
			if err != nil {
				return err
			}
			api, err := c.connect(ctx)
			if err != nil {
				return err
			}
			ok, err := api.Expire(ctx, key, ttl)
			if err != nil {
				return err
			}
			return c.done(ok, object{"key": text(key)}, "%s", noKey(key))
		},
	}
}

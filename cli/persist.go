package cli

import "context"

func persistVerb() verb {
	return verb{
		name: "persist", group: groupData, args: "KEY", min: 1, max: 1, brief: "take a key's expiry away",
		examples: []string{"atoll persist session:7    it no longer expires"},
		about:    "Exit code 1 if there is no such key, or if it does not expire.",
		run: func(ctx context.Context, c *call) error {
			api, err := c.connect(ctx)
			if err != nil {
				return err
			}
			key := c.args[0]
			ok, err := api.Persist(ctx, key)
			if err != nil {
				return err
			}
			return c.done(ok, object{"key": text(key)}, "there is no key %q that expires", key)
		},
	}
}

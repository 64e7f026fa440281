package cli

import (
	"context"

	"github.com/atollcache/atoll/node/command"
)

func ttlVerb() verb {
	return verb{
		name: "ttl", group: groupData, args: "KEY", min: 1, max: 1, brief: "say how long a key still lives",
		examples: []string{"atoll ttl session:7    such as 29m58.2s, or none"},
		about:    "Exit code 1 if there is no such key. With --json \"ttl_ms\" is null if it does not expire.",
		run: func(ctx context.Context, c *call) error {
			api, err := c.connect(ctx)
			if err != nil {
				return err
			}
			key := c.args[0]
			left, state, err := api.TTL(ctx, key)
			if err != nil {
				return err
			}
			doc := object{"key": text(key), "exists": state != command.StateMissing, "ttl_ms": nil}
			shown := "none"
			if state == command.StateExpires {
				doc["ttl_ms"], shown = left.Milliseconds(), left.String()
			}
			if state == command.StateMissing {
				return c.missing(doc, "%s", noKey(key))
			}
			if c.json {
				return c.document(doc)
			}
			c.printf("%s\n", shown)
			return nil
		},
	}
}

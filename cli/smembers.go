package cli

import "context"

func smembersVerb() verb {
	return verb{
		name: "smembers", group: groupData, args: "KEY", min: 1, max: 1, brief: "list the members of a set",
		examples: []string{"atoll smembers tags    one a line, sorted"},
		about:    "Exit code 1 if there is no such key.",
		run: func(ctx context.Context, c *call) error {
			api, err := c.connect(ctx)
			if err != nil {
				return err
			}
			key := c.args[0]
			members, err := api.SMembers(ctx, key)
			switch {
			case err != nil:
				return err
			case len(members) == 0:
				return c.missing(object{"key": text(key), "members": nil}, "%s", noKey(key))
			case c.json:
				return c.document(object{"key": text(key), "members": texts(members)})
			}
			for _, m := range members {
				if err := c.line(m); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

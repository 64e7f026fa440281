package cli

import "context"

func getVerb() verb {
	return verb{
		name: "get", group: groupData, args: "KEY", min: 1, max: 1, brief: "read a string or a number",
		examples: []string{
			"atoll get greeting                 the value",
			"atoll get photo > photo.png        piped: the bytes as they are",
			"atoll get -R eu greeting --json    what region eu shows, as JSON",
		},
		about: "Answered by the region that is asked from what it has seen. Exit code 1 if there is no such key.",
		run: func(ctx context.Context, c *call) error {
			api, err := c.connect(ctx)
			if err != nil {
				return err
			}
			key := c.args[0]
			value, ok, err := api.Get(ctx, key)
			switch {
			case err != nil:
				return err
			case !ok:
				return c.missing(object{"key": text(key), "value": nil}, "%s", noKey(key))
			case c.json:
				return c.document(object{"key": text(key), "value": text(value)})
			}
			return c.value(value)
		},
	}
}

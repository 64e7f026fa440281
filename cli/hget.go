package cli

import "context"

func hgetVerb() verb {
	return verb{
		name: "hget", group: groupData, args: "KEY FIELD", min: 2, max: 2, brief: "read a field of a hash",
		examples: []string{"atoll hget user:1 name    the value"},
		about:    "Exit code 1 if there is no such key or field.",
		run: func(ctx context.Context, c *call) error {
			api, err := c.connect(ctx)
			if err != nil {
				return err
			}
			key, field := c.args[0], c.args[1]
			doc := object{"key": text(key), "field": text(field), "value": nil}
			value, ok, err := api.HGet(ctx, key, field)
			switch {
			case err != nil:
				return err
			case !ok:
				return c.missing(doc, "there is no field %q of a key %q", field, key)
			case c.json:
				doc["value"] = text(value)
				return c.document(doc)
			}
			return c.value(value)
		},
	}
}

package cli

import (
	"context"
	"maps"
	"slices"
	"unicode/utf8"
)

func hgetallVerb() verb {
	return verb{
		name: "hgetall", group: groupData, args: "KEY", min: 1, max: 1, brief: "read all fields of a hash",
		examples: []string{
			"atoll hgetall user:1                             fields and values",
			"atoll hgetall user:1 --json | jq .fields.name    one of them",
		},
		about: "Exit code 1 if there is no such key. Piped, a tab stands between field and value; use\n" +
			"--json where values may hold tabs or line breaks.",
		run: func(ctx context.Context, c *call) error {
			api, err := c.connect(ctx)
			if err != nil {
				return err
			}
			key := c.args[0]
			fields, err := api.HGetAll(ctx, key)
			switch {
			case err != nil:
				return err
			case len(fields) == 0:
				return c.missing(object{"key": text(key), "fields": nil}, "%s", noKey(key))
			case c.json:
				return c.document(hashDocument(key, fields))
			}
			var pairs [][2]string
			for _, f := range slices.Sorted(maps.Keys(fields)) {
				pairs = append(pairs, [2]string{f, fields[f]})
			}
			return c.rows([2]string{"FIELD", "VALUE"}, pairs)
		},
	}
}

// hashDocument returns a hash in JSON. A name that is not UTF-8 cannot stand as
// one; such fields are listed apart.
func hashDocument(key string, fields map[string]string) object {
	named, more := map[string]text{}, []object(nil)
	for _, f := range slices.Sorted(maps.Keys(fields)) {
		if utf8.ValidString(f) {
			named[f] = text(fields[f])
			continue
		}
		more = append(more, object{"field": text(f), "value": text(fields[f])})
	}
	doc := object{"key": text(key), "fields": named}
	if more != nil {
		doc["more_fields"] = more
	}
	return doc
}

package cli

import "context"

func mgetVerb() verb {
	return verb{
		name: "mget", group: groupData, args: "KEY...", min: 1, max: unbounded, brief: "read several strings",
		examples: []string{"atoll mget user:1 user:2    keys with their values"},
		about: "Keys that do not exist, or hold another kind, are named on standard error; the exit code\n" +
			"is then 1. The keys are read one by one, not at one moment.",
		run: func(ctx context.Context, c *call) error {
			api, err := c.connect(ctx)
			if err != nil {
				return err
			}
			values, err := api.MGet(ctx, c.args...)
			if err != nil {
				return err
			}
			var pairs [][2]string
			var docs []object
			for i, v := range values {
				doc := object{"key": text(c.args[i]), "value": nil}
				if v.OK {
					doc["value"] = text(v.Text)
					pairs = append(pairs, [2]string{c.args[i], v.Text})
				} else {
					c.note("%s", noKey(c.args[i]))
				}
				docs = append(docs, doc)
			}
			if c.json {
				err = c.document(object{"values": docs})
			} else {
				err = c.rows([2]string{"KEY", "VALUE"}, pairs)
			}
			if err == nil && len(pairs) < len(values) {
				return errNo
			}
			return err
		},
	}
}

package cli

import (
	"context"

	"github.com/atollcache/atoll/node/command"
)

func hsetVerb() verb {
	return verb{
		name: "hset", group: groupData, args: "KEY FIELD VALUE...", min: 3, max: unbounded, brief: "set fields of a hash",
		examples: []string{
			"atoll hset user:1 name ann age 7    prints how many fields are new",
			"atoll hset user:1 photo - < p.png   a value from standard input",
		},
		about: "Fields merge one by one: writes of different fields in different regions all stay.",
		run: func(ctx context.Context, c *call) error {
			if err := pairsOf("fields and values", c.args[1:]); err != nil {
				return err
			}
			if err := onlyOneStdin(c.args); err != nil {
				return err
			}
			var fields []command.Field
			for i := 1; i < len(c.args); i += 2 {
				value, err := c.valueOf(c.args[i+1])
				if err != nil {
					return err
				}
				fields = append(fields, command.Field{Name: c.args[i], Value: value})
			}
			api, err := c.connect(ctx)
			if err != nil {
				return err
			}
			n, err := api.HSet(ctx, c.args[0], fields...)
			if err != nil {
				return err
			}
			return c.count("added", n, false)
		},
	}
}

package cli

import (
	"context"
	"strconv"

	"github.com/atollcache/atoll/crdt"
)

func hincrbyVerb() verb {
	return verb{
		name: "hincrby", group: groupData, args: "KEY FIELD BY", min: 3, max: 3, brief: "add to a number in a hash",
		examples: []string{
			"atoll hincrby cart:7 apples 2     prints the sum",
			"atoll hincrby cart:7 apples -1    take one away",
		},
		about: "Increments made at the same time in different regions all count.",
		run: func(ctx context.Context, c *call) error {
			key, field, by := c.args[0], c.args[1], c.args[2]
			float, err := parseNumber("the amount", by)
			if err != nil {
				return err
			}
			api, err := c.connect(ctx)
			if err != nil {
				return err
			}
			doc := object{"key": text(key), "field": text(field)}
			if whole, ok := crdt.ParseInt(by); ok {
				sum, err := api.HIncr(ctx, key, field, whole)
				return c.sum(doc, sum, strconv.FormatInt(sum, 10), err)
			}
			sum, err := api.HIncrFloat(ctx, key, field, float)
			return c.sum(doc, number(sum), crdt.FormatFloat(sum), err)
		},
	}
}

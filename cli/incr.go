package cli

import (
	"context"
	"strconv"

	"github.com/atollcache/atoll/crdt"
)

func incrVerb() verb {
	return verb{
		name: "incr", group: groupData, args: "KEY [BY]", min: 1, max: 2, brief: "add to a number",
		examples: []string{
			"atoll incr visits          add 1, print the sum",
			"atoll incr stock -5        take 5 away",
			"atoll incr litres 0.25     any number",
		},
		about: "Increments made at the same time in different regions all count.",
		run: func(ctx context.Context, c *call) error {
			by := "1"
			if len(c.args) > 1 {
				by = c.args[1]
			}
			float, err := parseNumber("the amount", by)
			if err != nil {
				return err
			}
			api, err := c.connect(ctx)
			if err != nil {
				return err
			}
			key := c.args[0]
			doc := object{"key": text(key)}
			if whole, ok := crdt.ParseInt(by); ok {
				sum, err := api.Incr(ctx, key, whole)
				return c.sum(doc, sum, strconv.FormatInt(sum, 10), err)
			}
			sum, err := api.IncrFloat(ctx, key, float)
			return c.sum(doc, number(sum), crdt.FormatFloat(sum), err)
		},
	}
}

// sum writes what an increment led to.
func (c *call) sum(doc object, value any, shown string, err error) error {
	if err != nil {
		return err
	}
	if c.json {
		doc["value"] = value
		return c.document(doc)
	}
	c.printf("%s\n", shown)
	return nil
}

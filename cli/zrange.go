package cli

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
)

func zrangeVerb() verb {
	return verb{
		name: "zrange", group: groupData, args: "KEY [START STOP]", min: 1, max: 3, brief: "list members of a sorted set in order",
		examples: []string{
			"atoll zrange board                             all, lowest score first",
			"atoll zrange board 0 9 --rev                   the ten highest",
			"atoll zrange board 5 inf --by-score            by score, both included",
			"atoll zrange board '(5' 10 --by-score          without 5 itself",
		},
		about: "START and STOP are positions from 0, negative ones from the end. Exit code 1 if there is\nno such key.",
		flags: []cli.Flag{
			&cli.BoolFlag{Name: "by-score", Usage: "START and STOP are scores"},
			&cli.BoolFlag{Name: "rev", Usage: "highest first; with --by-score START is the higher score"},
		},
		run: runZRange,
	}
}

func runZRange(ctx context.Context, c *call) error {
	key := c.args[0]
	opts, err := c.zrangeOptions()
	if err != nil {
		return err
	}
	api, err := c.connect(ctx)
	if err != nil {
		return err
	}
	members, err := api.ZRange(ctx, key, opts)
	if err != nil {
		return err
	}
	if len(members) == 0 {
		if n, err := api.ZCard(ctx, key); err != nil || n == 0 {
			return c.missing(object{"key": text(key), "members": nil}, "%s", noKey(key))
		}
	}
	docs, pairs := []object{}, [][2]string(nil)
	for _, m := range members {
		docs = append(docs, object{"member": text(m.Name), "score": number(m.Score)})
		pairs = append(pairs, [2]string{m.Name, crdt.FormatFloat(m.Score)})
	}
	if c.json {
		return c.document(object{"key": text(key), "members": docs})
	}
	return c.rows([2]string{"MEMBER", "SCORE"}, pairs)
}

// zrangeOptions reads START and STOP as ZRANGE itself does.
func (c *call) zrangeOptions() (command.ZRangeOptions, error) {
	args := []string{"ZRANGE", c.args[0], "0", "-1"}
	switch {
	case len(c.args) == 3:
		args[2], args[3] = c.args[1], c.args[2]
	case len(c.args) == 2:
		return command.ZRangeOptions{}, usagef("START needs a STOP").withHint("-1 is the last position, inf the highest score")
	case c.Bool("by-score"):
		return command.ZRangeOptions{}, usagef("--by-score needs START and STOP").withHint("-inf and inf leave an end open")
	}
	if c.Bool("by-score") {
		args = append(args, "BYSCORE")
	}
	if c.Bool("rev") {
		args = append(args, "REV")
	}
	z, err := command.ParseZRange(wire.Command{Args: args})
	if err != nil {
		return command.ZRangeOptions{}, usagef("START and STOP are %q and %q: %w", args[2], args[3], err)
	}
	return command.ZRangeOptions{Start: z.Start, Stop: z.Stop, ByScore: z.ByScore, Min: z.Min, Max: z.Max, Reverse: z.Reverse}, nil
}

package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/atollcache/atoll/node/command"
)

// kinds are the kinds of values that scan can choose.
var kinds = [...]string{"string", "hash", "set", "zset"}

func scanVerb() verb {
	return verb{
		name: "scan", group: groupData, args: "[GLOB]", max: 1, brief: "list keys",
		examples: []string{
			"atoll scan                        all keys, one a line, in no order",
			"atoll scan 'user:*'               those that match",
			"atoll scan --type hash --limit 9  at most nine hashes",
		},
		about: "In GLOB * stands for any bytes, ? for one, [a-z] for one of a class, and \\ takes the next\n" +
			"byte as it is. With --json each key is a document on a line of its own.",
		flags: []cli.Flag{
			&cli.StringFlag{Name: "type", Usage: "only keys of a `KIND`: string, hash, set or zset"},
			&cli.IntFlag{Name: "limit", Usage: "at most `N` keys"},
		},
		long: true,
		run:  runScan,
	}
}

func runScan(ctx context.Context, c *call) error {
	opts := command.ScanOptions{Type: c.String("type")}
	if len(c.args) > 0 {
		opts.Match = c.args[0]
	}
	if opts.Type != "" && !slices.Contains(kinds[:], opts.Type) {
		return usagef("--type is %q", opts.Type).withHint("use string, hash, set or zset")
	}
	limit := c.Int("limit")
	if limit < 0 {
		return usagef("--limit is %d; use 0 for all", limit)
	}
	api, err := c.connect(ctx)
	if err != nil {
		return err
	}
	n := 0
	for key, err := range api.Scan(ctx, opts) {
		if err != nil {
			return err
		}
		if c.json {
			err = c.record(object{"key": text(key)})
		} else {
			err = c.line(key)
		}
		if n++; err != nil || n == limit {
			return err
		}
	}
	return nil
}

// globEscape returns the pattern that only s matches.
func globEscape(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(s)
}

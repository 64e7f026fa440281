package cli

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/atollcache/atoll/node/command"
)

func setVerb() verb {
	return verb{
		name: "set", group: groupData, args: "KEY VALUE", min: 2, max: 2, brief: "write a string",
		examples: []string{
			"atoll set greeting hello             write a string",
			"atoll set session:7 on --ttl 30m     that expires",
			"atoll set photo - < photo.png        from standard input, any bytes",
			"atoll set k -- -5C                   a value that begins with -",
		},
		about: "Of concurrent writes in different regions the last by the cluster's clock shows everywhere.",
		flags: []cli.Flag{
			ttlFlag(),
			&cli.BoolFlag{Name: "if-absent", Usage: "only if this region has no such key; exit code 1 if it has. Not a lock"},
			&cli.BoolFlag{Name: "if-present", Usage: "only if this region has such a key; exit code 1 if not"},
		},
		run: runSet,
	}
}

// ttlFlag returns the flag that ttlOption reads.
func ttlFlag() cli.Flag {
	return &cli.StringFlag{Name: "ttl", Usage: "let the key expire after a `DURATION`, or seconds"}
}

// ttlOption returns what --ttl says, nothing where it is not given.
func (c *call) ttlOption() ([]command.SetOption, error) {
	if !c.IsSet("ttl") {
		return nil, nil
	}
	ttl, err := parseTTL("--ttl", c.String("ttl"))
	if err != nil {
		return nil, err
	}
	return []command.SetOption{command.TTL(ttl)}, nil
}

func runSet(ctx context.Context, c *call) error {
	opts, err := c.ttlOption()
	if err != nil {
		return err
	}
	absent, present := c.Bool("if-absent"), c.Bool("if-present")
	switch {
	case absent && present:
		return usagef("--if-absent and --if-present exclude each other")
	case absent:
		opts = append(opts, command.IfAbsent())
	case present:
		opts = append(opts, command.IfPresent())
	}
	key := c.args[0]
	value, err := c.valueOf(c.args[1])
	if err != nil {
		return err
	}
	api, err := c.connect(ctx)
	if err != nil {
		return err
	}
	done, err := api.Set(ctx, key, value, opts...)
	if err != nil {
		return err
	}
	reason := noKey(key)
	if absent {
		reason = "the key exists"
	}
	return c.done(done, object{"key": text(key)}, "not set: %s", reason)
}

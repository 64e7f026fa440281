package cli

import (
	"context"
	"time"

	"github.com/urfave/cli/v2"
)

func missVerb() verb {
	return verb{
		name: "miss", group: groupData, args: "KEY", min: 1, max: 1, brief: "read a string, or get a token to fill it with",
		examples: []string{
			"atoll miss user:1                  the value; or exit code 1 and a token",
			"atoll miss user:1 --json           the value, the token, and how long to wait",
		},
		about: "Of several who find a key missing one gets the token; the others are told how long to wait.\n" +
			"Exit code 1 if there is no such key: with a token on standard output, or with none when the\n" +
			"key may not be filled now.",
		run: runMiss,
	}
}

func runMiss(ctx context.Context, c *call) error {
	api, err := c.connect(ctx)
	if err != nil {
		return err
	}
	key := c.args[0]
	found, err := api.Miss(ctx, key)
	if err != nil {
		return err
	}
	doc := object{"key": text(key), "value": nil, "token": found.Token, "wait_ms": found.Wait.Milliseconds()}
	switch {
	case found.OK && c.json:
		doc["value"] = text(found.Value)
		return c.document(doc)
	case found.OK:
		return c.value(found.Value)
	case found.Token != "" && !c.json:
		c.printf("%s\n", found.Token)
		return errNo
	case found.Wait > 0:
		return c.missing(doc, "%s; somebody is loading it, for %v at most", noKey(key), found.Wait.Round(time.Millisecond))
	}
	return c.missing(doc, "%s, and it may not be filled yet", noKey(key))
}

func fillVerb() verb {
	return verb{
		name: "fill", group: groupData, args: "KEY TOKEN VALUE", min: 3, max: 3, brief: "set what was missing, unless it has changed since",
		examples: []string{
			`atoll fill user:1 "$token" ann --ttl 1m    the token is what atoll miss has printed`,
			`load | atoll fill user:1 "$token" -         from standard input, any bytes`,
		},
		about: "A fill loses to whatever has been written to the key since it was missing, in any region,\n" +
			"a removal of what was not there included. Exit code 1 if it was not taken.",
		flags: []cli.Flag{ttlFlag()},
		run:   runFill,
	}
}

func runFill(ctx context.Context, c *call) error {
	opts, err := c.ttlOption()
	if err != nil {
		return err
	}
	key := c.args[0]
	value, err := c.valueOf(c.args[2])
	if err != nil {
		return err
	}
	api, err := c.connect(ctx)
	if err != nil {
		return err
	}
	taken, err := api.Fill(ctx, key, c.args[1], value, opts...)
	if err != nil {
		return err
	}
	return c.done(taken, object{"key": text(key)}, "not filled: something has happened to the key since it was missing")
}

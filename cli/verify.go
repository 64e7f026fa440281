package cli

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
)

// verifyEvery is how often verify --wait compares.
const verifyEvery = 200 * time.Millisecond

func verifyVerb() verb {
	return verb{
		name: "verify", group: groupSee, brief: "say whether all regions hold the same",
		examples: []string{
			"atoll verify               compare now",
			"atoll verify --wait 10s    compare until they are equal, at most 10 s",
		},
		about: "Every node that holds a partition says a digest of it; where they differ, the keys that\n" +
			"differ are found. Exit code 0 if all are equal, 1 if some differ, 3 if somebody did not answer.",
		flags: []cli.Flag{
			&cli.DurationFlag{Name: "wait", Usage: "compare again for at most a `DURATION` while they are not equal"},
			&cli.IntFlag{Name: "limit", Usage: "name at most `N` keys that differ", Value: command.DefaultVerifyLimit},
		},
		long: true,
		run:  runVerify,
	}
}

func runVerify(ctx context.Context, c *call) error {
	limit := c.Int("limit")
	if limit < 1 || limit > command.MaxVerifyLimit {
		return usagef("--limit is %d; use 1 to %d", limit, command.MaxVerifyLimit)
	}
	api, err := c.connect(ctx)
	if err != nil {
		return err
	}
	info, err := verifyUntil(ctx, api, limit, c.Duration("wait"), c.timeout())
	if err != nil {
		return err
	}
	if c.json {
		if err := c.document(info); err != nil {
			return err
		}
	} else {
		c.verification(info)
	}
	switch {
	case !info.Equal:
		c.pausedNote(ctx, api)
		return errNo
	case !info.Complete:
		f := &failure{code: exitUnreachable, err: errors.New("could not tell: no answer from " + silentOnes(info))}
		return f.withHint("`atoll nodes` shows who is there; --wait compares again for a while")
	}
	return nil
}

func silentOnes(info wire.VerifyInfo) string {
	if len(info.Silent) == 0 {
		return "some that hold partitions"
	}
	return strings.Join(info.Silent, ", ")
}

// verifyUntil compares until all is equal or wait is over, at least once.
func verifyUntil(ctx context.Context, api *command.API, limit int, wait, timeout time.Duration) (wire.VerifyInfo, error) {
	end := time.Now().Add(wait)
	for {
		one, cancel := context.WithTimeout(ctx, timeout)
		info, err := api.Verify(one, limit)
		cancel()
		if err == nil && info.Equal && info.Complete || !time.Now().Before(end) || ctx.Err() != nil {
			return info, err
		}
		select {
		case <-time.After(verifyEvery):
		case <-ctx.Done():
		}
	}
}

// verification writes the answer for people.
func (t *terminal) verification(info wire.VerifyInfo) {
	scope := plural(info.Partitions, "partition") + ", " + plural(info.Keys, "key")
	if info.Equal {
		if info.Complete {
			t.printf("%s equal: %s, compared in %s\n", t.paint(cyan, "✓"), scope, info.Took)
		}
		return
	}
	t.printf("%s %s of %s\n", t.paint(yellow, "✗"), differText(info.Differing), scope)
	tb := &table{header: []string{"KEY", "DIGEST", "HELD BY"}}
	for _, d := range info.Differ {
		key := clip(oneLine(d.Key), 40)
		byDigest := map[string][]string{}
		for _, node := range slices.Sorted(maps.Keys(d.Holders)) {
			byDigest[d.Holders[node]] = append(byDigest[d.Holders[node]], node)
		}
		for _, digest := range slices.Sorted(maps.Keys(byDigest)) {
			shown := clip(digest, 9)
			if digest == "" {
				shown = "nothing"
			}
			tb.add(key, shown, strings.Join(byDigest[digest], " "))
			key = ""
		}
	}
	t.table(tb)
	if more := info.Differing - len(info.Differ); more > 0 {
		t.printf("and %d more\n", more)
	}
}

func differText(n int) string {
	if n == 1 {
		return "1 key differs"
	}
	return plural(n, "key") + " differ"
}

// pausedNote says so if replication is paused, which is then the reason.
func (c *call) pausedNote(ctx context.Context, api *command.API) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout())
	defer cancel()
	links, err := api.Link(ctx, command.LinkList, "", "")
	if err != nil {
		return // The answer stands without it.
	}
	var paused []string
	for _, l := range links {
		if l.Paused {
			paused = append(paused, l.From+"→"+l.To)
		}
	}
	if len(paused) > 0 {
		c.note("paused: %s. `atoll link resume` lets them catch up", strings.Join(paused, ", "))
	} else {
		c.note("writes may be on their way: `atoll verify --wait 10s` gives them time, `atoll inspect KEY` says more")
	}
}

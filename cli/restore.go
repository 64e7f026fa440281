package cli

import (
	"context"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/atollcache/atoll/node/backup"
)

func restoreVerb() verb {
	return verb{
		name: "restore", group: groupData, args: "DIR", min: 1, max: 1, brief: "give a cluster back what a backup has",
		examples: []string{
			"atoll restore /backups/monday              merge it into the cluster",
			"atoll restore /backups/monday --check      only say whether the backup is whole",
			"atoll restore /backups/monday --as-new     also write anew what has been removed since",
		},
		about: "The backup is merged: what the cluster has removed or replaced since stays so, what it has not\n" +
			"comes in, in every region. Where the cluster has forgotten too much to tell what was removed,\n" +
			"nothing of that partition comes in, the exit code is 1, and the answer says how many keys are\n" +
			"concerned; --as-new writes these anew, and whatever else of the backup does not exist. What\n" +
			"exists is left as it is. Restoring again is safe. Every node has to answer, and the connection\n" +
			"needs what NATS allows nodes.",
		flags: []cli.Flag{
			&cli.BoolFlag{Name: "as-new", Usage: "write anew what the cluster has not, also what was removed on purpose"},
			&cli.StringFlag{Name: "from-cluster", Usage: "the backup is of cluster `NAME`, not of this one"},
			&cli.BoolFlag{Name: "check", Usage: "only read the backup; no cluster is needed"},
		},
		long: true,
		run:  runRestore,
	}
}

func runRestore(ctx context.Context, c *call) error {
	b, err := backup.Open(nil, c.args[0])
	if err != nil {
		return explainBackup(err)
	}
	show, stop := c.partitionProgress()
	began := time.Now()
	if c.Bool("check") {
		err := backup.CheckAll(ctx, backup.Config{Progress: show}, b)
		if stop(); err != nil {
			return explainBackup(err)
		}
		return c.checked(b)
	}
	cfg, err := c.backups(ctx)
	if err != nil {
		return err
	}
	cfg.Progress = show
	r, err := backup.Restore(ctx, cfg, b, backup.Options{From: c.String("from-cluster"), AsNew: c.Bool("as-new")})
	if stop(); err != nil {
		return explainBackup(err)
	}
	return c.restored(r, time.Since(began))
}

// checked says what a backup has that is whole.
func (c *call) checked(b *backup.Backup) error {
	if c.json {
		return c.document(object{"dir": c.args[0], "cluster": b.Cluster, "region": b.Region, "partitions": b.Partitions.Count(),
			"keys": b.Keys, "evicted": b.Evicted, "bytes": b.Bytes, "began": b.Began})
	}
	c.printf("%s is whole: %s of cluster %s, region %s, as of %s\n", oneLine(c.args[0]), plural(b.Keys, "key"), b.Cluster, b.Region,
		b.Began.Format(time.RFC3339))
	return nil
}

// restored says what restoring has done. The answer is no when something is not there
// that may have to be.
func (c *call) restored(r backup.Result, took time.Duration) error {
	if c.json {
		out := struct {
			backup.Result
			Seconds float64 `json:"seconds"`
		}{r, took.Seconds()}
		if err := c.document(out); err != nil {
			return err
		}
	} else {
		c.printf("restored %s in %s\n", plural(r.Keys, "key"), short(took))
		for _, row := range []struct {
			n    int
			text string
		}{
			{r.Taken, "came back, or were merged with what is there"}, {r.Renewed, "written anew"},
			{r.Equal, "were there, and the same"}, {r.Changed, "are there and have changed since, or were left as they are"},
			{r.Removed, "have been removed since, and stay so"}, {r.Expired, "have expired"},
			{r.Elsewhere, "have been evicted in the region: other regions may have them, and --as-new sees to it"},
			{r.Evicted, "had been evicted: the backup has only their names"}, {r.Failed, "could not be written anew: " + oneLine(r.Failure)},
			{r.Refused, "are not there, and it is not known whether they were removed"},
		} {
			if row.n > 0 {
				c.printf("  %d %s\n", row.n, row.text)
			}
		}
	}
	if r.Why != "" {
		c.note("%s merged nothing: %s", plural(r.RefusedPartitions, "partition"), r.Why)
	}
	if r.Refused > 0 {
		c.note("--as-new writes %s anew, with those that have been removed since", plural(r.Refused, "key"))
	}
	if r.Refused+r.Failed > 0 {
		return errNo
	}
	return nil
}

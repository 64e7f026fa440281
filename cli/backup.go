package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/atollcache/atoll/node/backup"
)

func backupVerb() verb {
	return verb{
		name: "backup", group: groupData, args: "DIR", min: 1, max: 1, brief: "write all that a region holds to a directory",
		examples: []string{
			"atoll backup /backups/monday          the region that is near",
			"atoll -R eu backup /backups/eu        another one",
			"atoll backup /backups/monday --json   what there is, as JSON",
		},
		about: "DIR is on this machine; it is made, or is empty. The cluster goes on meanwhile. All that the\n" +
			"region had acknowledged when it began is in it. The connection needs what NATS allows nodes.\n" +
			"Interrupted, it removes what it has written; what a crash leaves has no MANIFEST, and is no backup.",
		long: true,
		run:  runBackup,
	}
}

func runBackup(ctx context.Context, c *call) error {
	cfg, err := c.backups(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	show, stop := c.partitionProgress()
	cfg.Progress = show
	m, err := backup.Take(ctx, cfg, c.args[0])
	stop()
	if err != nil {
		return explainBackup(err)
	}
	took := time.Since(began)
	if c.json {
		return c.document(object{
			"dir": c.args[0], "cluster": m.Cluster, "region": m.Region, "partitions": m.Partitions.Count(), "keys": m.Keys,
			"evicted": m.Evicted, "bytes": m.Bytes, "began": m.Began, "seconds": took.Seconds(),
		})
	}
	c.printf("backed up %s of region %s, %s, to %s in %s\n", plural(m.Keys, "key"), m.Region, humanBytes(int(m.Bytes)), oneLine(c.args[0]), short(took))
	if m.Evicted > 0 {
		c.note("%s had been evicted from memory in region %s and %s not in the backup: back up a region that has room for all",
			plural(m.Evicted, "key"), m.Region, isOrAre(m.Evicted))
	}
	return nil
}

func isOrAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// backups connects to a cluster and returns what making and restoring backups need.
func (c *call) backups(ctx context.Context) (backup.Config, error) {
	e, err := newEndpoint(c.Context)
	if err != nil {
		return backup.Config{}, err
	}
	nc, err := e.connect(ctx, c.timeout())
	if err != nil {
		return backup.Config{}, err
	}
	c.closes = append(c.closes, nc.Close)
	cl, err := c.newClient(ctx, nc)
	return backup.Config{Client: cl, Timeout: max(c.timeout(), minBackupTimeout)}, err
}

// minBackupTimeout is how long one answer may take at least: it may be of a large key.
const minBackupTimeout = 30 * time.Second

// explainBackup says what went wrong with a backup, and with which exit code.
func explainBackup(err error) error {
	for _, bad := range []error{
		backup.ErrExists, backup.ErrNone, backup.ErrUnfinished, backup.ErrDamaged, backup.ErrNewer, backup.ErrOther, backup.ErrPartitions,
	} {
		if errors.Is(err, bad) {
			f := usagef("%w", err)
			switch bad {
			case backup.ErrOther:
				return f.withHint("--from-cluster names the cluster that the backup is of")
			case backup.ErrPartitions:
				return f.withHint("--as-new writes every key anew that is not there")
			}
			return f
		}
	}
	if errors.Is(err, context.Canceled) {
		return &failure{code: exitUnreachable, err: errors.New("interrupted before it was finished")}
	}
	return explain(err)
}

// partitionProgress shows on a terminal how far a backup is, until stop is called.
func (t *terminal) partitionProgress() (show func(backup.Progress), stop func()) {
	if !t.errTTY || t.json {
		return func(backup.Progress) {}, func() {}
	}
	began, last := time.Now(), time.Time{}
	show = func(p backup.Progress) {
		if now := time.Now(); now.Sub(last) >= progressEvery {
			last = now
			fmt.Fprintf(t.err, "\r\x1b[K%s", partitionLine(p, now.Sub(began)))
		}
	}
	return show, func() { fmt.Fprint(t.err, "\r\x1b[K") }
}

// partitionLine says how far a backup is.
func partitionLine(p backup.Progress, took time.Duration) string {
	rate := humanBytes(int(float64(p.Done) / max(took.Seconds(), 0.001)))
	size := humanBytes(int(p.Done))
	if p.Size > 0 {
		size += " of " + humanBytes(int(p.Size))
	}
	line := fmt.Sprintf("%s: %d of %d partitions, %s, %s, %s/s", p.Step, p.Partitions, p.Of, plural(p.Keys, "key"), size, rate)
	if p.Partitions > 0 && p.Of > p.Partitions {
		left := time.Duration(float64(took) * float64(p.Of-p.Partitions) / float64(p.Partitions))
		line += ", " + short(left.Round(time.Second)) + " left"
	}
	return line
}

package cli

import (
	"errors"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/atollcache/atoll/node"
)

// diskFlags say where a node keeps its data, and what an acknowledgement means there.
func diskFlags(dir string) []cli.Flag {
	d := node.DefaultDiskConfig()
	return []cli.Flag{
		&cli.StringFlag{Name: "data-dir", EnvVars: []string{"ATOLL_DATA_DIR"}, Usage: dir},
		&cli.StringFlag{Name: "durability", EnvVars: []string{"ATOLL_DURABILITY"}, Value: string(d.Durability),
			Usage: "`WHEN` a write is on the disk: sync (before its reply), interval (soon after) or none"},
		&cli.DurationFlag{Name: "durability-interval", EnvVars: []string{"ATOLL_DURABILITY_INTERVAL"}, Value: d.Window,
			Usage: "with interval, a kill or power cut loses what was acknowledged within the last `DURATION`"},
	}
}

// diskConfig turns flags into where a node keeps its data.
func (c *call) diskConfig() (node.DiskConfig, error) {
	dir := c.String("data-dir")
	if dir == "" {
		for _, f := range []string{"durability", "durability-interval"} {
			if c.IsSet(f) {
				return node.DiskConfig{}, usagef("--%s is for a node that keeps its data: --data-dir says where", f)
			}
		}
		return node.DiskConfig{}, nil
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return node.DiskConfig{}, usagef("--data-dir: %w", err)
	}
	return node.DiskConfig{Dir: abs, Durability: node.Durability(c.String("durability")), Window: c.Duration("durability-interval")}, nil
}

// openFailure says why a node cannot be opened: the command line, or its directory.
func openFailure(err error) error {
	if errors.Is(err, node.ErrDisk) {
		return &failure{code: exitUnreachable, err: err, hint: "nothing in the directory has been changed"}
	}
	return usagef("%w", err)
}

package backup

import (
	"time"

	"github.com/atollcache/atoll/node/client"
)

// Config says which cluster, and how. Client is needed.
type Config struct {
	// Client is a client of the cluster, in the region that is backed up or whose nodes
	// say what restoring has done. Its connection needs what NATS allows nodes.
	Client *client.Client
	// FS is the file system of the directory. Default: the machine's.
	FS FS
	// AtOnce is how many partitions are under way at once. Each costs the memory of one
	// partition at the nodes that hold it, and a piece of it here. Default: 4.
	AtOnce int
	// Timeout bounds the wait for one answer. Default: 30 s.
	Timeout time.Duration
	// Progress is called when a partition is done, and at other times; from several
	// goroutines, one at a time. Default: nothing.
	Progress func(Progress)
	// Now is the wall clock. Default: time.Now.
	Now func() time.Time
}

// Progress is how far something is.
type Progress struct {
	Step       string // what is being done: "check", "restore", "backup"
	Done, Size int64  // bytes, of how many; Size is zero where that is not known
	Partitions int    // that are done
	Of         int    // partitions in all
	Keys       int
}

func (c Config) withDefaults() Config {
	if c.FS == nil {
		c.FS = machine{}
	}
	if c.AtOnce <= 0 {
		c.AtOnce = 4
	}
	if c.Timeout <= 0 {
		c.Timeout = 30 * time.Second
	}
	if c.Progress == nil {
		c.Progress = func(Progress) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

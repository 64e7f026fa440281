package node

import (
	"fmt"
	"time"

	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/pebblestore"
)

// Durability says what a disk has to do with an acknowledgement.
type Durability string

// The durabilities. README.md says what each loses when.
const (
	// Sync acknowledges a write when it is on the disk: no end of the process and no
	// power cut takes it. It costs the wait for the disk, which the writes that come
	// meanwhile share.
	Sync Durability = "sync"
	// Interval acknowledges a write when it is in memory, and has it on the disk within
	// DiskConfig.Window.
	Interval Durability = "interval"
	// None writes to the disk when there is time, and never waits for it.
	None Durability = "none"
)

// DiskConfig keeps a node's data in a directory, from which it starts again warm. The
// zero value keeps nothing, and costs nothing.
type DiskConfig struct {
	// Dir is the directory. It is the node's alone. Default: there is none.
	Dir string
	// Durability is what an acknowledged write can lose. Default: Interval.
	Durability Durability
	// Window is what can be lost with Interval when the process is killed or the
	// power fails: what was acknowledged within so long before. It holds as long as a
	// commit takes less than half of it; while one takes longer writes wait, so that
	// no more is at stake. A shorter one costs more syncs, about eight in it; there
	// are eight a second in any case. Default: 1 s.
	Window time.Duration
	// MaxUnsaved bounds the bytes in memory of what has changed and is not on the disk.
	// At the bound writes wait for the disk, for DiskWait at most; what other nodes
	// send is taken in all the same. Default: 256 MiB.
	MaxUnsaved int64
	// Wait bounds how long a write waits for the disk: at the bound, for a commit that
	// takes longer than Window, and with Sync to be on it. Then it gets an error.
	// Default: 10 s.
	Wait time.Duration
	// Store sets how the files are kept. Its OnError and Log are the node's.
	Store pebblestore.Config
}

// batchBytes is how many bytes are committed at once, about; what one partition needs
// is.
const batchBytes = 4 << 20

// ErrDisk is what errors of a node's data directory wrap, beside those of package
// pebblestore.
var ErrDisk = core.ErrDisk

// DefaultDiskConfig returns the defaults, without a directory.
func DefaultDiskConfig() DiskConfig { return DiskConfig{}.withDefaults() }

func (c DiskConfig) withDefaults() DiskConfig {
	if c.Durability == "" {
		c.Durability = Interval
	}
	if c.Window == 0 {
		c.Window = time.Second
	}
	if c.MaxUnsaved == 0 {
		c.MaxUnsaved = 256 << 20
	}
	if c.Wait == 0 {
		c.Wait = 10 * time.Second
	}
	return c
}

func (c DiskConfig) validate() error {
	switch {
	case c.Durability != "" && c.Durability != Sync && c.Durability != Interval && c.Durability != None:
		return fmt.Errorf("%w: durability is %q; use %s, %s or %s", ErrConfig, c.Durability, Sync, Interval, None)
	case c.Window < 0 || c.Window > 0 && c.Window < minWindow:
		return fmt.Errorf("%w: the window of the disk is %v; use at least %v, or 0 for the default", ErrConfig, c.Window, minWindow)
	case c.MaxUnsaved < 0 || c.Wait < 0:
		return fmt.Errorf("%w: MaxUnsaved is %d and Wait %v; use 0 for the default", ErrConfig, c.MaxUnsaved, c.Wait)
	}
	if err := c.Store.Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return nil
}

// minWindow is the shortest window: disks take milliseconds.
const minWindow = 10 * time.Millisecond

// every is the beat at which what has changed is saved without anybody waiting for it.
// However much may be lost, the beat has to keep the bound of stamps ahead of the clock,
// and to leave as long again for the commit.
func (c DiskConfig) every() time.Duration {
	const most = core.MaxLead / 8
	if c.Durability == None {
		return most
	}
	return min(c.Window/8, most)
}

// loses reports whether what was committed may be lost all the same.
func (c DiskConfig) loses() bool { return c.Durability == None }

package nodetest

import (
	"io"
	"reflect"
	"time"

	cachesync "github.com/atollcache/atoll/sync"
)

// Options sets the size of a history. A zero field means its default.
type Options struct {
	// Steps is how many steps there are before everything heals; the time of a run
	// grows in proportion. Default: 120.
	Steps int
	// Lists makes most of the commands those on lists. All else is as without.
	Lists bool
	// Memory limits what the nodes of every history may keep in memory, and makes most of
	// the commands those of later kinds.
	Memory bool
	// Fills has clients of every history fill keys that are missing.
	Fills bool
	// Log takes one line for each thing that happens. It costs far more than the
	// run itself. Default: nothing is written.
	Log io.Writer
}

func (o Options) withDefaults() Options {
	if o.Steps == 0 {
		o.Steps = 120
	}
	return o
}

// Result is what came of one history.
type Result struct {
	// Err says which promise was broken, and when. Nil: none.
	Err error
	// Trace is a checksum of every message, every write and the final states. Runs
	// of the same seed have the same one.
	Trace uint64
	// Lasted is the simulated time of the whole history, Healed that from the end of
	// all faults until nothing more happened.
	Lasted, Healed time.Duration
	// Counts says what has happened.
	Counts Counts
}

// Counts says what has happened in one or several histories, to show that
// nothing was left out.
type Counts struct {
	Engines cachesync.Stats // sums over all engines, of those that ended too

	Gentle      int // histories without any fault
	Writes      int // accepted by an engine
	Reads       int // keys read and compared
	Calls       int // commands of clients
	Fenced      int // that asked other nodes first how far they are
	Claimed     int // that another node was about to run
	Repeats     int // that were sent again, to another node
	Passed      int // commands that a node passed on
	Misplaced   int // commands run by a node that does not own their key
	Waited      int // commands that waited for a write of their session
	Unavailable int // commands that nobody answered in time, for a reason
	Recognised  int // commands that had run already
	Twice       int // commands that ran twice: who ran it last could not know
	Owns        int // reads of what only their own session writes

	Sent      int // messages, each copy counted
	Lost      int // copies that never arrived
	Doubled   int // copies that arrived twice
	Overtaken int // copies that arrived after one that was sent later on the same link
	Cut       int // copies that met a link that was cut
	Late      int // copies that came to a frozen node and were taken after it thawed
	Dropped   int // copies dropped by a node that was frozen or slow

	Joins    int // nodes that were started
	Leaves   int // nodes that left cleanly
	Crashes  int // nodes that lost their memory
	Freezes  int // nodes that stood still for a while
	Outlived int // lives that had missed so much that they had to end
	Cuts     int // cuts of links and regions
	Jumps    int // clocks that jumped
	Slowed   int // nodes that took messages slowly for a while
	Pauses   int // links paused
	Taken    int // partitions that a node took
	Released int // partitions that a node let go
	Unfilled int // partitions that a node answered for without having been filled
	Rebuilt  int // partitions that began anew
	Died     int // writes lost with every node that had them
	Damaged  int // keys lost behind the system's back
	Audits   int // partitions compared with the original writes
	Excused  int // keys found wrong where somebody had been left out, and only checked against what was removed
	Deserted int // regions that left whole

	Buried  int // evicted keys that nobody had and that were removed
	Nowhere int // evicted keys that were asked for and that nobody had
	Blurred int // of those, with counters of which somebody else may have had more
	Evicted int // entries that left memory for lack of room, on a disk or not

	Strays int // fills that came to another node than the one that gave the token
	Barred int // writes that a fill had not seen when it was taken, and that beat it

	Rounds    int // of saving
	Warm      int // partitions that a life began with
	WarmReads int // reads answered by a node that has not joined the others
	Resumed   int // lives that went on after a clean stop
	Losses    int // crashes that lost what was not synced
	Unsynced  int // writes that were lost so, or not yet on a disk when its node stopped
	DiskFails int // disks that failed to write
	Stalled   int // writes that waited for a disk before they ran
	Paged     int // entries that left memory
	Replaced  int // partitions that could not be read and were filled anew
	Powers    int // crashes of a whole region or of all
	Blackouts int // of those, of all when everything was equal
	Destroyed int // disks that were lost
}

// Add returns the sums of both.
func (c Counts) Add(o Counts) Counts {
	c.Engines = c.Engines.Add(o.Engines)
	sums, more := reflect.ValueOf(&c).Elem(), reflect.ValueOf(o)
	for i := range sums.NumField() {
		if f := sums.Field(i); f.Kind() == reflect.Int {
			f.SetInt(f.Int() + more.Field(i).Int())
		}
	}
	return c
}

package simtest

import (
	"io"
	"time"

	cachesync "github.com/atollcache/atoll/sync"
)

// Options sets the size of a history. A zero field means its default.
type Options struct {
	// Steps is how many steps there are before everything heals; the time of a run
	// grows in proportion. Default: 80.
	Steps int
	// Lists makes most of the commands those on lists, on one key. All else is as
	// without.
	Lists bool
	// Fields lets fields of hashes expire by themselves: some commands are others then,
	// drawn by themselves, so that the rest of a history is as it is without. Default:
	// none does.
	Fields bool
	// Evicts lets replicas evict keys, and adds to HyperLogLogs, beside what a history is
	// without. Default: they do not.
	Evicts bool
	// Fills lets clients load values of keys that are missing, beside what a history is
	// without: some commands are others then. Default: nobody does.
	Fills bool
	// Log takes one line for each thing that happens. It costs far more than the
	// run itself. Default: nothing is written.
	Log io.Writer
}

func (o Options) withDefaults() Options {
	if o.Steps == 0 {
		o.Steps = 80
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
	// Healed is the simulated time from the end of all faults until nothing more
	// happened.
	Healed time.Duration
	// Counts says what has happened.
	Counts Counts
}

// Counts says what has happened in one or several histories, to show that
// nothing was left out.
type Counts struct {
	Engines cachesync.Stats // sums over all engines, of those that ended too

	Writes    int // accepted by an engine
	Errors    int // commands that their mutator refused
	Sent      int // messages, each copy counted
	Lost      int // copies that never arrived
	Doubled   int // copies that arrived twice
	Overtaken int // copies that arrived after one that was sent later on the same link
	Cut       int // copies that met a link that was cut
	Refusals  int // requests that a peer refused
	Truncated int // pulls that were answered by pointing to a snapshot
	Pieces    int // pieces of snapshots beyond the first
	Pauses    int // regions paused
	Skews     int // clocks set wrong beyond what is allowed
	Crashes   int // replicas that lost their memory
	Died      int // writes that were lost with them, unseen by others
	Absurd    int // messages that no engine would send
	Audits    int // states compared with the original writes
	Weak      int // keys left out of that, because of writes that had not seen what of them was forgotten somewhere
	Rebuilt   int // replicas that dropped their state for another's, having been away
	Unready   int // commands that came before a new life was ready for any
	Damaged   int // keys lost behind a replica's back
	Freezes   int // replicas that were stopped
	Zombies   int // replicas whose ID had been retired when they went on
	Evicted   int // keys of which a replica forgot the values
	Missed    int // commands that needed those
	Afresh    int // of these, such as ran as on keys that do not exist
	Buried    int // keys that everybody had evicted, and that were removed in the end
	Foreign   int // fills with what a miss elsewhere, or in an earlier life, was given
	Barred    int // fills that were taken and lost in the end to who had not seen them
}

// Add returns the sums of both.
func (c Counts) Add(o Counts) Counts {
	c.Engines = c.Engines.Add(o.Engines)
	c.Writes += o.Writes
	c.Errors += o.Errors
	c.Sent += o.Sent
	c.Lost += o.Lost
	c.Doubled += o.Doubled
	c.Overtaken += o.Overtaken
	c.Cut += o.Cut
	c.Refusals += o.Refusals
	c.Truncated += o.Truncated
	c.Pieces += o.Pieces
	c.Pauses += o.Pauses
	c.Skews += o.Skews
	c.Crashes += o.Crashes
	c.Died += o.Died
	c.Absurd += o.Absurd
	c.Audits += o.Audits
	c.Weak += o.Weak
	c.Rebuilt += o.Rebuilt
	c.Unready += o.Unready
	c.Damaged += o.Damaged
	c.Freezes += o.Freezes
	c.Zombies += o.Zombies
	c.Evicted += o.Evicted
	c.Missed += o.Missed
	c.Afresh += o.Afresh
	c.Buried += o.Buried
	c.Foreign += o.Foreign
	c.Barred += o.Barred
	return c
}

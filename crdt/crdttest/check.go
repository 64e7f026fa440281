package crdttest

import (
	"fmt"
	"runtime"
	"strings"
	stdsync "sync"
	"testing"

	"github.com/atollcache/atoll/crdt"
)

// Options sets the size of the histories. The zero value of a field means its
// default.
type Options struct {
	// Replicas is how many replicas there are. Default: 3.
	Replicas int
	// Steps is how many steps a history has; a step costs time in proportion to
	// the square of those before it. Default: 60.
	Steps int
	// Collect lets replicas forget what is stable, leave, come back and begin anew.
	Collect bool
	// About makes the histories about lists (crdt.KindList) or HyperLogLogs
	// (crdt.KindHLL). Default: about all other kinds.
	About crdt.Kind
	// Retire lets them write under another ID from some time on, and retire what nobody
	// writes under any more. It goes with Collect.
	Retire bool
	// Fields lets fields of hashes expire by themselves. Histories without it are what
	// they are regardless.
	Fields bool
	// Fills makes the histories about fills. It goes with all but About and Fields.
	Fills bool
	// Evict lets them evict keys, and bring them back.
	Evict bool
	// Tier gives every replica's partition a [Disk], from which it is also begun
	// again, and compares it with one without. Default: none has one.
	Tier *Tier
	// Audit looks at what readers do not see of a partition, after each step that
	// changed it: its byte count, for one. Default: none.
	Audit func(*crdt.Partition) error
}

func (o Options) withDefaults() Options {
	if o.Replicas == 0 {
		o.Replicas = 3
	}
	if o.Steps == 0 {
		o.Steps = 60
	}
	return o
}

// Check makes up the history of a seed, runs it, and returns an error when
// package crdt departs from the specification or two replicas differ. The error
// names the seed and holds the shortest failing history that was found, as a
// script for [Replay].
func Check(seed uint64, o Options) error {
	o = o.withDefaults()
	steps := generate(seed, o)
	if guarded(o, steps) == nil {
		return nil
	}
	steps = shrink(steps, func(s []step) bool { return guarded(o, s) != nil })
	lines := make([]string, len(steps))
	for i, s := range steps {
		lines[i] = "\t" + s.String()
	}
	return fmt.Errorf("seed %d: %w\nreplay on %d replicas:\n%s",
		seed, guarded(o, steps), o.Replicas, strings.Join(lines, "\n"))
}

// guarded runs a history; a panic on the way is a failure like others.
func guarded(o Options, steps []step) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return replay(o, steps)
}

// Run checks so many seeds from first on, on all processors, and reports the
// lowest that fails.
func Run(tb testing.TB, first uint64, seeds int, o Options) {
	tb.Helper()
	var (
		mu   stdsync.Mutex
		next = first
		fail error
		at   uint64
	)
	take := func() (uint64, bool) {
		mu.Lock()
		defer mu.Unlock()
		seed := next
		next++
		return seed, seed < first+uint64(seeds) && fail == nil
	}
	var wg stdsync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for seed, ok := take(); ok; seed, ok = take() {
				if err := Check(seed, o); err != nil {
					mu.Lock()
					if fail == nil || seed < at {
						fail, at = err, seed
					}
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if fail != nil {
		tb.Fatal(fail)
	}
}

package node

import (
	"context"
	"slices"
	"time"

	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/wire"
)

// Saving. One goroutine saves what has changed, in rounds: at a beat, or as soon as
// somebody waits, and all who wait when a round begins share it. A write waits before
// it runs while too much is unsaved, or what is unsaved is too old; with Sync its reply
// waits for a round that has begun after it. What it wrote goes out to other nodes
// meanwhile, and others may read it: that makes it no less safe, for what a crash takes
// here comes back from there, and its number is never used again, since the next life
// writes under another ID.

// run saves until ctx ends.
func (d *disk) run(ctx context.Context) {
	tick := time.NewTicker(d.cfg.every())
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-d.wake:
		}
		_ = d.round() // Who waits has been told.
	}
}

// kick has a round begin soon.
func (d *disk) kick() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// since returns the time that covered is kept in.
func (d *disk) since() int64 { return int64(time.Since(d.began)) }

// round saves everything that had changed when it began.
func (d *disk) round() error {
	d.mu.Lock()
	waiting := d.mu.waiting
	d.mu.waiting = nil
	d.mu.Unlock()
	began, covers := time.Now(), d.since()
	err := d.failed()
	if err == nil {
		var saves int
		var left bool
		saves, left, err = d.save(d.core.Load())
		switch {
		case err != nil:
			d.fail(err)
		case left:
			err = core.ErrUnread
			fallthrough
		default:
			d.covered.Store(covers)
			d.count(began, saves)
		}
	}
	for _, w := range waiting {
		w <- err
	}
	return err
}

// save saves what has changed in a core, and keeps the bound of its stamps ahead. left
// says that it was not all, since something cannot be read.
func (d *disk) save(c *core.Core) (saves int, left bool, err error) {
	if c.WantsBound(d.now().Add(stampAhead)) {
		bound := d.lead()
		if err := d.setMeta(c.Replica(), bound); err != nil {
			return 0, false, err
		}
		c.Extend(bound)
	}
	pass, unsynced := c.NewPass(), false
	for more := true; more; {
		b := d.store.NewBatch()
		more, err = pass.Fill(b, batchBytes)
		saves = pass.Saved()
		sync := (err != nil || !more) && !d.cfg.loses()
		if b.Len() > 0 || sync && unsynced {
			if e := b.Commit(sync); err == nil {
				err = e
			}
			unsynced = !sync
		}
		if pass.Committed(err); err != nil {
			return 0, false, err
		}
	}
	if !d.cfg.loses() {
		pass.Synced()
	}
	return saves, pass.Left() > 0, nil
}

func (d *disk) count(began time.Time, saves int) {
	if saves == 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	s := &d.mu.stats
	s.rounds++
	s.saves += int64(saves)
	s.saved, s.took = time.Now(), time.Since(began)
	s.longest = max(s.longest, s.took)
}

// join waits for a round that begins after it was called.
func (d *disk) join() chan error {
	w := make(chan error, 1)
	d.mu.Lock()
	d.mu.waiting = append(d.mu.waiting, w)
	d.mu.Unlock()
	d.kick()
	return w
}

func (d *disk) leave(w chan error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.waiting = slices.DeleteFunc(d.mu.waiting, func(o chan error) bool { return o == w })
}

// wait waits for a round that begins after it was called, and returns how that went.
func (d *disk) wait(ctx context.Context) error {
	w := d.join()
	select {
	case err := <-w:
		return err
	case <-ctx.Done():
		d.leave(w)
		return ctx.Err()
	}
}

// stampSlack is how far ahead of the clock stamps must be allowed for a command to
// begin. A round sets their bound anew once less than stampAhead is left of it, so that
// commands do not come to wait for it as long as a beat and a commit take less than the
// difference.
const (
	stampSlack = core.MaxLead / 4
	stampAhead = core.MaxLead / 2
)

// hasRoom reports whether a write may run now.
func (d *disk) hasRoom(c *core.Core) bool {
	if d.failed() != nil {
		return true // Nothing is waited for; who refuses writes does so elsewhere.
	}
	if !c.MayStamp(d.now().Add(stampSlack)) {
		return false
	}
	keys, bytes := c.Unsaved()
	if bytes > d.cfg.MaxUnsaved {
		return false
	}
	return keys == 0 || d.cfg.Durability == None || d.since()-d.covered.Load() <= int64(d.cfg.Window/2)
}

// errSlowDisk is the reply to a write that has not run.
var errSlowDisk = &wire.Error{Code: wire.CodeOverload,
	Text: "BUSY the node's disk is too slow for what is written: try again shortly; nothing has been written"}

// admit waits until a write may run, for a bounded time. Without a disk it may at once.
func (d *disk) admit(ctx context.Context) error {
	if d == nil || d.hasRoom(d.core.Load()) {
		return nil
	}
	d.mu.Lock()
	d.mu.stats.waited++
	d.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, d.cfg.Wait)
	defer cancel()
	for ctx.Err() == nil {
		_ = d.wait(ctx)
		if d.hasRoom(d.core.Load()) {
			return nil
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.stats.refused++
	return errSlowDisk
}

// errUnsaved is the reply to a write that has run and is not known to be on the disk.
var errUnsaved = &wire.Error{Code: wire.CodeTimeout,
	Text: "TIMEOUT the write is not known to be on the node's disk; it may or may not outlast the node"}

// syncs reports whether what has been written is not acknowledged before it is on the
// disk.
func (d *disk) syncs() bool { return d != nil && d.cfg.Durability == Sync }

// acknowledge waits until what has been written is as safe as an acknowledgement says.
func (d *disk) acknowledge(ctx context.Context) error {
	if !d.syncs() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, d.cfg.Wait)
	defer cancel()
	if d.wait(ctx) != nil {
		return errUnsaved
	}
	return nil
}

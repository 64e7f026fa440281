package core

import (
	"slices"
	"time"

	"github.com/atollcache/atoll/region"
)

// State is where a core is in its life.
type State uint8

// The states of a life, in order: none is ever returned to.
const (
	Listening State = iota // hears who is there
	Filling                // is filled with what it will answer for
	Ready                  // runs commands
	Leaving                // takes no more commands, and hands over
	Gone                   // has said goodbye
)

// String returns the state's name.
func (s State) String() string {
	names := [...]string{"listening", "filling", "ready", "leaving", "gone"}
	if int(s) < len(names) {
		return names[s]
	}
	return "unknown"
}

// State returns where the node is in its life.
func (c *Core) State() State { return State(c.state.Load()) }

// turn goes from one state to a later one, unless another has been reached
// meanwhile, and reports whether it did.
func (c *Core) turn(from, to State) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.State() != from {
		return false
	}
	c.mu.served = c.mu.served || to == Ready
	c.state.Store(uint32(to))
	return true
}

// Step does what is due. It is to be called about every 10 ms, by one goroutine
// at a time; a later step does what earlier ones would have. An error says that
// the node cannot come to serve: a partition cannot be held, or the front doors
// cannot be opened. The life is not over by that; [Core.End] ends it.
func (c *Core) Step() error {
	c.Beat()
	c.settle()
	now := c.cfg.Now()
	c.wake(now)
	if c.step.judge.isDue(now) {
		c.judge()
	}
	if err := c.stepDisk(now); err != nil {
		return err
	}
	switch c.State() {
	case Listening:
		if c.step.joinBy.IsZero() {
			c.step.joinBy = now.Add(c.cfg.JoinWait)
		}
		if now.Before(c.step.joinBy) || c.misses(now) || !c.turn(Listening, Filling) {
			return nil
		}
		return c.fill()
	case Filling:
		return c.fill()
	case Ready:
		c.caughtUp(now, c.checkAllFilled())
		if c.step.follow {
			c.follow()
		}
	case Leaving:
		c.checkAllFilled() // Commands under way may wait for it.
		c.stepLeaving(now)
	}
	if c.State() != Gone && c.step.sweep.isDue(now) {
		c.sweep(now)
	}
	return nil
}

// settle does what the changes of the member view have left to do. Only steps do
// this, so that whoever delivers a heartbeat waits for no ring and no partition.
func (c *Core) settle() {
	c.mu.Lock()
	moved, news, gone := c.mu.moved, c.mu.news, c.mu.gone
	c.mu.moved, c.mu.news, c.mu.gone = false, false, nil
	if moved {
		if pl, err := newPlacement(c.mu.view, c.cfg); err != nil {
			c.cfg.Log.Error("placement", "err", err)
		} else {
			before, now := c.place.Load(), c.cfg.Now()
			pl.follow(before, now, now.Add(c.cfg.FillWait))
			c.place.Store(pl)
			if before.epoch != pl.epoch {
				c.stir(now)
			}
			c.step.follow = true
		}
	}
	c.mu.Unlock()
	for _, r := range gone {
		c.forget(r)
	}
	if news {
		// The new one should learn of this node and of what it holds at once.
		c.greet()
		c.announceHeads()
	}
}

// misses reports whether the node waits to hear of members that it knows there are.
func (c *Core) misses(now time.Time) bool {
	if now.Sub(c.step.joinBy) > c.cfg.FillWait {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.cfg.Known, func(m region.Member) bool {
		_, heard := c.mu.view.Member(m.Region, m.Name)
		return !heard
	})
}

// fill brings the node to serve: it holds what it will answer for, and when it
// has been filled with that it opens the front doors.
func (c *Core) fill() error {
	// Who is to hold what may have changed since the last step.
	if err := c.holdPlanned(); err != nil {
		return err
	}
	if !c.checkAllFilled() || c.isEarly() {
		return nil
	}
	if open, err := c.out.Open(); err != nil || !open {
		return err
	}
	if !c.turn(Filling, Ready) {
		return nil
	}
	c.checkAllFilled() // What is filled answers from now on.
	c.greet()
	c.announceHeads() // Joining nodes wait for heads of a node that is filled.
	c.settle()
	c.follow()
	return nil
}

// beat is when something is due that comes round.
type beat struct {
	every time.Duration
	due   time.Time
}

// isDue reports whether it is time, and if so sets the next.
func (b *beat) isDue(now time.Time) bool {
	if now.Before(b.due) {
		return false
	}
	if b.due = b.due.Add(b.every); !now.Before(b.due) {
		b.due = now.Add(b.every)
	}
	return true
}

package nodetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// diskPlan is what is drawn of the disks of a history. It comes from a stream of its
// own, so that what a seed was before there were disks it still is.
type diskPlan struct {
	at         []bool // by place: its nodes have one
	durability durability
	window     time.Duration // what may be lost with keepInterval
	every      time.Duration // between rounds that nobody waits for
	takes      time.Duration // a change
	slowTakes  time.Duration // a change, on a disk that is slow
	telling    time.Duration // from when the disk has a change until its node knows
	wait       time.Duration // of a write for the disk
	lead       time.Duration // of the bound of stamps before the clock
	batch      int           // bytes of a batch
	loss       int           // percent of crashes that lose what was not synced
	fails      int           // percent of changes that fail
	release    int           // percent of entries that leave memory after a round
	returns    bool          // in the end every disk is used again, otherwise those of nobody are destroyed
	blackout   bool          // in the end everybody crashes once more
}

// String describes the plan.
func (d *diskPlan) String() string {
	if d == nil {
		return "none"
	}
	type plain diskPlan
	return fmt.Sprintf("%+v", plain(*d))
}

// drawDisks gives a third of the histories disks, and what happens to them.
func drawDisks(p *plan, n int) {
	r := rand.New(rand.NewPCG(p.seed, 0x6469736b73))
	if r.IntN(3) != 0 {
		return
	}
	d := &diskPlan{
		durability: pick(r, keepSync, keepSync, keepInterval, keepInterval, keepNone),
		window:     pick(r, 100*ms, 400*ms),
		takes:      pick(r, 0, ms, 5*ms),
		slowTakes:  pick(r, 100*ms, 400*ms),
		telling:    pick(r, 0, ms),
		wait:       300 * ms,
		lead:       pick(r, 200*ms, time.Second),
		batch:      pick(r, 100, 1000, 1<<20),
		loss:       pick(r, 0, 50, 100),
		fails:      pick(r, 0, 0, 0, 1),
		release:    pick(r, 0, 10, 60),
		returns:    r.IntN(4) != 0,
		blackout:   r.IntN(3) == 0,
	}
	if d.every = d.window / 8; d.durability == keepNone {
		// The bound of stamps has to outlast the wait for the next round and for the sweep
		// that asks for it, which comes every 200 ms: in package node it is five sweeps
		// ahead. Were all three as long, whoever asks could find it passed each time.
		d.every = min(200*ms, d.lead/4)
	}
	if p.gentle {
		d.fails, d.blackout = 0, false
	}
	few := r.IntN(4) == 0
	for range p.places {
		d.at = append(d.at, !few || r.IntN(2) == 0)
	}
	p.disks = d
	weights := drawDiskWeights(r, p.gentle)
	for range pick(r, 2, 6, n/8) {
		at := r.IntN(len(p.steps) + 1)
		p.steps = slices.Insert(p.steps, at, drawDiskStep(r, p, weights))
	}
}

// drawDiskWeights returns how often each action is to happen beside the others.
func drawDiskWeights(r *rand.Rand, gentle bool) (w [numActions]int) {
	w[doRestart] = pick(r, 1, 4)
	if gentle {
		return w
	}
	w[doCrash] = pick(r, 0, 2, 4)
	w[doJump] = pick(r, 0, 1)
	w[doPower] = pick(r, 0, 0, 1, 2)
	w[doKill] = pick(r, 0, 1, 2)
	w[doDamage] = pick(r, 0, 0, 2)
	w[doSlowDisk] = pick(r, 0, 0, 2)
	w[doDestroy] = pick(r, 0, 0, 0, 1)
	return w
}

// drawDiskStep draws a step.
func drawDiskStep(r *rand.Rand, p *plan, weights [numActions]int) step {
	total := 0
	for _, w := range weights {
		total += w
	}
	s := step{after: time.Duration(r.Int64N(int64(20 * ms))), at: r.IntN(len(p.places)), other: r.IntN(100)}
	x := r.IntN(total)
	for x >= weights[s.action] {
		x -= weights[s.action]
		s.action++
	}
	suspect, forget := p.cfg.Members.SuspectAfter, p.cfg.Members.ForgetAfter
	s.lasts = pick(r, 0, 50*ms, suspect, 2*suspect, p.cfg.Sync.HorizonFor+200*ms, forget+500*ms)
	if p.gentle {
		s.lasts = pick(r, 0, 50*ms, suspect, 2*suspect)
	}
	if s.action == doJump {
		s.by = pick[time.Duration](r, 2, -2, -5, -20) * p.cfg.Sync.MaxSkew
	}
	return s
}

// disk returns the disk of a place, nil where nodes have none.
func (w *world) disk(at int) *disk {
	if w.disks == nil || !w.disks.at[at] {
		return nil
	}
	if w.drives[at] == nil {
		w.drives[at] = w.newDisk(at)
	}
	return w.drives[at]
}

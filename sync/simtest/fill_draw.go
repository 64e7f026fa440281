package simtest

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/crdttest"
)

// fillThemes are what is written beside fills: what removes, so that keys are missing,
// and what a fill must not win over.
var fillThemes = []theme{
	{crdttest.Del, crdttest.Del, crdttest.Set},
	{crdttest.Del, crdttest.Set, crdttest.Expire, crdttest.Persist, crdttest.Invalidate},
	{crdttest.Incr, crdttest.Incr, crdttest.Del, crdttest.Set, crdttest.Expire},
	{crdttest.HSet, crdttest.HDel, crdttest.SAdd, crdttest.SRem, crdttest.Del, crdttest.Expire},
	{crdttest.Invalidate, crdttest.Del, crdttest.Expire},
}

// drawFills adds to a history clients that find keys missing and come back some steps later
// with what they have loaded, mostly to the same replica. It draws from a source of its own.
func drawFills(p *plan) {
	r := rand.New(rand.NewPCG(p.seed, 0x66696c6c73))
	p.cfg.Misses = pick(r, 1, 2, 1024)
	p.cfg.FillFor = pick(r, 40*ms, 300*ms, time.Minute)
	p.cfg.FillLead = pick(r, ms, 20*ms, 3*time.Second)
	verbs, keys, share := pick(r, fillThemes...), []string{"k", "l"}[:1+r.IntN(2)], pick(r, 0, 4, 8)
	var now time.Duration
	for i := range p.steps {
		s := &p.steps[i]
		now += s.after
		if s.action == doWrite && r.IntN(10) < share {
			s.command = drawCommand(r, verbs, keys, 0, now)
		}
	}
	for range 4 + r.IntN(30) {
		drawFill(r, p, keys)
	}
	// The first in a partition waits until everybody has heard of it.
	first := []step{{action: doMiss, at: r.IntN(len(p.regions)), command: crdttest.Command{Key: "k"}}}
	if r.IntN(4) > 0 {
		first = append(first, step{action: doWait, after: time.Duration(r.Int64N(int64(300 * ms)))})
	}
	p.steps = slices.Insert(p.steps, r.IntN(5), first...)
}

// drawFill adds one miss and what comes of it.
func drawFill(r *rand.Rand, p *plan, keys []string) {
	miss := step{action: doMiss, at: r.IntN(len(p.regions)), after: time.Duration(r.Int64N(int64(3 * ms)))}
	fill := step{action: doFill, at: miss.at, other: miss.at, after: time.Duration(r.Int64N(int64(8 * ms)))}
	if r.IntN(5) == 0 {
		fill.at = r.IntN(len(p.regions))
	}
	miss.command.Key = pick(r, keys...)
	fill.command = crdttest.Command{Verb: crdttest.Fill, Key: miss.command.Key, Value: pick(r, "5", "loaded", "10.5"), At: crdt.Never}
	i := r.IntN(len(p.steps) + 1)
	j := min(i+r.IntN(8), len(p.steps))
	if r.IntN(3) == 0 {
		fill.command.At = r.Int64N(300) - 2 // From the time on at which it is made.
	}
	p.steps = slices.Insert(p.steps, j, fill)
	p.steps = slices.Insert(p.steps, i, miss)
	if fill.command.At != crdt.Never {
		for _, s := range p.steps[:j+2] {
			p.steps[j+1].command.At += int64(s.after / ms)
		}
		p.steps[j+1].command.At += epoch.UnixMilli()
	}
}

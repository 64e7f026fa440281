package simtest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/crdttest"
	cachesync "github.com/atollcache/atoll/sync"
)

// epoch is when every history begins.
var epoch = time.UnixMilli(1_700_000_000_000).UTC()

// plan is all that is drawn from a seed beforehand: what a history is made of.
// Only the fate of single messages is drawn on the way.
type plan struct {
	seed    uint64
	cfg     cachesync.Config
	regions []string        // of each replica
	skews   []time.Duration // of each replica's clock, within what is allowed
	beat    time.Duration   // how often engines are given the time
	eager   bool            // every write is broadcast at once
	evicts  bool            // keys are evicted
	fills   bool            // keys are filled
	net     weather
	steps   []step
}

// weather is how bad the network is. Chances are in percent of copies.
type weather struct {
	loss, double   int
	failFast       int           // chance that the sender of a lost request is told so
	least, spread  time.Duration // delay of a copy
	slow           int           // chance of slowness times the delay
	slowness       int
	forgetsTheDead bool          // members learn quickly that a replica is gone
	knownAfter     time.Duration // until members know of a new one
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

const ms = time.Millisecond

// draw makes up the history of a seed: always the same one.
func draw(seed uint64, o Options) *plan {
	r := rand.New(rand.NewPCG(seed, 0x73696d74657374))
	p := &plan{seed: seed}
	p.cfg = cachesync.Config{
		LogBytes:      pick(r, 1, 150, 800, 5000, 1<<20),
		HoldBytes:     pick(r, 300, 1500, 10000, 1<<20),
		BatchBytes:    pick(r, 1, 500, 2000, 1<<18),
		QueueBytes:    pick(r, 300, 1500, 1<<20),
		MaxSkew:       30 * ms,
		AnnounceAfter: pick(r, 3*ms, 8*ms, 20*ms),
		AnnounceEvery: pick(r, 50*ms, 150*ms),
		PullAfter:     pick(r, 2*ms, 6*ms),
		PullTimeout:   pick(r, 30*ms, 60*ms),
		HoldFor:       pick(r, 100*ms, 400*ms),
		Snapshots:     pick(r, 1, 2, 4),
		SnapshotIdle:  pick(r, 50*ms, 200*ms),
		Requests:      pick(r, 1, 3, 1024),
		Peers:         pick(r, 2, 256, 256),
		CompareWithin: pick(r, 100*ms, time.Minute),
		HorizonFor:    pick(r, 0, 0, 200*ms, 1000*ms),
		HorizonLeast:  pick(r, 50*ms, time.Minute),
		HorizonBytes:  pick(r, 1, 1<<20, 1<<20, 1<<20),
	}
	names := []string{"ap", "eu", "us"}[:2+r.IntN(2)]
	for range 2 + r.IntN(4) {
		p.regions = append(p.regions, pick(r, names...))
		p.skews = append(p.skews, time.Duration(r.Int64N(int64(p.cfg.MaxSkew))))
	}
	if p.cfg.Peers < len(p.regions) {
		// Who cannot remember all holders never knows that anything is stable.
		p.cfg.HorizonFor, p.cfg.HorizonLeast, p.cfg.HorizonBytes = 0, 0, 0
	}
	p.beat = pick(r, 2*ms, 5*ms)
	p.eager = r.IntN(3) == 0
	p.net = weather{
		loss: pick(r, 0, 0, 3, 15, 40), double: pick(r, 0, 5, 20), failFast: pick(r, 0, 50, 100),
		least: ms / 2, spread: pick(r, ms, 10*ms), slow: pick(r, 0, 5, 30), slowness: pick(r, 3, 10),
		forgetsTheDead: r.IntN(2) == 0, knownAfter: pick(r, 0, 5*ms, 30*ms),
	}
	p.steps = drawSteps(r, p, o.Steps)
	drawFreezes(p)
	if o.Lists {
		drawLists(p)
	}
	if p.evicts = o.Evicts; p.evicts {
		drawEvictions(p)
	}
	if o.Fields {
		drawFields(rand.New(rand.NewPCG(seed, 0x6669656c6473)), p)
	}
	if p.fills = o.Fills; p.fills {
		drawFills(p)
	}
	return p
}

// drawLists puts commands on a list in the place of most commands. They are drawn
// from a stream of their own.
func drawLists(p *plan) {
	r := rand.New(rand.NewPCG(p.seed, 0x6c69737473))
	for i := range p.steps {
		if s := &p.steps[i]; s.action == doWrite && r.IntN(10) > 0 {
			s.command = crdttest.DrawList(r, pick(r, crdttest.ListVerbs...), "k")
		}
	}
}

// theme is the mix of verbs of one history.
type theme []crdttest.Verb

var themes = []theme{
	{crdttest.Incr, crdttest.Incr, crdttest.Incr, crdttest.Set, crdttest.Del},
	{crdttest.Set, crdttest.Set, crdttest.Del, crdttest.Expire, crdttest.Persist, crdttest.Invalidate, crdttest.IncrFloat},
	{crdttest.HSet, crdttest.HSet, crdttest.HDel, crdttest.HIncr, crdttest.HIncrFloat, crdttest.Del, crdttest.Expire, crdttest.Invalidate},
	{crdttest.HSet, crdttest.HIncr, crdttest.HIncr, crdttest.HDel},
	{crdttest.SAdd, crdttest.SAdd, crdttest.SRem, crdttest.Del},
	{crdttest.ZAdd, crdttest.ZIncr, crdttest.ZIncr, crdttest.ZRem, crdttest.Del, crdttest.Expire},
	{crdttest.Set, crdttest.Incr, crdttest.IncrFloat, crdttest.HSet, crdttest.HIncr, crdttest.HDel, crdttest.SAdd, crdttest.SRem,
		crdttest.ZAdd, crdttest.ZIncr, crdttest.ZRem, crdttest.Del, crdttest.Expire, crdttest.Persist, crdttest.Invalidate},
}

func drawSteps(r *rand.Rand, p *plan, n int) []step {
	weights := [numActions]int{
		doWrite: pick(r, 20, 50, 100), doFlush: pick(r, 10, 40), doWait: pick(r, 0, 20),
		doCut: pick(r, 0, 0, 6), doMend: pick(r, 2, 8), doPause: pick(r, 0, 0, 5), doResume: pick(r, 2, 6),
		doCrash: pick(r, 0, 0, 2, 5), doSkew: pick(r, 0, 0, 0, 3), doAbsurd: pick(r, 0, 3), doAudit: 2,
	}
	total := 0
	for _, w := range weights {
		total += w
	}
	verbs := themes[r.IntN(len(themes))]
	keys := []string{"k", "l", "m", "n"}[:1+r.IntN(4)]
	pace := pick(r, 2*ms, 5*ms, 15*ms)
	big := pick(r, 0, 0, 10, 50)
	var now time.Duration
	var steps []step
	for range n {
		s := step{after: time.Duration(r.Int64N(int64(pace))), at: r.IntN(len(p.regions)), other: r.IntN(len(p.regions))}
		now += s.after
		x := r.IntN(total)
		for x >= weights[s.action] {
			x -= weights[s.action]
			s.action++
		}
		switch s.action {
		case doWrite:
			s.count = pick(r, 1, 1, 1, 4)
			s.command = drawCommand(r, verbs, keys, big, now)
			if r.IntN(4) == 0 {
				s.request = 1 + r.Uint64N(20)
			}
		case doWait:
			s.after += pick(r, 20*ms, 80*ms)
		case doSkew:
			s.by = pick[time.Duration](r, 2, 5, -3) * p.cfg.MaxSkew
		case doAbsurd:
			s.other = r.IntN(numAbsurd)
		}
		steps = append(steps, s)
	}
	return steps
}

func drawCommand(r *rand.Rand, verbs theme, keys []string, big int, now time.Duration) crdttest.Command {
	c := crdttest.Command{Verb: pick(r, verbs...), Key: pick(r, keys...), At: crdt.Never}
	if c.Verb >= crdttest.HSet {
		c.Field = pick(r, "f", "g", "h")
	}
	switch c.Verb {
	case crdttest.Set, crdttest.HSet:
		c.Value = pick(r, "5", "-3", "10.5", "text", "70")
		if r.IntN(100) < big {
			c.Value = strings.Repeat("x", 100+r.IntN(500))
		}
	case crdttest.Incr, crdttest.HIncr:
		c.Amount = float64(r.IntN(9) - 3)
	case crdttest.IncrFloat, crdttest.HIncrFloat, crdttest.ZIncr:
		c.Amount = float64(r.IntN(33)-12) / 4
	case crdttest.ZAdd:
		c.Amount = float64(r.IntN(20))
	}
	if c.Verb == crdttest.Expire || c.Verb == crdttest.Set && r.IntN(4) == 0 {
		c.At = epoch.Add(now).UnixMilli() + r.Int64N(300) - 2
	}
	return c
}

// String describes the plan but for its steps.
func (p *plan) String() string {
	return fmt.Sprintf("replicas in %v, clocks off by %v, beat %v, eager %v\n%+v\n%+v",
		p.regions, p.skews, p.beat, p.eager, p.net, p.cfg)
}

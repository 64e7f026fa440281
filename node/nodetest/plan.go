package nodetest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// epoch is when every history begins.
var epoch = time.UnixMilli(1_700_000_000_000).UTC()

const ms = time.Millisecond

// plan is all that is drawn from a seed beforehand: what a history is made of.
// Only the fate of single messages is drawn on the way.
type plan struct {
	seed     uint64
	light    bool        // writes are not noted, and what shows is not compared with them
	gentle   bool        // nothing breaks: no command may fail
	cfg      core.Config // of every node, but for its names
	beat     time.Duration
	stagger  time.Duration // between the starts of the first nodes
	eager    bool          // what is written is published at once, not at the next beat
	maxPulls int           // partitions of a node that pull at the same time
	waits    waits
	places   []place // by region
	net      weather
	steps    []step
	disks    *diskPlan   // nil: no node has one
	memory   *memoryPlan // nil: there is room for everything
	fills    bool        // keys are filled
	// patience is how long after the end of all faults the cluster may take to become
	// equal and quiet.
	patience time.Duration
}

// waits are the bounds of what a node's routing waits for, and its clients.
type waits struct {
	seen   time.Duration // for the write that a session refers to
	ask    time.Duration // for the answer to a pull
	answer time.Duration // for a reply to a command that was passed on
	try    time.Duration // a client for a reply, before it tries another node
	call   time.Duration // a client for all its tries
	idle   int           // bound of the messages that a frozen or slow node has not taken yet
}

// place is where a node may live, one life after another.
type place struct {
	region, name, zone string
	weight             int
	up                 bool          // from the beginning
	skew               time.Duration // of its clock, within what is allowed
}

// weather is how bad the network is. Chances are in percent of copies.
type weather struct {
	loss, double  int           // of what is published and announced
	hang          int           // requests or answers lost without a word
	least, spread time.Duration // delay of a copy in a region
	far           time.Duration // added between regions
	slow          int           // chance of slowness times the delay
	slowness      int
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// draw makes up the history of a seed: always the same one.
func draw(seed uint64, o Options) *plan {
	r := rand.New(rand.NewPCG(seed, 0x6e6f646574657374))
	p := &plan{seed: seed, gentle: r.IntN(4) == 0}
	p.cfg = drawConfig(r)
	p.beat = pick(r, 10*ms, 20*ms)
	p.cfg.FrozenAfter = pick(r, 10*p.beat, p.cfg.Members.SuspectAfter)
	p.stagger = pick(r, 0, 20*ms, 200*ms)
	p.eager = r.IntN(2) == 0
	p.maxPulls = pick(r, 1, 64)
	p.net = weather{
		loss: pick(r, 0, 0, 2, 10, 30), double: pick(r, 0, 5, 20), hang: pick(r, 0, 0, 2, 8),
		least: ms / 2, spread: pick(r, ms, 8*ms), far: pick(r, 0, 10*ms, 40*ms),
		slow: pick(r, 0, 5, 20), slowness: pick(r, 3, 8),
	}
	if p.gentle {
		p.net.loss, p.net.hang = 0, 0
		// Nor is anything so slow that a node is not filled in time.
		p.maxPulls, p.cfg.Sync.BatchBytes = 64, max(p.cfg.Sync.BatchBytes, 4000)
	}
	p.waits = waits{
		seen: pick(r, 300*ms, 600*ms), ask: pick(r, 200*ms, 500*ms, 900*ms), answer: pick(r, 400*ms, 800*ms),
		idle: pick(r, 20, 200, 2000),
	}
	p.cfg.ClaimFor = 4 * p.waits.seen
	p.waits.try = p.cfg.FillWait + 3*p.waits.answer
	p.waits.call = 3*p.waits.try + 4*time.Second
	p.places = drawPlaces(r, p.cfg.Sync.MaxSkew)
	p.patience = time.Minute
	p.steps = drawSteps(r, p, o.Steps)
	if o.Lists {
		drawLists(p)
	}
	drawDisks(p, o.Steps)
	drawMore(p, o)
	drawFills(p, o)
	return p
}

// drawConfig returns a configuration whose waits are so short that everything
// that takes a node hours happens within seconds.
func drawConfig(r *rand.Rand) core.Config {
	c := core.Config{
		Partitions: pick[region.Partitions](r, 1, 2, 4, 8),
		Copies:     pick(r, 1, 2, 2, 3),
		Members:    region.Config{HeartbeatEvery: pick(r, 50*ms, 100*ms)},
		JoinWait:   pick(r, 150*ms, 300*ms),
		FillWait:   pick(r, time.Second, 2*time.Second),
		LeaveWait:  pick(r, time.Second, 2*time.Second),
	}
	c.Members.SuspectAfter = pick[time.Duration](r, 3, 6) * c.Members.HeartbeatEvery
	// Views differ for a while after each change, longer when heartbeats are lost.
	c.KeepFor = pick[time.Duration](r, 3, 6) * c.Members.SuspectAfter
	c.Sync = cachesync.Config{
		LogBytes:      pick(r, 1, 500, 5000, 1<<20, 1<<20),
		HoldBytes:     pick(r, 1500, 10000, 1<<20),
		BatchBytes:    pick(r, 500, 4000, 1<<18),
		QueueBytes:    pick(r, 1500, 1<<20),
		MaxSkew:       60 * ms,
		AnnounceAfter: pick(r, 20*ms, 60*ms),
		AnnounceEvery: pick(r, 200*ms, 400*ms),
		PullAfter:     pick(r, 10*ms, 30*ms),
		PullTimeout:   pick(r, 300*ms, 600*ms),
		HoldFor:       pick(r, 500*ms, 2*time.Second),
		Snapshots:     pick(r, 1, 2, 4),
		SnapshotIdle:  pick(r, 300*ms, time.Second),
		Requests:      pick(r, 3, 1024, 1024),
		CompareWithin: pick(r, time.Second, 3*time.Second),
		HorizonFor:    pick(r, time.Second, 2*time.Second, 10*time.Second),
		HorizonBytes:  pick(r, 1, 1<<20, 1<<20, 1<<20),
		HorizonLeast:  600 * ms,
	}
	c.Clocks = region.ClockConfig{MaxSkew: c.Sync.MaxSkew, MaxAge: 2 * time.Second}
	c.Members.ForgetAfter = max(pick(r, 1500*ms, 3*time.Second), min(c.Sync.HorizonFor, 4*time.Second))
	c.Sync.RetireAfter = c.Members.ForgetAfter / 4
	if c.Sync.HorizonFor > c.Members.ForgetAfter {
		c.Sync.HorizonFor = c.Members.ForgetAfter
	}
	return c
}

// drawPlaces returns the places of one to three regions.
func drawPlaces(r *rand.Rand, maxSkew time.Duration) (ps []place) {
	for _, name := range []string{"ap", "eu", "us"}[:pick(r, 1, 2, 2, 3, 3)] {
		zones := pick(r, 0, 0, 2, 3)
		weighted := r.IntN(4) == 0
		up := 1 + r.IntN(3)
		for i := range pick(r, 2, 3, 3, 4, 5) {
			p := place{region: name, name: fmt.Sprintf("%s%d", name, i), up: i < up, weight: 100}
			p.skew = time.Duration(r.Int64N(int64(maxSkew))) / 2
			if zones > 0 {
				p.zone = fmt.Sprintf("z%d", i%zones)
			}
			if weighted {
				p.weight = pick(r, 50, 100, 300)
			}
			ps = append(ps, p)
		}
	}
	return ps
}

// String describes the plan but for its steps.
func (p *plan) String() string {
	s := fmt.Sprintf("disks %v, memory %v, fills %v, gentle %v, beat %v, %d partitions, %d copies, waits %+v, join %v, fill %v, leave %v, keep %v\n%+v\n%+v\n%+v",
		p.disks, p.memory, p.fills, p.gentle, p.beat, p.cfg.Partitions, p.cfg.Copies, p.waits,
		p.cfg.JoinWait, p.cfg.FillWait, p.cfg.LeaveWait, p.cfg.KeepFor, p.net, p.cfg.Members, p.cfg.Sync)
	for i, x := range p.places {
		s += fmt.Sprintf("\nplace %d: %+v", i, x)
	}
	return s
}

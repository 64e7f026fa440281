package node

import (
	"context"
	"maps"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/resp"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// feed brings the changes of the region's keys to those who observe them: the
// owner of a key tells every node of the region that has said of late that it wants
// to hear. Nobody wanting costs a look at a flag for each change.
//
// A node that could not take all is told that everything may have changed, and an
// observer tells itself so when the ring changes, since two nodes, or none, may
// take themselves for an owner meanwhile.
type feed struct {
	n      *Node
	send   func(context.Context, crdt.ReplicaID, []resp.Change) error
	wanted atomic.Bool
	work   context.Context // ends with the node
	stop   context.CancelFunc
	wg     sync.WaitGroup

	mu struct {
		sync.Mutex
		outlets   map[crdt.ReplicaID]*outlet // other nodes that observe
		observers map[int]*outlet            // of this node
		next      int
	}
}

const (
	// observeEvery is how often a node says that it observes, observeFor how long
	// that holds.
	observeEvery = time.Second
	observeFor   = 4 * time.Second
	// maxFed bounds the changes that wait for one observer, fedTogether those in one
	// message.
	maxFed      = 32 << 10
	fedTogether = 512
)

// outlet is one observer, and what waits for it.
type outlet struct {
	give func(ctx context.Context, changes []resp.Change) error
	wake chan struct{} // holds one element while something waits
	end  context.CancelFunc

	mu struct {
		sync.Mutex
		waiting []resp.Change
		lost    bool
		until   time.Time // zero: until it is ended
	}
}

func newFeed(n *Node) *feed {
	f := &feed{n: n, send: n.send}
	f.work, f.stop = context.WithCancel(context.Background())
	f.mu.outlets, f.mu.observers = map[crdt.ReplicaID]*outlet{}, map[int]*outlet{}
	return f
}

// close ends the feed and returns when all that it started has ended.
func (f *feed) close() {
	f.stop()
	f.wg.Wait()
}

// observer returns what tells the feed of a life's changes.
func (f *feed) observer(l *life) core.Observer { return lifeObserver{f, l} }

// lifeObserver is the core.Observer of one life.
type lifeObserver struct {
	f *feed
	l *life
}

// Observes implements core.Observer.
func (o lifeObserver) Observes() bool { return o.f.wanted.Load() }

// Changed implements core.Observer.
func (o lifeObserver) Changed(c core.Change) {
	if o.l.core.Place().Owner(o.l.cfg.Region, c.Partition) != o.l.cfg.Name {
		return
	}
	out := resp.Change{Partition: c.Partition, All: !c.HasKey, Key: c.Key}
	if c.HasKey {
		out.Events = eventsOf(c)
	}
	if c.Delta != nil {
		out.Away = o.l.isAway(c.Delta.Dot.Replica)
	}
	o.f.spread(out)
}

// isAway reports whether a replica is not one of this region.
func (l *life) isAway(r crdt.ReplicaID) bool {
	for _, m := range l.core.Place().Members() {
		if m.Replica.Life() == r.Life() {
			return m.Region != l.cfg.Region
		}
	}
	return true
}

// spread gives a change to everybody who observes.
func (f *feed) spread(c resp.Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range f.mu.outlets {
		o.add(c)
	}
	for _, o := range f.mu.observers {
		o.add(c)
	}
}

// add lets a change wait for an observer. What is too much is lost, and that is
// told of.
func (o *outlet) add(cs ...resp.Change) {
	o.mu.Lock()
	if len(o.mu.waiting)+len(cs) > maxFed {
		o.mu.waiting, o.mu.lost = nil, true
	} else {
		o.mu.waiting = append(o.mu.waiting, cs...)
	}
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// open starts to serve an observer until it is ended, its time is over, or ctx
// ends. The caller holds the lock.
func (f *feed) open(give func(context.Context, []resp.Change) error, closed func()) *outlet {
	o := &outlet{give: give, wake: make(chan struct{}, 1)}
	var ctx context.Context
	ctx, o.end = context.WithCancel(f.work)
	f.wg.Go(func() {
		defer closed()
		defer o.end()
		o.run(ctx)
	})
	return o
}

// run gives what waits.
func (o *outlet) run(ctx context.Context) {
	look := time.NewTicker(observeEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-o.wake:
		case <-look.C:
		}
		for {
			changes, over := o.take(time.Now())
			if over {
				return
			}
			if len(changes) == 0 {
				break
			}
			if err := o.give(ctx, changes); err != nil {
				o.mu.Lock()
				o.mu.lost = true
				o.mu.Unlock()
				break
			}
		}
	}
}

// take returns what to give next, and whether the observer's time is over.
func (o *outlet) take(now time.Time) (changes []resp.Change, over bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.mu.until.IsZero() && now.After(o.mu.until) {
		return nil, true
	}
	if o.mu.lost {
		o.mu.lost = false
		return []resp.Change{{Everywhere: true}}, false
	}
	n := min(len(o.mu.waiting), fedTogether)
	changes, o.mu.waiting = o.mu.waiting[:n:n], o.mu.waiting[n:]
	return changes, false
}

// settle sets wanted. The caller holds the lock.
func (f *feed) settle() { f.wanted.Store(len(f.mu.outlets)+len(f.mu.observers) > 0) }

// Observe implements resp.Observer.
func (r redis) Observe(ctx context.Context, tell func(resp.Change)) (stop func(), err error) {
	f := r.n.feed
	f.mu.Lock()
	id := f.mu.next
	f.mu.next++
	o := f.open(func(_ context.Context, cs []resp.Change) error {
		for _, c := range cs {
			tell(c)
		}
		return nil
	}, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.mu.observers, id)
		f.settle()
	})
	f.mu.observers[id] = o
	f.settle()
	f.mu.Unlock()
	r.n.sayObserving(ctx)
	work, end := context.WithCancel(f.work)
	f.wg.Go(func() { r.n.observe(work, o) })
	return func() { end(); o.end() }, nil
}

// observe goes on saying that this node observes, and tells the observer when the
// ring has changed: then, and once more when that has settled.
func (n *Node) observe(ctx context.Context, o *outlet) {
	epoch, again := n.life.Load().core.Place().Epoch(), false
	for sleep(ctx, observeEvery) {
		now := n.life.Load().core.Place().Epoch()
		missed := n.sayObserving(ctx)
		if now != epoch || again || missed {
			o.add(resp.Change{Everywhere: true})
		}
		epoch, again = now, now != epoch
	}
}

// sayObserving tells the other nodes of the region that this one observes, and
// returns when they know or do not answer. It reports whether one does not, or did
// not know any more.
func (n *Node) sayObserving(ctx context.Context) (missed bool) {
	l := n.life.Load()
	var near []region.Member
	for _, m := range l.alive() {
		if m.Region == l.cfg.Region && m.Replica != l.core.Replica() {
			near = append(near, m)
		}
	}
	for _, a := range l.askAll(ctx, near, askTimeout, "_OBSERVE", strconv.FormatUint(uint64(l.core.Replica()), 16)) {
		missed = missed || a.reply.Type != wire.TypeInt || a.reply.Int != 0
	}
	return missed
}

// answerObserve takes in that another node observes.
func (l *life) answerObserve(args []string) (wire.Reply, error) {
	if len(args) != 1 {
		return wire.Reply{}, errAnswer
	}
	id, err := strconv.ParseUint(args[0], 16, 64)
	if err != nil {
		return wire.Reply{}, errAnswer
	}
	return wire.Int(int64(count(l.feed.renew(crdt.ReplicaID(id))))), nil
}

// renew lets another node observe for a time, and reports whether it did not until
// now. Only members can, so that there are not more than of those.
func (f *feed) renew(r crdt.ReplicaID) (begun bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := f.mu.outlets[r]
	begun = o == nil
	if begun {
		if !f.n.isMember(r) || f.work.Err() != nil {
			return true
		}
		o = f.open(func(ctx context.Context, cs []resp.Change) error { return f.send(ctx, r, cs) }, func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			maps.DeleteFunc(f.mu.outlets, func(id crdt.ReplicaID, _ *outlet) bool { return id == r })
			f.settle()
		})
		f.mu.outlets[r] = o
		f.settle()
	}
	o.mu.Lock()
	o.mu.until = time.Now().Add(observeFor)
	o.mu.Unlock()
	return begun
}

func (n *Node) isMember(r crdt.ReplicaID) bool {
	for _, m := range n.life.Load().core.Place().Members() {
		if m.Replica == r {
			return true
		}
	}
	return false
}

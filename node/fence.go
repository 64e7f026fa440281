package node

import (
	"context"
	"sync"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// fence keeps commands from running before what other nodes of the region had
// acknowledged when the commands came is here, where core.Core.MayLag says that it
// may not be. It asks them how far they are, one request under way to each: the
// commands that come meanwhile share the next, as reads do that ask whether their
// leader still leads (Ongaro, "Consensus: bridging theory and practice", 2014,
// section 6.4).
type fence struct {
	l  *life
	mu sync.Mutex
	of map[crdt.ReplicaID]*inquiries
}

// inquiries are the requests to one node. They are guarded by the fence's lock.
type inquiries struct {
	busy bool      // one is under way, or its turn has been given
	next *inquiry  // what has not been sent; nil: nothing
	rest time.Time // it is not asked before, since it did not answer
}

// inquiry is one request, and then its answer.
type inquiry struct {
	wanted map[region.Partition][]uint64 // with the requests that are claimed
	turn   chan struct{}                 // holds one element when somebody is to send it
	done   chan struct{}                 // closed when it has been answered, or not in time
	seen   map[region.Partition]core.Seen
}

func newFence(l *life) *fence { return &fence{l: l, of: map[crdt.ReplicaID]*inquiries{}} }

// lag says that other nodes may be ahead in a partition that commands are going to
// run on here.
type lag struct {
	others   []crdt.ReplicaID
	requests []uint64 // that have been claimed
}

// lagging returns where other nodes may be ahead of this one.
func (l *life) lagging(jobs []job, near bool) map[region.Partition]lag {
	var out map[region.Partition]lag
	now := l.cfg.Now()
	for i := range jobs {
		j := &jobs[i]
		if j.err != nil || j.Spec.Keys == command.KeysNone || j.isSplit() {
			continue // What is split comes back in parts.
		}
		others, request := l.core.Ask(&j.Task, near, now)
		if len(others) == 0 {
			continue
		}
		if out == nil {
			out = map[region.Partition]lag{}
		}
		o := out[j.Partition]
		if o.others = others; request != 0 {
			o.requests = append(o.requests, request)
		}
		out[j.Partition] = o
	}
	return out
}

// disclaim ends what lagging has claimed.
func (l *life) disclaim(lagging map[region.Partition]lag) {
	for p, o := range lagging {
		for _, r := range o.requests {
			l.core.Disclaim(p, r)
		}
	}
}

// await returns when all is here that other nodes of the region had of some
// partitions when it was called, or after SeenWait: who does not answer holds
// nobody up for longer.
func (f *fence) await(ctx context.Context, lagging map[region.Partition]lag) {
	if len(lagging) > 0 {
		f.awaitAll(ctx, lagging)
	}
}

func (f *fence) awaitAll(ctx context.Context, lagging map[region.Partition]lag) {
	ctx, cancel := context.WithTimeout(ctx, f.l.cfg.SeenWait)
	defer cancel()
	ask := map[crdt.ReplicaID][]core.Question{}
	for p, o := range lagging {
		for _, r := range o.others {
			ask[r] = append(ask[r], core.Question{Partition: p, Requests: o.requests})
		}
	}
	var wg sync.WaitGroup
	for r, qs := range ask {
		wg.Go(func() {
			seen := f.ask(ctx, r, qs)
			for _, q := range qs {
				p := q.Partition
				for _, d := range f.l.core.Learn(p, seen[p]) {
					if s := f.l.core.Shard(p); s != nil {
						awaitSeen(ctx, s, d)
					}
				}
			}
		})
	}
	wg.Wait()
}

// ask returns what a node has of partitions, nothing when it does not answer.
func (f *fence) ask(ctx context.Context, r crdt.ReplicaID, qs []core.Question) map[region.Partition]core.Seen {
	q, i := f.join(r, qs)
	if i == nil {
		return nil
	}
	select {
	case <-i.done:
	case <-i.turn:
		f.send(r, q, i)
	case <-ctx.Done():
		return nil
	}
	return i.seen
}

// join puts partitions into the next request to a node, unless it rests.
func (f *fence) join(r crdt.ReplicaID, qs []core.Question) (*inquiries, *inquiry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	q := f.of[r]
	if q == nil {
		for id, o := range f.of { // Of nodes that have gone nothing is kept.
			if !o.busy && now.After(o.rest) {
				delete(f.of, id)
			}
		}
		q = &inquiries{}
		f.of[r] = q
	}
	if now.Before(q.rest) {
		return nil, nil
	}
	if q.next == nil {
		q.next = &inquiry{wanted: map[region.Partition][]uint64{}, turn: make(chan struct{}, 1), done: make(chan struct{})}
	}
	if !q.busy {
		q.busy = true
		q.next.turn <- struct{}{}
	}
	for _, o := range qs {
		q.next.wanted[o.Partition] = append(q.next.wanted[o.Partition], o.Requests...)
	}
	return q, q.next
}

// send asks a node for what others have joined by now, and gives the turn to those
// who have joined since.
func (f *fence) send(r crdt.ReplicaID, q *inquiries, i *inquiry) {
	f.mu.Lock()
	q.next = nil
	f.mu.Unlock()
	qs := make([]core.Question, 0, len(i.wanted))
	for p, requests := range i.wanted {
		qs = append(qs, core.Question{Partition: p, Requests: requests})
	}
	// Whoever has the turn asks for all who wait.
	ctx, cancel := context.WithTimeout(context.Background(), f.l.cfg.SeenWait)
	reply := f.l.askNode(ctx, r, f.l.core.SeenArgs(qs)...)
	cancel()
	var err error
	i.seen, err = core.ReadSeen(reply)
	close(i.done)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		q.rest = time.Now().Add(core.FenceRest)
	}
	if q.busy = q.next != nil; q.busy {
		q.next.turn <- struct{}{}
	}
}

// answerSeen says what has been seen here of partitions, of those that are held.
func (l *life) answerSeen(args []string) (wire.Reply, error) { return l.core.AnswerSeen(args) }

// tell returns when nodes have seen the writes that this node has run in their
// place, or after SeenWait: who reads there next must not miss them.
func (f *fence) tell(ctx context.Context, wrote map[crdt.ReplicaID][]core.Awaited) {
	if len(wrote) > 0 {
		f.tellAll(ctx, wrote)
	}
}

func (f *fence) tellAll(ctx context.Context, wrote map[crdt.ReplicaID][]core.Awaited) {
	ctx, cancel := context.WithTimeout(ctx, f.l.cfg.SeenWait)
	defer cancel()
	var wg sync.WaitGroup
	for r, writes := range wrote {
		if f.rests(r) {
			continue
		}
		wg.Go(func() {
			if f.l.askNode(ctx, r, core.AwaitArgs(writes)...).Type == wire.TypeError {
				f.fail(r)
			}
		})
	}
	wg.Wait()
}

// rests reports whether a node is not asked, since it has not answered.
func (f *fence) rests(r crdt.ReplicaID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	q := f.of[r]
	return q != nil && time.Now().Before(q.rest)
}

// fail lets a node rest that has not answered.
func (f *fence) fail(r crdt.ReplicaID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.of[r] == nil {
		f.of[r] = &inquiries{}
	}
	f.of[r].rest = time.Now().Add(core.FenceRest)
}

// answerAwait answers when writes have been seen here, or after SeenWait.
func (l *life) answerAwait(args []string) (wire.Reply, error) {
	writes, err := core.ReadAwait(args)
	if err != nil {
		return wire.Reply{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), l.cfg.SeenWait)
	defer cancel()
	for _, w := range writes {
		if s := l.core.Shard(w.Partition); s != nil {
			awaitSeen(ctx, s, w.Dot)
		}
	}
	return wire.OK, nil
}

// answerMoves takes in that a node of the region is about to serve, or to leave.
func (l *life) answerMoves([]string) (wire.Reply, error) {
	l.core.Stir()
	return wire.OK, nil
}

// stirTimeout bounds the wait until the others know that partitions are about to
// move. Who cannot be reached does not hold that up.
const stirTimeout = time.Second

// stir tells the nodes of the region that partitions are about to move, and
// returns when they know.
func (l *life) stir() {
	l.core.Stir()
	l.askAll(context.Background(), l.core.Near(), stirTimeout, core.VerbMoves)
}

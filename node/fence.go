package node

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
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
	wanted map[region.Partition]bool
	turn   chan struct{} // holds one element when somebody is to send it
	done   chan struct{} // closed when it has been answered, or not in time
	seen   map[region.Partition]crdt.Vector
}

// fenceRest is how long a node that has not answered is not asked again: others
// run what it was to be asked for, and should not wait for it each time.
const fenceRest = time.Second

func newFence(l *life) *fence { return &fence{l: l, of: map[crdt.ReplicaID]*inquiries{}} }

// lagging returns the partitions that commands are going to run on here, and that
// another node may be ahead in.
func (l *life) lagging(cmds []wire.Command, near bool) map[region.Partition]bool {
	var out map[region.Partition]bool
	for _, cmd := range cmds {
		spec, err := command.Find(cmd)
		if err != nil || spec.Keys == command.KeysNone || !l.core.MayLag(cmd, spec) {
			continue
		}
		if _, _, split := command.Split(cmd, l.cfg.Partitions); split || !l.core.RunsHere(cmd, spec, near) {
			continue // It comes back in parts, or runs elsewhere.
		}
		if out == nil {
			out = map[region.Partition]bool{}
		}
		out[l.cfg.Partitions.Of(cmd.Key())] = true
	}
	return out
}

// await returns when all is here that other nodes of the region had of some
// partitions when it was called, or after SeenWait: who does not answer holds
// nobody up for longer.
func (f *fence) await(ctx context.Context, partitions map[region.Partition]bool) {
	if len(partitions) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, f.l.cfg.SeenWait)
	defer cancel()
	ask := map[crdt.ReplicaID][]region.Partition{}
	for p := range partitions {
		for _, r := range f.l.core.Others(p) {
			ask[r] = append(ask[r], p)
		}
	}
	var wg sync.WaitGroup
	for r, ps := range ask {
		wg.Go(func() {
			seen := f.ask(ctx, r, ps)
			for _, p := range ps {
				for _, d := range f.l.core.Missing(p, seen[p]) {
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
func (f *fence) ask(ctx context.Context, r crdt.ReplicaID, ps []region.Partition) map[region.Partition]crdt.Vector {
	q, i := f.join(r, ps)
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
func (f *fence) join(r crdt.ReplicaID, ps []region.Partition) (*inquiries, *inquiry) {
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
		q.next = &inquiry{wanted: map[region.Partition]bool{}, turn: make(chan struct{}, 1), done: make(chan struct{})}
	}
	if !q.busy {
		q.busy = true
		q.next.turn <- struct{}{}
	}
	for _, p := range ps {
		q.next.wanted[p] = true
	}
	return q, q.next
}

// send asks a node for what others have joined by now, and gives the turn to those
// who have joined since.
func (f *fence) send(r crdt.ReplicaID, q *inquiries, i *inquiry) {
	f.mu.Lock()
	q.next = nil
	f.mu.Unlock()
	args := make([]string, 0, len(i.wanted)+1)
	args = append(args, "_SEEN")
	for p := range i.wanted {
		args = append(args, strconv.Itoa(int(p)))
	}
	// Whoever has the turn asks for all who wait.
	ctx, cancel := context.WithTimeout(context.Background(), f.l.cfg.SeenWait)
	reply := f.l.askNode(ctx, r, args...)
	cancel()
	var err error
	i.seen, err = readSeen(reply)
	close(i.done)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		q.rest = time.Now().Add(fenceRest)
	}
	if q.busy = q.next != nil; q.busy {
		q.next.turn <- struct{}{}
	}
}

// readSeen reads what answerSeen wrote.
func readSeen(reply wire.Reply) (map[region.Partition]crdt.Vector, error) {
	if reply.Type == wire.TypeError {
		return nil, reply.Err
	}
	out := map[region.Partition]crdt.Vector{}
	d, tag := crdt.NewDecoder([]byte(reply.Text))
	if tag != tagRequest {
		return nil, errSeen
	}
	for d.More() {
		p := region.Partition(d.Uint())
		out[p] = d.Vector()
	}
	if err := d.Done(); err != nil {
		return nil, err
	}
	return out, nil
}

// errSeen is the error of an answer of another kind.
var errSeen = &wire.Error{Code: wire.CodeInternal, Text: "ERR not an answer to _SEEN"}

// answerSeen says what has been seen here of partitions, of those that are held.
func (l *life) answerSeen(args []string) (wire.Reply, error) {
	var e crdt.Encoder
	for _, text := range args {
		p, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return wire.Reply{}, command.ErrNotInteger
		}
		if s := l.core.Shard(region.Partition(p)); s != nil {
			e.Uint(p)
			e.Vector(s.Vector())
		}
	}
	return wire.String(string(e.Append(nil, tagRequest))), nil
}

// tell returns when the owners of partitions have seen a write of each that this
// node has run in their place, or after SeenWait: who reads at the owner next must
// not miss it.
func (f *fence) tell(ctx context.Context, wrote map[region.Partition]crdt.Dot) {
	if len(wrote) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, f.l.cfg.SeenWait)
	defer cancel()
	to := map[crdt.ReplicaID][]string{}
	for p, d := range wrote {
		r := f.l.core.Holder(p, 0)
		if r == 0 || f.rests(r) {
			continue
		}
		to[r] = append(to[r], strconv.Itoa(int(p)), strconv.FormatUint(uint64(d.Replica), 16), strconv.FormatUint(d.N, 10))
	}
	var wg sync.WaitGroup
	for r, args := range to {
		wg.Go(func() {
			if f.l.askNode(ctx, r, append([]string{"_AWAIT"}, args...)...).Type == wire.TypeError {
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
	f.of[r].rest = time.Now().Add(fenceRest)
}

// answerAwait answers when writes have been seen here, or after SeenWait: a
// partition, a replica and a number each.
func (l *life) answerAwait(args []string) (wire.Reply, error) {
	ctx, cancel := context.WithTimeout(context.Background(), l.cfg.SeenWait)
	defer cancel()
	for triple := range slices.Chunk(args, 3) {
		if len(triple) != 3 {
			return wire.Reply{}, command.ErrSyntax
		}
		p, err := strconv.ParseUint(triple[0], 10, 16)
		r, err2 := strconv.ParseUint(triple[1], 16, 64)
		n, err3 := strconv.ParseUint(triple[2], 10, 64)
		if err != nil || err2 != nil || err3 != nil {
			return wire.Reply{}, command.ErrNotInteger
		}
		if s := l.core.Shard(region.Partition(p)); s != nil {
			awaitSeen(ctx, s, crdt.Dot{Replica: crdt.ReplicaID(r), N: n})
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
	var near []region.Member
	for _, m := range l.alive() {
		if m.Region == l.cfg.Region && m.Replica != l.core.Replica() {
			near = append(near, m)
		}
	}
	l.askAll(context.Background(), near, stirTimeout, "_MOVES")
}

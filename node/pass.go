package node

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

// answerTimeout bounds the wait for one node's reply to commands passed on before
// the next holder is tried. A node that is heard is waited for rather than passed
// by: it may be busy, or the reply large, and what ran there would run twice. One
// that cannot be reached costs nothing, and one that has fallen silent no more than
// the time after which it is suspected.
const answerTimeout = 15 * time.Second

// What is passed on in one message, one command at least: so many commands that
// the request IDs of all are still remembered when the message has to be sent
// again (cachesync.Config.Requests), and so many bytes.
const (
	maxPassed      = 512
	maxPassedBytes = 1 << 20
)

// passOn sends commands to the nodes that hold their keys, those of one node in
// one message: first to the owners, then to the replicas. What nobody takes is
// run here: a write is accepted as long as one node lives.
func (l *life) passOn(ctx context.Context, jobs []job, away []int, out []wire.Reply) {
	for attempt := 0; len(away) > 0 && ctx.Err() == nil; attempt++ {
		byNode := map[crdt.ReplicaID][]int{}
		var here []int
		for _, i := range away {
			if to := l.core.Holder(jobs[i].Partition, attempt); to != 0 {
				byNode[to] = append(byNode[to], i)
			} else {
				here = append(here, i)
			}
		}
		var mu sync.Mutex
		var failed []int
		var wg sync.WaitGroup
		for to, list := range byNode {
			wg.Go(func() {
				left := l.sendAll(ctx, to, jobs, list, out)
				mu.Lock()
				failed = append(failed, left...)
				mu.Unlock()
			})
		}
		if len(here) > 0 {
			instead := make([]wire.Command, len(here))
			for j, i := range here {
				instead[j] = jobs[i].Command
			}
			for j, r := range l.runInstead(ctx, instead) {
				out[here[j]] = r
			}
		}
		wg.Wait()
		slices.Sort(failed)
		away = failed
	}
	for _, i := range away {
		out[i] = wire.Fail(errTime)
	}
}

// errTime is the reply when the time is up before anybody has answered.
var errTime = &wire.Error{Code: wire.CodeTimeout,
	Text: "TIMEOUT no holder of the key has answered in time; a write may or may not have happened"}

// sendAll sends commands to one node, one message after another so that they keep
// their order, fills in their replies, and returns those that it did not take.
func (l *life) sendAll(ctx context.Context, to crdt.ReplicaID, jobs []job, list []int, out []wire.Reply) (left []int) {
	for len(list) > 0 {
		count, bytes := 0, 0
		for ; count < min(len(list), maxPassed); count++ {
			size := sizeOf(jobs[list[count]].Command)
			if count > 0 && bytes+size > maxPassedBytes {
				break
			}
			bytes += size
		}
		now := l.sendTo(ctx, to, jobs, list[:count], out)
		left, list = append(left, now...), list[count:]
		if len(now) == count {
			// It takes none: what is left would wait as long again each.
			return append(left, list...)
		}
	}
	return left
}

// sizeOf estimates what a command takes in a message.
func sizeOf(cmd wire.Command) int {
	n := 32
	for _, a := range cmd.Args {
		n += len(a) + 5
	}
	return n
}

// sendTo is sendAll for as many as fit into one message.
func (l *life) sendTo(ctx context.Context, to crdt.ReplicaID, jobs []job, list []int, out []wire.Reply) (left []int) {
	batch := make([]wire.Command, len(list))
	for j, i := range list {
		batch[j] = jobs[i].Command
		batch[j].Hops++
	}
	attempt, cancel := context.WithTimeout(ctx, answerTimeout)
	var watching sync.WaitGroup
	watching.Go(func() { l.watch(attempt, to, cancel) })
	replies := l.ask(attempt, to, batch)
	cancel()
	watching.Wait()
	seen, cancel := context.WithTimeout(ctx, l.cfg.SeenWait)
	defer cancel()
	for j, i := range list {
		if unreachable(replies[j]) {
			left = append(left, i)
			continue
		}
		out[i] = replies[j]
		if s := l.core.Shard(jobs[i].Partition); s != nil && !out[i].Wrote.IsZero() {
			awaitSeen(seen, s, out[i].Wrote)
		}
	}
	return left
}

// watch calls silent when a node has not been heard for so long that it is
// suspected. It returns then, or when ctx ends.
func (l *life) watch(ctx context.Context, r crdt.ReplicaID, silent func()) {
	for sleep(ctx, l.core.Patience(r)) {
		if l.core.Patience(r) <= 0 {
			silent()
			return
		}
	}
}

// unreachable reports whether a reply says that the node did not take the
// command, or that it is not known whether it did.
func unreachable(r wire.Reply) bool {
	return r.Type == wire.TypeError &&
		(r.Err.Code == wire.CodeUnavailable || r.Err.Code == wire.CodeTimeout || r.Err.Code == wire.CodeNotOwner)
}

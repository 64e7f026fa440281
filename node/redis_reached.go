package node

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/resp"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// reachedPoll is how often those who hold what a client has written are asked
// which regions have it.
const reachedPoll = 25 * time.Millisecond

// Reached implements resp.Transactor. A region has a write when one of its nodes
// has announced that it has.
func (r redis) Reached(ctx context.Context, marks []resp.Mark, n int) int {
	marks = r.fix(ctx, marks)
	best := 0
	for {
		// A look that the end of the time cuts short finds too few.
		best = max(best, r.reached(ctx, marks))
		if best >= n || !sleep(ctx, reachedPoll) {
			return best
		}
	}
}

// fix gives marks without a dot that of the last write of the partition's owner.
func (r redis) fix(ctx context.Context, marks []resp.Mark) []resp.Mark {
	out := make([]resp.Mark, 0, len(marks))
	for _, m := range marks {
		if m.Wrote.IsZero() {
			reply := r.onOwner(ctx, m.Partition, "_REACHED", strconv.Itoa(int(m.Partition)))
			if reply.Type != wire.TypeList || len(reply.List) == 0 {
				continue
			}
			m.Wrote = readDot(reply.List[0].Text)
		}
		if !m.Wrote.IsZero() {
			out = append(out, m)
		}
	}
	return out
}

// reached returns how many other regions have all the marks now.
func (r redis) reached(ctx context.Context, marks []resp.Mark) int {
	others := 0
	have := map[string]int{}
	for _, name := range r.n.life.Load().core.Place().Regions() {
		if name != r.n.cfg.Region {
			others++
			have[name] = 0
		}
	}
	if len(marks) == 0 {
		return others
	}
	if ctx.Err() != nil {
		// The time is up: look once more, so that the number is right.
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
		defer cancel()
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	slots := make(chan struct{}, maxAsked)
	for _, m := range marks {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			reply := r.onOwner(ctx, m.Partition, "_REACHED", strconv.Itoa(int(m.Partition)), writeDot(m.Wrote))
			mu.Lock()
			defer mu.Unlock()
			for _, name := range reply.List {
				have[name.Text]++
			}
		})
	}
	wg.Wait()
	all := 0
	for name, n := range have {
		if name != r.n.cfg.Region && n == len(marks) {
			all++
		}
	}
	return all
}

func writeDot(d crdt.Dot) string {
	return strconv.FormatUint(uint64(d.Replica), 16) + "." + strconv.FormatUint(d.N, 10)
}

// readDot reads what writeDot wrote; the zero dot for anything else.
func readDot(text string) crdt.Dot {
	replica, n, _ := strings.Cut(text, ".")
	id, err := strconv.ParseUint(replica, 16, 64)
	num, err2 := strconv.ParseUint(n, 10, 64)
	if err != nil || err2 != nil {
		return crdt.Dot{}
	}
	return crdt.Dot{Replica: crdt.ReplicaID(id), N: num}
}

// answerReached replies the other regions that have a write in a partition, or,
// without one, the last write of this node.
func (l *life) answerReached(args []string) (wire.Reply, error) {
	if len(args) == 0 {
		return wire.Reply{}, errAnswer
	}
	p, err := strconv.ParseUint(args[0], 10, 16)
	if err != nil || int(p) >= l.cfg.Partitions.Count() {
		return wire.Reply{}, errAnswer
	}
	s := l.core.Shard(region.Partition(p))
	if s == nil {
		return wire.List(), nil
	}
	var out []wire.Reply
	s.Do(func(e *cachesync.Engine) {
		if len(args) == 1 {
			w := e.Writer()
			out = append(out, wire.String(writeDot(crdt.Dot{Replica: w, N: e.Vector().Get(w)})))
			return
		}
		dot := readDot(args[1])
		seen := map[string]bool{l.cfg.Region: true}
		for _, peer := range e.Peers() {
			if !seen[peer.Region] && peer.Vector.Covers(dot) {
				seen[peer.Region] = true
				out = append(out, wire.String(peer.Region))
			}
		}
	})
	return wire.List(out...), nil
}

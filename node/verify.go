package node

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// digestTimeout bounds the wait for the digests of all that a node holds, and for
// the keys of one partition.
const digestTimeout = 20 * time.Second

// keysPerPage is how many keys a node tells another about at a time.
const keysPerPage = 2000

// comparedAtOnce bounds the partitions whose keys VERIFY has in memory at once,
// from all their holders.
const comparedAtOnce = 8

// verify compares what all holders of all partitions hold. Every node that
// answers says one digest per partition; where these differ the nodes are asked
// key by key. All judge expiry by this node's clock. A node that has been silent
// for so long that it is on no ring is left out: others answer for what it held.
func (n *Node) verify(ctx context.Context, cmd wire.Command) wire.Reply {
	limit, err := command.ParseVerify(cmd)
	if err != nil {
		return wire.Fail(err)
	}
	began := time.Now()
	now := n.clock.now().UnixMilli()
	info := wire.VerifyInfo{Partitions: n.cfg.Partitions.Count(), Complete: true, Equal: true}
	held := map[region.Partition][]holding{}
	pl := n.place.Load()
	for _, a := range n.askAll(ctx, n.alive(), digestTimeout, "_DIGESTS", strconv.FormatInt(now, 10)) {
		hs, ok := parseHoldings(a)
		if !ok {
			info.Silent = append(info.Silent, nodeName(a.member))
			continue
		}
		for _, h := range hs {
			held[h.partition] = append(held[h.partition], h)
		}
	}
	info.Complete = len(info.Silent) == 0 && n.everyHolderAnswered(pl, held)
	var apart []comparison
	for _, p := range slices.Sorted(maps.Keys(held)) {
		hs := held[p]
		info.Keys += slices.MaxFunc(hs, func(a, b holding) int { return a.keys - b.keys }).keys
		if slices.ContainsFunc(hs, func(h holding) bool { return h.digest != hs[0].digest }) {
			info.Equal = false
			apart = append(apart, comparison{partition: p, holders: hs})
		}
	}
	for group := range slices.Chunk(apart, comparedAtOnce) {
		n.compareKeys(ctx, group, now)
		for _, c := range group {
			c.report(&info, limit)
		}
	}
	info.Took = time.Since(began).Round(time.Millisecond).String()
	return jsonReply(info)
}

// everyHolderAnswered reports whether of each partition every node of every
// region that is to hold it has said what it holds: a region that lost all its
// nodes, or a node that is still being filled, cannot be said to be equal.
func (n *Node) everyHolderAnswered(pl *placement, held map[region.Partition][]holding) bool {
	for r, ring := range pl.serving {
		if ring.Len() == 0 {
			return false
		}
		for i := range n.cfg.Partitions.Count() {
			p := region.Partition(i)
			for _, name := range ring.Holders(p) {
				if !slices.ContainsFunc(held[p], func(h holding) bool { return h.member.Region == r && h.member.Name == name }) {
					return false
				}
			}
		}
	}
	return true
}

// nodeName returns a member's name with its region: names are unique only there.
func nodeName(m region.Member) string { return m.Region + "/" + m.Name }

// holding is what one node says about one partition.
type holding struct {
	member    region.Member
	partition region.Partition
	digest    string
	keys      int
}

// answerDigests says the digest of each partition that is held here, at the
// asker's wall time.
func (n *Node) answerDigests(args []string) (wire.Reply, error) {
	if len(args) != 1 {
		return wire.Reply{}, command.ErrSyntax
	}
	now, err := strconv.ParseInt(args[0], 10, 64)
	if err != nil {
		return wire.Reply{}, command.ErrNotInteger
	}
	var out []wire.Reply
	for _, s := range n.held() {
		if !s.isReady() {
			continue
		}
		d, keys := s.digest(now)
		out = append(out, wire.Int(int64(s.id)), wire.String(d.String()), wire.Int(int64(keys)))
	}
	return wire.List(out...), nil
}

func parseHoldings(a answer) ([]holding, bool) {
	if a.reply.Type != wire.TypeList || len(a.reply.List)%3 != 0 {
		return nil, false
	}
	var out []holding
	for l := a.reply.List; len(l) > 0; l = l[3:] {
		out = append(out, holding{a.member, region.Partition(l[0].Int), l[1].Text, int(l[2].Int)})
	}
	return out, true
}

// comparison is a partition that its holders do not hold the same of.
type comparison struct {
	partition region.Partition
	holders   []holding
	keys      []map[string]string // by holder: digests by key, nil when it did not answer
}

// compareKeys asks all holders of partitions for their keys, many at a time.
func (n *Node) compareKeys(ctx context.Context, apart []comparison, now int64) {
	slots := make(chan struct{}, maxAsked)
	var wg sync.WaitGroup
	for i := range apart {
		c := &apart[i]
		c.keys = make([]map[string]string, len(c.holders))
		for j, h := range c.holders {
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				c.keys[j] = n.collectKeys(ctx, c.partition, h.member, now)
			})
		}
	}
	wg.Wait()
}

// report names up to limit of the keys that differ.
func (c comparison) report(info *wire.VerifyInfo, limit int) {
	all := map[string]bool{}
	for j, h := range c.holders {
		if c.keys[j] == nil {
			info.Complete = false
			info.Silent = append(info.Silent, nodeName(h.member))
			return
		}
		for key := range c.keys[j] {
			all[key] = true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		differs, holders := false, map[string]string{}
		for j, h := range c.holders {
			holders[nodeName(h.member)] = c.keys[j][key]
			differs = differs || c.keys[j][key] != c.keys[0][key]
		}
		if !differs {
			continue
		}
		info.Differing++
		if len(info.Differ) < limit {
			info.Differ = append(info.Differ, wire.DifferInfo{Key: legible(key), Holders: holders})
		}
	}
}

// collectKeys returns the digests of a partition's keys at a holder, nil when it
// does not answer.
func (n *Node) collectKeys(ctx context.Context, p region.Partition, m region.Member, now int64) map[string]string {
	has := map[string]string{}
	ctx, cancel := context.WithTimeout(ctx, digestTimeout)
	defer cancel()
	for from := uint64(0); ; {
		reply := n.askNode(ctx, m.Replica, "_KEYS", strconv.Itoa(int(p)), strconv.FormatUint(from, 10), strconv.FormatInt(now, 10))
		if reply.Type != wire.TypeList || len(reply.List)%2 != 1 {
			return nil
		}
		for l := reply.List[1:]; len(l) > 0; l = l[2:] {
			has[l[0].Text] = l[1].Text
		}
		next := uint64(reply.List[0].Int)
		if next == 0 {
			return has
		}
		if next <= from {
			return nil
		}
		from = next
	}
}

// answerKeys says the keys of a partition with their digests, a page at a time:
// the place where the next page begins, or 0, then keys and digests in turns.
func (n *Node) answerKeys(args []string) (wire.Reply, error) {
	if len(args) != 3 {
		return wire.Reply{}, command.ErrSyntax
	}
	p, err1 := strconv.ParseUint(args[0], 10, 16)
	from, err2 := strconv.ParseUint(args[1], 10, 48)
	now, err3 := strconv.ParseInt(args[2], 10, 64)
	s := n.shard(region.Partition(p))
	if err1 != nil || err2 != nil || err3 != nil {
		return wire.Reply{}, command.ErrNotInteger
	}
	if s == nil {
		return wire.Reply{}, errReleased
	}
	keys, next := s.page(from, keysPerPage, now, func(string, crdt.View) bool { return true })
	out := []wire.Reply{wire.Int(int64(next))}
	for _, k := range keys {
		d := s.keyDigest(k.key, now)
		if !d.isZero() {
			out = append(out, wire.String(k.key), wire.String(d.String()))
		}
	}
	return wire.List(out...), nil
}

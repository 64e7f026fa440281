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
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// digestTimeout bounds the wait for the digests of all that a node holds, and for
// what is asked about one partition.
const digestTimeout = 20 * time.Second

// comparedAtOnce bounds the partitions whose differences VERIFY looks for at once.
const comparedAtOnce = 8

// verifyAttempts bounds how often VERIFY begins anew because some node already
// judges expiry at a later time.
const verifyAttempts = 3

// verify compares what all holders of all partitions show. Every node that
// answers says one digest per partition, which it has at hand; where these differ
// the keys that differ are found at a cost in proportion to their number. All
// judge expiry at the same time, a few seconds ahead: keys that expire by then are
// left out. A node that has been silent for so long that it is on no ring is left
// out too: others answer for what it held.
func (l *life) verify(ctx context.Context, cmd wire.Command) wire.Reply {
	limit, err := command.ParseVerify(cmd)
	if err != nil {
		return wire.Fail(err)
	}
	began := time.Now()
	var info wire.VerifyInfo
	for range verifyAttempts {
		var again bool
		if info, again = l.verifyAt(ctx, cachesync.CompareAt(l.cfg.Now()), limit); !again {
			break
		}
	}
	info.Took = time.Since(began).Round(time.Millisecond).String()
	return jsonReply(info)
}

// verifyAt compares at a time, and asks to be called again when a node cannot say
// any more what it shows then.
func (l *life) verifyAt(ctx context.Context, at int64, limit int) (info wire.VerifyInfo, again bool) {
	info = wire.VerifyInfo{Partitions: l.cfg.Partitions.Count(), Complete: true, Equal: true}
	held := map[region.Partition][]holding{}
	pl := l.core.Place()
	for _, a := range l.askAll(ctx, l.alive(), digestTimeout, "_DIGESTS", strconv.FormatInt(at, 10)) {
		hs, ok := parseHoldings(a)
		if !ok {
			info.Silent = append(info.Silent, nodeName(a.member))
			continue
		}
		for _, h := range hs {
			again = again || h.late
			held[h.partition] = append(held[h.partition], h)
		}
	}
	info.Complete = len(info.Silent) == 0 && !again && l.everyHolderAnswered(pl, held)
	if again {
		info.Equal = false
		return info, true
	}
	var apart []*comparison
	for _, p := range slices.Sorted(maps.Keys(held)) {
		hs := held[p]
		info.Keys += slices.MaxFunc(hs, func(a, b holding) int { return a.digest.Keys - b.digest.Keys }).digest.Keys
		if slices.ContainsFunc(hs, func(h holding) bool { return h.digest != hs[0].digest }) {
			info.Equal = false
			apart = append(apart, &comparison{l: l, partition: p, at: at, holders: hs})
		}
	}
	for group := range slices.Chunk(apart, comparedAtOnce) {
		var wg sync.WaitGroup
		for _, c := range group {
			wg.Go(func() { c.find(ctx, limit) })
		}
		wg.Wait()
		for _, c := range group {
			c.report(&info, limit)
		}
	}
	return info, false
}

// everyHolderAnswered reports whether of each partition every node of every
// region that is to hold it has said what it holds: a region that lost all its
// nodes, or a node that is still being filled, cannot be said to be equal.
func (l *life) everyHolderAnswered(pl *core.Placement, held map[region.Partition][]holding) bool {
	for _, r := range pl.Regions() {
		ring := pl.Serving(r)
		if ring.Len() == 0 {
			return false
		}
		for i := range l.cfg.Partitions.Count() {
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
	digest    crdt.Digest
	late      bool // it cannot say any more what it shows at that time
}

// answerDigests says the digest of each partition that is held here, at a time in
// milliseconds: the sum, none when the time has passed, and how many keys show.
func (l *life) answerDigests(args []string) (wire.Reply, error) {
	if len(args) != 1 {
		return wire.Reply{}, command.ErrSyntax
	}
	at, err := strconv.ParseInt(args[0], 10, 64)
	if err != nil {
		return wire.Reply{}, command.ErrNotInteger
	}
	if l.isFarAhead(at) {
		return wire.Reply{}, errFarAhead
	}
	var out []wire.Reply
	for _, s := range l.core.Shards() {
		if !s.IsReady() {
			continue
		}
		d, ok := s.Digest(at)
		sum := wire.Nil
		if ok {
			sum = wire.String(strconv.FormatUint(d.Sum, 16))
		}
		out = append(out, wire.Int(int64(s.ID())), sum, wire.Int(int64(d.Keys)))
	}
	return wire.List(out...), nil
}

// isFarAhead reports whether a time to compare at is one that nobody means whose
// clock is right.
func (l *life) isFarAhead(at int64) bool {
	return at > cachesync.CompareAt(l.cfg.Now().Add(time.Minute))
}

// errFarAhead is the answer to who names a time that only a wrong clock shows.
var errFarAhead = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR the time to compare at is too far ahead: one of the clocks is wrong"}

func parseHoldings(a answer) ([]holding, bool) {
	if a.reply.Type != wire.TypeList || len(a.reply.List)%3 != 0 {
		return nil, false
	}
	var out []holding
	for l := a.reply.List; len(l) > 0; l = l[3:] {
		h := holding{member: a.member, partition: region.Partition(l[0].Int), digest: crdt.Digest{Keys: int(l[2].Int)}}
		if l[1].Type == wire.TypeNil {
			h.late = true
		} else {
			var err error
			if h.digest.Sum, err = strconv.ParseUint(l[1].Text, 16, 64); err != nil {
				return nil, false
			}
		}
		out = append(out, h)
	}
	return out, true
}

package node

import (
	"context"
	"strconv"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// maxFlushed bounds the keys that one FLUSHALL remembers to have removed, so that one
// that is evicted at many nodes is written once. Beyond it a key may be written again.
const maxFlushed = 1 << 16

// flush is FLUSHALL and FLUSHDB: whatever was written to the region's keys before
// goes everywhere (R6), one key after the other.
func (l *life) flush(ctx context.Context, cmd wire.Command) wire.Reply {
	if err := command.ParseFlush(cmd); err != nil {
		return wire.Fail(err)
	}
	reply := wire.OK
	cut := func(keys []string) bool {
		cuts := make([]wire.Command, len(keys))
		for i, key := range keys {
			cuts[i] = command.Invalidate(key)
		}
		for _, r := range l.run(ctx, cuts, false) {
			if r.Type == wire.TypeError {
				reply = r
				return false
			}
		}
		return true
	}
	failed, ok := l.eachPage(ctx, "*", func(page []wire.Reply) bool { return cut(texts(page)) })
	if !ok {
		return failed
	}
	if reply.Type != wire.TypeError {
		l.eachEvicted(ctx, cut)
	}
	return reply
}

func texts(rs []wire.Reply) []string {
	out := make([]string, len(rs))
	for i := range rs {
		out[i] = rs[i].Text
	}
	return out
}

// eachEvicted calls f with keys that are evicted at any node of any region until f
// reports false. Who lists a partition for its region may have nothing of a key of which
// something is left elsewhere: where a field of an evicted hash has been removed nobody
// can say whether it was the last, and where fields expire, when. Nobody misses anything
// of a node that does not answer: what is left of evicted keys is no value.
func (l *life) eachEvicted(ctx context.Context, f func(keys []string) bool) {
	done := map[string]bool{}
	for _, a := range l.askAll(ctx, l.alive(), askTimeout, "_EVICTED", "0") {
		for page := a.reply; page.Type == wire.TypeList && len(page.List) > 0; {
			var keys []string
			for _, key := range texts(page.List[1:]) {
				if !done[key] {
					done[key] = true
					keys = append(keys, key)
				}
			}
			if len(keys) > 0 && !f(keys) {
				return
			}
			if len(done) > maxFlushed {
				clear(done)
			}
			next := page.List[0].Text
			if next == "0" {
				break
			}
			attempt, cancel := context.WithTimeout(ctx, askTimeout)
			page = l.askNode(attempt, a.member.Replica, "_EVICTED", next)
			cancel()
		}
	}
}

// answerEvicted replies a page of the keys that are evicted here: the cursor of the next
// page, "0" for none, then the keys. Its argument is a cursor as that of SCAN.
func (l *life) answerEvicted(args []string) (wire.Reply, error) {
	if len(args) != 1 {
		return wire.Reply{}, command.ErrSyntax
	}
	cursor, err := strconv.ParseUint(args[0], 10, 64)
	if err != nil {
		return wire.Reply{}, command.ErrSyntax
	}
	out, now := []wire.Reply{wire.String("0")}, l.cfg.Now().UnixMilli()
	place := cursor & (1<<placeBits - 1)
	for p := int(cursor >> placeBits); p < l.cfg.Partitions.Count(); p, place = p+1, 0 {
		s := l.core.Shard(region.Partition(p))
		if s == nil || !s.HasGhosts() {
			continue
		}
		if len(out) > command.MaxScanCount {
			out[0] = wire.String(strconv.FormatUint(uint64(p)<<placeBits|place, 10))
			break
		}
		keys, next := s.GhostPage(place, command.MaxScanCount+1-len(out), now)
		for _, key := range keys {
			out = append(out, wire.String(key))
		}
		if next != 0 {
			out[0] = wire.String(strconv.FormatUint(uint64(p)<<placeBits|next, 10))
			break
		}
	}
	return wire.List(out...), nil
}

package node

import (
	"context"
	"strconv"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// A cursor of SCAN is a partition and a place in it (core.Shard.Page). Keys do not
// move, so one that is there from the first page to the last is on exactly one
// page, whatever comes and goes, and whichever holder answers.
const placeBits = core.PlaceBits

// maxScanned bounds the partitions that one SCAN looks at: where most are empty
// it answers with few keys, as Redis does, rather than late.
const maxScanned = 64

// scan lists some of the region's keys.
func (l *life) scan(ctx context.Context, cmd wire.Command) wire.Reply {
	args, err := command.ParseScan(cmd)
	if err != nil {
		return wire.Fail(err)
	}
	p, place := int(args.Cursor>>placeBits), args.Cursor&(1<<placeBits-1)
	var keys []wire.Reply
	for range maxScanned {
		if p >= l.cfg.Partitions.Count() {
			p, place = 0, 0
			break
		}
		page := l.pageOf(ctx, region.Partition(p), place, args.Count-len(keys), cmd, true)
		if page.Type != wire.TypeList || len(page.List) == 0 {
			return page
		}
		keys = append(keys, page.List[1:]...)
		if place = uint64(page.List[0].Int); place == 0 {
			p++
		}
		if len(keys) >= args.Count {
			break
		}
	}
	if p >= l.cfg.Partitions.Count() {
		p, place = 0, 0
	}
	cursor := strconv.FormatUint(uint64(p)<<placeBits|place, 10)
	return wire.List(wire.String(cursor), wire.List(keys...))
}

// pageOf asks a holder of a partition for a page of its keys: this node if it is
// one and near says so, or the owner, or another one if that is silent.
func (l *life) pageOf(ctx context.Context, p region.Partition, place uint64, count int, cmd wire.Command, near bool) wire.Reply {
	args := append([]string{strconv.Itoa(int(p)), strconv.FormatUint(place, 10), strconv.Itoa(count)}, cmd.Args[2:]...)
	near = near || l.core.Place().Owner(l.cfg.Region, p) == l.cfg.Name
	if s := l.core.Shard(p); near && s != nil && s.IsReady() {
		reply, err := l.answerScan(args)
		if err != nil {
			return wire.Fail(err)
		}
		return reply
	}
	reply := wire.Fail(errNoHolder)
	for _, m := range l.holders(p) {
		attempt, cancel := context.WithTimeout(ctx, askTimeout)
		reply = l.askNode(attempt, m.Replica, append([]string{"_SCAN"}, args...)...)
		cancel()
		if reply.Type == wire.TypeList {
			return reply
		}
	}
	return reply
}

// answerScan replies a page of a partition's keys: the place where the next
// page begins, 0 for none, then the keys. Its arguments are partition, place,
// count, and those of SCAN after the cursor.
func (l *life) answerScan(args []string) (wire.Reply, error) {
	if len(args) < 3 {
		return wire.Reply{}, command.ErrSyntax
	}
	filter, err := command.ParseScan(wire.Command{Args: append([]string{"SCAN", "0"}, args[3:]...)})
	if err != nil {
		return wire.Reply{}, err
	}
	p, err1 := strconv.ParseUint(args[0], 10, 16)
	place, err2 := strconv.ParseUint(args[1], 10, placeBits)
	count, err3 := strconv.Atoi(args[2])
	if err1 != nil || err2 != nil || err3 != nil || count < 1 || count > command.MaxScanCount {
		return wire.Reply{}, command.ErrSyntax
	}
	s := l.core.Shard(region.Partition(p))
	if s == nil || !s.IsReady() {
		return wire.Reply{}, core.ErrReleased
	}
	keys, next, err := s.Page(place, count, l.cfg.Now().UnixMilli(), func(key string, v crdt.View) bool {
		// Of what kind an evicted key is nobody knows here.
		return (v.Exists() && filter.Admits(v.Kind()) || v.IsEvicted() && filter.Kind == crdt.KindNone) && filter.Match.Match(key)
	})
	if err != nil {
		return wire.Reply{}, err
	}
	out := make([]wire.Reply, 0, 1+len(keys))
	out = append(out, wire.Int(int64(next)))
	for _, k := range keys {
		out = append(out, wire.String(k))
	}
	return wire.List(out...), nil
}

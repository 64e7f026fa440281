package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
	"github.com/atollcache/atoll/sync/riblt"
)

// comparison is a partition of which its holders do not show the same.
type comparison struct {
	l         *life
	partition region.Partition
	at        int64
	holders   []holding

	keys    []string                     // that differ, sorted
	digests map[string]map[string]string // by key and holder, of the first of them
	silent  []string                     // holders that could not be compared
}

// find finds the keys that differ between the first holder and each of the others.
func (c *comparison) find(ctx context.Context, limit int) {
	ctx, cancel := context.WithTimeout(ctx, digestTimeout)
	defer cancel()
	differ := map[string]bool{}
	first := c.holders[0]
	for _, h := range c.holders[1:] {
		if h.digest == first.digest {
			continue
		}
		keys, err := c.between(ctx, first.member, h.member)
		if err != nil {
			c.l.cfg.Log.Warn("verify", "partition", c.partition, "holders", []string{nodeName(first.member), nodeName(h.member)}, "err", err)
			c.silent = append(c.silent, nodeName(h.member))
		}
		for _, k := range keys {
			differ[k] = true
		}
	}
	c.keys = slices.Sorted(maps.Keys(differ))
	c.show(ctx, c.keys[:min(len(c.keys), limit)])
}

// compareAttempts bounds how often two holders are compared anew because what they
// show changed meanwhile.
const compareAttempts = 3

// between returns the keys that differ between two holders.
func (c *comparison) between(ctx context.Context, a, b region.Member) (keys []string, err error) {
	for range compareAttempts {
		seed := rand.Uint64()
		var onlyA, onlyB []uint64
		onlyA, onlyB, err = cachesync.Difference(seed, c.symbols(ctx, a), c.symbols(ctx, b))
		if errors.Is(err, cachesync.ErrMoved) {
			continue
		}
		if err != nil {
			return nil, err
		}
		ofA, err := c.named(ctx, a, seed, onlyA)
		if err != nil {
			return nil, err
		}
		ofB, err := c.named(ctx, b, seed, onlyB)
		return append(ofA, ofB...), err
	}
	return nil, err
}

// symbols returns the symbols of what a holder shows.
func (c *comparison) symbols(ctx context.Context, m region.Member) cachesync.SymbolSource {
	return func(r cachesync.Range, from, count int) ([]riblt.Symbol, error) {
		reply := c.l.askNode(ctx, m.Replica, "_SYMBOLS", strconv.Itoa(int(c.partition)), strconv.FormatInt(c.at, 10),
			strconv.FormatUint(r.Seed, 10), strconv.Itoa(r.Bits), strconv.FormatUint(r.Prefix, 10), strconv.Itoa(from), strconv.Itoa(count))
		if reply.Type != wire.TypeString {
			return nil, fmt.Errorf("%s gives no symbols: %v", nodeName(m), reply.Err)
		}
		return riblt.DecodeSymbols([]byte(reply.Text), count)
	}
}

// namedAtOnce bounds the items whose keys are asked for in one request.
const namedAtOnce = 1000

// named returns the keys that items stand for at a holder.
func (c *comparison) named(ctx context.Context, m region.Member, seed uint64, items []uint64) (keys []string, err error) {
	for part := range slices.Chunk(items, namedAtOnce) {
		args := []string{"_NAMES", strconv.Itoa(int(c.partition)), strconv.FormatInt(c.at, 10), strconv.FormatUint(seed, 10)}
		for _, item := range part {
			args = append(args, strconv.FormatUint(item, 10))
		}
		reply := c.l.askNode(ctx, m.Replica, args...)
		if reply.Type != wire.TypeList {
			return keys, fmt.Errorf("%s does not say which keys differ: %v", nodeName(m), reply.Err)
		}
		for _, k := range reply.List {
			keys = append(keys, k.Text)
		}
	}
	return keys, nil
}

// show asks every holder for its digests of some keys.
func (c *comparison) show(ctx context.Context, keys []string) {
	c.digests = map[string]map[string]string{}
	for _, k := range keys {
		c.digests[k] = map[string]string{}
	}
	for _, h := range c.holders {
		for part := range slices.Chunk(keys, namedAtOnce) {
			reply := c.l.askNode(ctx, h.member.Replica, append([]string{"_SHOWN", strconv.Itoa(int(c.partition)), strconv.FormatInt(c.at, 10)}, part...)...)
			for i, k := range part {
				if reply.Type == wire.TypeList && i < len(reply.List) {
					c.digests[k][nodeName(h.member)] = reply.List[i].Text
				}
			}
		}
	}
}

// report adds what was found.
func (c *comparison) report(info *wire.VerifyInfo, limit int) {
	if len(c.silent) > 0 {
		info.Complete = false
		info.Silent = append(info.Silent, c.silent...)
	}
	info.Differing += len(c.keys)
	for _, key := range c.keys {
		if len(info.Differ) < limit {
			info.Differ = append(info.Differ, wire.DifferInfo{Key: legible(key), Holders: c.digests[key]})
		}
	}
}

// compared reads what requests about a partition begin with, the partition and
// the time, and returns its shard.
func (l *life) compared(args []string, least int) (s *core.Shard, at int64, err error) {
	if len(args) < least {
		return nil, 0, command.ErrSyntax
	}
	p, err1 := strconv.ParseUint(args[0], 10, 16)
	at, err2 := strconv.ParseInt(args[1], 10, 64)
	switch {
	case err1 != nil || err2 != nil:
		return nil, 0, command.ErrNotInteger
	case l.isFarAhead(at):
		return nil, 0, errFarAhead
	}
	if s = l.core.Shard(region.Partition(p)); s == nil {
		return nil, 0, core.ErrReleased
	}
	return s, at, nil
}

// numbers reads the arguments that are unsigned numbers.
func numbers(args []string) ([]uint64, error) {
	out := make([]uint64, len(args))
	for i, a := range args {
		var err error
		if out[i], err = strconv.ParseUint(a, 10, 64); err != nil {
			return nil, command.ErrNotInteger
		}
	}
	return out, nil
}

// answerSymbols gives coded symbols: partition, time, seed, bits, prefix, the
// number of the first symbol, and how many.
func (l *life) answerSymbols(args []string) (wire.Reply, error) {
	s, at, err := l.compared(args, 7)
	if err != nil {
		return wire.Reply{}, err
	}
	n, err := numbers(args[2:])
	if err != nil {
		return wire.Reply{}, err
	}
	if len(n) != 5 || n[1] > 64 || n[3] > cachesync.MaxSymbols || n[4] > cachesync.MaxSymbols {
		return wire.Reply{}, command.ErrSyntax
	}
	var symbols []riblt.Symbol
	ok := false
	s.Do(func(e *cachesync.Engine) {
		symbols, ok = e.Symbols(at, cachesync.Range{Seed: n[0], Bits: int(n[1]), Prefix: n[2]}, int(n[3]), int(n[4]))
	})
	if !ok {
		return wire.Reply{}, errLate
	}
	return wire.String(string(riblt.AppendSymbols(nil, symbols))), nil
}

// errLate is the answer to who names a time for which it cannot be said any more
// what showed.
var errLate = &wire.Error{Code: wire.CodeUnavailable, Text: "ERR the time to compare at has passed: ask again"}

// answerNames says which keys items stand for: partition, time, seed, items.
func (l *life) answerNames(args []string) (wire.Reply, error) {
	s, at, err := l.compared(args, 3)
	if err != nil {
		return wire.Reply{}, err
	}
	n, err := numbers(args[2:])
	if err != nil {
		return wire.Reply{}, err
	}
	if len(n) > 1+namedAtOnce {
		return wire.Reply{}, command.ErrSyntax
	}
	var out []wire.Reply
	s.Do(func(e *cachesync.Engine) {
		for _, f := range e.Keys(at, cachesync.Range{Seed: n[0]}, n[1:]) {
			if f.OK {
				out = append(out, wire.String(f.Key))
			}
		}
	})
	return wire.List(out...), nil
}

// answerShown says the digests of keys, none of those that do not show: partition,
// time, keys.
func (l *life) answerShown(args []string) (wire.Reply, error) {
	s, at, err := l.compared(args, 2)
	if err != nil {
		return wire.Reply{}, err
	}
	out := make([]wire.Reply, 0, len(args)-2)
	s.Look(func(_ *cachesync.Engine, state *crdt.Partition) {
		for _, key := range args[2:] {
			text := ""
			if e := state.Entry(key); e != nil {
				text = shownDigest(e, key, at)
			}
			out = append(out, wire.String(text))
		}
	})
	return wire.List(out...), nil
}

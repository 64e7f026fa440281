package core

import (
	"cmp"
	"slices"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/atollcache/atoll/crdt"
)

// Digest returns the digest of what a shard shows at a time, see
// [crdt.Partition.Digest].
func (s *Shard) Digest(at int64) (crdt.Digest, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.state.Digest(at)
}

// PlaceBits is how many bits a place takes.
const PlaceBits = 48

// listedKey is a key and its place in the order in which keys are listed.
type listedKey struct {
	key   string
	place uint64
}

// placeOf returns a key's place in the order in which a partition's keys are
// listed: a hash of 48 bits, so that it fits into a cursor beside the partition.
func placeOf(key string) uint64 { return xxh3.HashString(key) >> (64 - PlaceBits) }

// maxPageBytes bounds the keys of one page, so that it fits into a message.
const maxPageBytes = 4 << 20

// listing is the keys of a shard with a disk, where making a list of them means reading
// all that it keeps: whoever lists them page by page does that once. It has every key
// that was there when it was made, which is when the first page is asked for, and so
// all that stay from the first page to the last.
type listing struct {
	keys []listedKey
	used time.Time
}

// listingFor is how long a listing is kept that nobody asks for.
const listingFor = 30 * time.Second

// list returns the keys from a place on, in order of places. The caller holds the lock.
func (s *Shard) list(from uint64) []listedKey {
	if s.disk == nil {
		return s.listAnew(from)
	}
	l := &s.mu.listing
	if from == 0 || l.keys == nil {
		l.keys = s.listAnew(0)
	}
	l.used = s.now()
	i, _ := slices.BinarySearchFunc(l.keys, from, func(k listedKey, from uint64) int { return cmp.Compare(k.place, from) })
	return l.keys[i:]
}

func (s *Shard) listAnew(from uint64) []listedKey {
	var out []listedKey
	s.mu.state.Each(func(key string, e *crdt.Entry) bool {
		if place := placeOf(key); place >= from {
			out = append(out, listedKey{key, place})
		}
		return true
	})
	sortListed(out)
	return out
}

// sortListed puts keys in order of places.
func sortListed(keys []listedKey) {
	slices.SortFunc(keys, func(a, b listedKey) int {
		return cmp.Or(cmp.Compare(a.place, b.place), cmp.Compare(a.key, b.key))
	})
}

// unlist drops a listing that nobody asks for any more. The caller holds the lock.
func (s *Shard) unlist() {
	if l := &s.mu.listing; l.keys != nil && s.now().Sub(l.used) > listingFor {
		*l = listing{}
	}
}

// Page returns the keys of a shard from a place on for which keep holds, in order
// of places, having looked at about limit of them: all keys of one place are on
// one page. next is the place where the next page begins, 0 when this is the
// last. It fails when the node's disk cannot be read.
func (s *Shard) Page(from uint64, limit int, now int64, keep func(key string, v crdt.View) bool) (page []string, next uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out, next := firstPage(s.list(from), limit)
	for _, k := range out {
		if keep(k.key, s.mu.state.Peek(k.key).View(now)) {
			page = append(page, k.key)
		}
	}
	return page, next, s.err()
}

// GhostPage returns the keys that are evicted in a shard, of those whose place is not
// before one, as [Shard.Page] does all: at most about limit of them.
func (s *Shard) GhostPage(from uint64, limit int, now int64) (page []string, next uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []listedKey
	s.mu.state.EachGhost(func(key string) bool {
		if place := placeOf(key); place >= from && s.mu.state.Peek(key).View(now).IsEvicted() {
			all = append(all, listedKey{key, place})
		}
		return true
	})
	sortListed(all)
	all, next = firstPage(all, limit)
	for _, k := range all {
		page = append(page, k.key)
	}
	return page, next
}

// firstPage returns the first of some keys in order of places, about limit of them, and
// the place where the next page begins, 0 when there is none.
func firstPage(keys []listedKey, limit int) (page []listedKey, next uint64) {
	end, bytes := 0, 0
	for end < min(limit, len(keys)) && bytes < maxPageBytes {
		bytes += len(keys[end].key)
		end++
	}
	for end > 0 && end < len(keys) && keys[end].place == keys[end-1].place {
		end++
	}
	if end < len(keys) {
		next = keys[end].place
	}
	return keys[:end], next
}

package core

import (
	"cmp"
	"slices"

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

// Page returns the keys of a shard from a place on for which keep holds, in order
// of places, having looked at about limit of them: all keys of one place are on
// one page. next is the place where the next page begins, 0 when this is the
// last.
func (s *Shard) Page(from uint64, limit int, now int64, keep func(key string, v crdt.View) bool) (page []string, next uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []listedKey
	s.mu.state.Each(func(key string, e *crdt.Entry) bool {
		if place := placeOf(key); place >= from {
			out = append(out, listedKey{key, place})
		}
		return true
	})
	slices.SortFunc(out, func(a, b listedKey) int {
		return cmp.Or(cmp.Compare(a.place, b.place), cmp.Compare(a.key, b.key))
	})
	end, bytes := 0, 0
	for end < min(limit, len(out)) && bytes < maxPageBytes {
		bytes += len(out[end].key)
		end++
	}
	for end > 0 && end < len(out) && out[end].place == out[end-1].place {
		end++
	}
	if end < len(out) {
		next = out[end].place
	}
	for _, k := range out[:end] {
		if keep(k.key, s.mu.state.Entry(k.key).View(now)) {
			page = append(page, k.key)
		}
	}
	return page, next
}

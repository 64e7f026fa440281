package node

import (
	"cmp"
	"encoding/hex"
	"slices"

	"github.com/zeebo/xxh3"

	"github.com/atollcache/atoll/crdt"
)

// digest sums up what is live of one key or of many, in a form that does not
// depend on how far a holder has got with forgetting. Digests of different keys
// add up in any order.
type digest struct{ hi, lo uint64 }

func (d digest) plus(o digest) digest { return digest{d.hi + o.hi, d.lo + o.lo} }

func (d digest) isZero() bool { return d == digest{} }

// String returns 32 hexadecimal digits.
func (d digest) String() string {
	b := xxh3.Uint128{Hi: d.hi, Lo: d.lo}.Bytes()
	return hex.EncodeToString(b[:])
}

// digestOf returns the digest of a key at a wall time, in milliseconds, zero
// when nothing of it shows.
func digestOf(key string, e *crdt.Entry, now int64, buf []byte) (digest, []byte) {
	buf = e.AppendLive(buf[:0], key, now)
	if len(buf) == 0 {
		return digest{}, buf
	}
	h := xxh3.Hash128(buf)
	return digest{h.Hi, h.Lo}, buf
}

// digest returns the digest of all keys of a shard at a wall time and how many
// of them show.
func (s *shard) digest(now int64) (sum digest, keys int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var buf []byte
	s.mu.state.Each(func(key string, e *crdt.Entry) bool {
		var d digest
		if d, buf = digestOf(key, e, now, buf); !d.isZero() {
			sum = sum.plus(d)
			keys++
		}
		return true
	})
	return sum, keys
}

// keyDigest returns the digest of one key at a wall time.
func (s *shard) keyDigest(key string, now int64) digest {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.mu.state.Entry(key)
	if e == nil {
		return digest{}
	}
	d, _ := digestOf(key, e, now, nil)
	return d
}

// listedKey is a key and its place in the order in which keys are listed.
type listedKey struct {
	key   string
	place uint64
}

// placeOf returns a key's place in the order in which a partition's keys are
// listed: a hash of 48 bits, so that it fits into a cursor beside the partition.
func placeOf(key string) uint64 { return xxh3.HashString(key) >> 16 }

// maxPageBytes bounds the keys of one page, so that it fits into a message.
const maxPageBytes = 4 << 20

// page returns the keys of a shard from a place on for which keep holds, in order
// of places, having looked at about limit of them: all keys of one place are on
// one page. next is the place where the next page begins, 0 when this is the
// last.
func (s *shard) page(from uint64, limit int, now int64, keep func(key string, v crdt.View) bool) (out []listedKey, next uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
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
	out = out[:end]
	return slices.DeleteFunc(out, func(k listedKey) bool {
		return !keep(k.key, s.mu.state.Entry(k.key).View(now))
	}), next
}

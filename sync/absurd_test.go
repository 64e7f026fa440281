package sync_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/atollcache/atoll/crdt"
	cachesync "github.com/atollcache/atoll/sync"
)

// TestAbsurdMessages: whoever can reach the network can send anything. None of
// this changes what is known, and none of it panics.
func TestAbsurdMessages(t *testing.T) {
	stranger := newHolder(t, 42, "nowhere", cachesync.Config{})
	snapshot := func(s *crdt.Snapshot) *cachesync.Message {
		m := stranger.message(cachesync.KindSnapshot, "eu")
		m.Piece, m.Last = s, true
		return m
	}
	fetch := func(session uint64, index int) *cachesync.Message {
		m := stranger.message(cachesync.KindFetch, "eu")
		m.Session, m.Index = session, index
		return m
	}
	from := func(r crdt.ReplicaID, m *cachesync.Message) *cachesync.Message {
		m.From = r
		return m
	}
	for _, c := range []struct {
		what string
		m    *cachesync.Message
	}{
		{"no kind", stranger.message(0, "eu")},
		{"unknown kind", stranger.message(200, "eu")},
		{"own deltas", from(1, stranger.deltas(plain(7, 1, "k")))},
		{"own heads", from(1, stranger.heads("eu", at(0), dot(7, 9)))},
		{"nobody's heads", from(0, stranger.heads("eu", at(0), dot(7, 9)))},
		{"a write in its own name", stranger.deltas(plain(1, 2, "k"))},
		{"a write without a number", stranger.deltas(&crdt.Delta{Key: "k"})},
		{"a write long after the last", stranger.deltas(plain(7, 1<<40, "k"))},
		{"a write that begins after its end", stranger.deltas(&crdt.Delta{Dot: dot(7, 1), From: 9, Key: "k"})},
		{"a write of the last millisecond", stranger.deltas(&crdt.Delta{Dot: dot(7, 1), From: 1, Stamp: math.MaxUint64, Key: "k"})},
		{"a write that waits for itself", stranger.deltas(&crdt.Delta{Dot: dot(7, 1), From: 1, Deps: crdt.Vector{dot(7, 1)}, Key: "k"})},
		{"a snapshot nobody asked for", snapshot(&crdt.Snapshot{Vector: crdt.Vector{dot(7, 9)}})},
		{"a snapshot without content", snapshot(nil)},
		{"a snapshot with more keys than entries", snapshot(&crdt.Snapshot{Keys: []string{"k"}})},
		{"a piece of no session", fetch(99, 3)},
		{"a piece before the first", fetch(0, -1)},
		{"a piece after the last", fetch(1, math.MaxInt)},
		{"a refusal of nothing", stranger.message(cachesync.KindRefusal, "eu")},
		{"an empty answer to nothing", stranger.deltas()},
	} {
		h := newHolder(t, 1, "eu", cachesync.Config{})
		h.incr(at(0), "k")
		before := live(h.part, at(9))
		if answer := h.Receive(at(1), c.m); answer != nil && answer.Kind != cachesync.KindRefusal {
			t.Errorf("%s: want no answer or a refusal, have %v", c.what, answer)
		}
		_ = c.m.String()
		for now := int64(1); now < 500; now += 50 {
			if req, to := h.Tick(at(now)); req != nil {
				t.Errorf("%s: asks %v: %v", c.what, to, req)
			}
		}
		h.wantVector("1#1")
		if have := live(h.part, at(9)); string(have) != string(before) {
			t.Errorf("%s: want state %x, have %x", c.what, before, have)
		}
	}
}

// TestAbsurdAnswers: the same while an answer is really waited for. What does not
// belong to the request ends it at most; the next one gets what is missing.
func TestAbsurdAnswers(t *testing.T) {
	for i, absurd := range []func(a *holder) *cachesync.Message{
		func(a *holder) *cachesync.Message { return a.message(cachesync.KindRefusal, "eu") },
		func(a *holder) *cachesync.Message { // a snapshot instead of deltas
			m := a.message(cachesync.KindSnapshot, "eu")
			m.Piece, m.Last = &crdt.Snapshot{Vector: crdt.Vector{dot(7, 9)}}, true
			return m
		},
		func(a *holder) *cachesync.Message { // the answer to an older pull
			m := a.deltas()
			m.Answer, m.Truncated = true, true
			return m
		},
		func(a *holder) *cachesync.Message { // nothing although it announced more
			m := a.deltas()
			m.Answer = true
			return m
		},
		func(a *holder) *cachesync.Message { return a.fetch(0, a.id, 0, 0) }, // its own message
	} {
		a, b := newHolder(t, 1, "eu", cachesync.Config{}), newHolder(t, 2, "eu", cachesync.Config{})
		a.incr(at(0), "k")
		b.Receive(at(0), a.heads("eu", at(0), dot(1, 1)))
		first := true
		asked := asks(b, 0, 9000, func(req *cachesync.Message, _ crdt.ReplicaID) *cachesync.Message {
			if first {
				first = false
				if m := absurd(a); m != nil {
					b.Receive(at(110), m)
				}
				return nil
			}
			return a.Receive(at(110), req)
		})
		b.wantVector("1#1")
		if len(asked) > 4 {
			t.Errorf("absurd answer %d: want at most 4 requests until all is here, have %d", i, len(asked))
		}
	}
}

// TestAbsurdPieces: pieces twice, out of order or of another session do not get
// into a snapshot.
func TestAbsurdPieces(t *testing.T) {
	a, b := full(t, 1, 6, cachesync.Config{BatchBytes: 1}), newHolder(t, 2, "eu", cachesync.Config{})
	old := a.fetch(0, 2, 0, 0) // a session of b's former attempt
	announce(at(0), a, b)
	var before []*cachesync.Message
	asks(b, 0, 9000, func(req *cachesync.Message, _ crdt.ReplicaID) *cachesync.Message {
		m := a.Receive(at(0), req)
		for _, late := range before {
			b.Receive(at(0), late)
		}
		if req.Kind == cachesync.KindFetch && req.Index == 2 {
			b.Receive(at(0), old)
			far := *m
			far.Index = 5
			b.Receive(at(0), &far)
			other := *m
			other.Session, other.Piece = 77, &crdt.Snapshot{Vector: m.Piece.Vector, Keys: []string{"x"}, Entries: m.Piece.Entries[:1]}
			b.Receive(at(0), &other)
		}
		before = append(before, m)
		return m
	})
	b.wantVector("1#6")
	if have, want := fmt.Sprint(b.part.Keys()), fmt.Sprint(a.part.Keys()); have != want {
		t.Errorf("want keys %s, have %s", want, have)
	}
	b.wantSame(a, at(9000))
}

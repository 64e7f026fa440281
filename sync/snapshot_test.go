package sync_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/atollcache/atoll/crdt"
	cachesync "github.com/atollcache/atoll/sync"
)

// full returns a holder whose log is too short for anybody who has nothing.
func full(t *testing.T, id crdt.ReplicaID, keys int, cfg cachesync.Config) *holder {
	t.Helper()
	cfg.LogBytes = 1
	h := newHolder(t, id, "eu", cfg)
	for i := range keys {
		h.write(at(0), fmt.Sprintf("k%02d", i), set("value"))
	}
	return h
}

// fetch asks for a piece of a snapshot and returns the answer.
func (h *holder) fetch(millis int64, from crdt.ReplicaID, session uint64, index int) *cachesync.Message {
	return h.Receive(at(millis), &cachesync.Message{
		Kind: cachesync.KindFetch, Partition: partition, From: from, Region: "eu", Session: session, Index: index,
	})
}

// TestSnapshotFillsAnEmptyReplica: the log is too short, so pieces are fetched,
// and then the tail that was written meanwhile.
func TestSnapshotFillsAnEmptyReplica(t *testing.T) {
	a, b := full(t, 1, 10, cachesync.Config{BatchBytes: 1}), newHolder(t, 2, "eu", cachesync.Config{})
	announce(at(1), a, b)
	b.Tick(at(1))
	var kinds []string
	for i := 0; ; i++ {
		req, _ := b.Tick(at(200))
		if req == nil {
			break
		}
		if i == 3 {
			a.write(at(100), "k00", set("changed")) // while pieces travel
			a.write(at(100), "z", set("new"))
		}
		answer := a.Receive(at(200), req)
		kinds = append(kinds, fmt.Sprintf("%v>%v", req.Kind, answer.Kind))
		b.Receive(at(200), answer)
		if i > 1 && answer.Kind == cachesync.KindSnapshot && !answer.Last && len(b.Vector()) > 0 {
			t.Fatalf("piece %d: want nothing joined before the last, have %v", answer.Index, b.Vector())
		}
	}
	if have := strings.Join(kinds, " "); !strings.HasPrefix(have, "pull>deltas fetch>snapshot fetch>snapshot fetch>snapshot ") {
		t.Errorf("want a pull, then pieces, have %s", have)
	}
	announce(at(300), a, b)
	b.Tick(at(300))
	settle(at(500), a, b)
	b.wantVector("1#12")
	b.wantSame(a, at(600))
	if s := b.Stats(); s.Snapshots == 0 {
		t.Errorf("want snapshots counted, have %+v", s)
	}
}

// TestSnapshotIsOneMoment: its pieces are of one cut, whatever is written while
// they are fetched.
func TestSnapshotIsOneMoment(t *testing.T) {
	a := full(t, 1, 10, cachesync.Config{BatchBytes: 1})
	first := a.fetch(1, 9, 0, 0)
	want := a.part.Snapshot()
	got := &crdt.Snapshot{Vector: first.Piece.Vector, Horizon: first.Piece.Horizon}
	for m := first; ; {
		got.Keys, got.Entries = append(got.Keys, m.Piece.Keys...), append(got.Entries, m.Piece.Entries...)
		if len(m.Piece.Keys) != 1 || !m.Piece.Vector.Equal(want.Vector) {
			t.Fatalf("piece %d: want one key at %v, have %v", m.Index, want.Vector, m)
		}
		if m.Last {
			break
		}
		a.write(at(2), fmt.Sprintf("k%02d", m.Index), set("changed"))
		a.write(at(2), fmt.Sprintf("a%02d", m.Index), set("new"))
		m = a.fetch(2, 9, first.Session, m.Index+1)
	}
	var have, wanted crdt.Partition
	for p, s := range map[*crdt.Partition]*crdt.Snapshot{&have: got, &wanted: want} {
		if err := p.Join(s); err != nil {
			t.Fatal(err)
		}
	}
	if string(live(&have, at(9))) != string(live(&wanted, at(9))) {
		t.Errorf("want the state at %v, have another", want.Vector)
	}
}

// TestSnapshotPieceAgain: a piece whose answer was lost can be asked for again.
func TestSnapshotPieceAgain(t *testing.T) {
	a := full(t, 1, 5, cachesync.Config{BatchBytes: 1})
	s := a.fetch(1, 9, 0, 0).Session
	for _, index := range []int{1, 1, 2, 1, 2, 3, 4, 4} {
		m := a.fetch(2, 9, s, index)
		if want := fmt.Sprintf("k%02d", index); m.Kind != cachesync.KindSnapshot || m.Index != index || m.Piece.Keys[0] != want {
			t.Errorf("piece %d: want %s, have %v", index, want, m)
		}
	}
}

// TestSnapshotRefusals: at the limit, and what does not belong to a session.
func TestSnapshotRefusals(t *testing.T) {
	a := full(t, 1, 5, cachesync.Config{BatchBytes: 1, Snapshots: 2, SnapshotIdle: 1000 * ms})
	refused := func(m *cachesync.Message) bool { return m.Kind == cachesync.KindRefusal }
	one, two := a.fetch(0, 11, 0, 0), a.fetch(0, 12, 0, 0)
	if refused(one) || refused(two) || !refused(a.fetch(0, 13, 0, 0)) {
		t.Fatal("room for two: want the third refused")
	}
	for _, c := range []struct {
		what    string
		from    crdt.ReplicaID
		session uint64
		index   int
	}{
		{"another's session", 11, two.Session, 1},
		{"no session", 11, 99, 1},
		{"a stranger", 14, one.Session, 1},
		{"a piece too far", 11, one.Session, 2},
		{"a piece before the first", 11, one.Session, -1},
	} {
		if m := a.fetch(1, c.from, c.session, c.index); !refused(m) {
			t.Errorf("%s: want a refusal, have %v", c.what, m)
		}
	}
	if again := a.fetch(1, 11, 0, 0); refused(again) || again.Session == one.Session {
		t.Errorf("who begins anew: want a new session in place of the old one, have %v", again)
	}
	if !refused(a.fetch(1, 11, one.Session, 1)) {
		t.Error("a session that was replaced: want a refusal")
	}
	a.fetch(600, 12, two.Session, 1)
	a.Tick(at(1001))
	if n := a.Stats().Sessions; n != 1 {
		t.Errorf("one idle for 1 s, the other for 400 ms: want 1 left, have %d", n)
	}
	if m := a.fetch(1002, 12, two.Session, 2); refused(m) {
		t.Errorf("a session that is in use: want a piece, have %v", m)
	}
	if refused(a.fetch(1003, 13, 0, 0)) {
		t.Error("after one has expired: want room")
	}
}

// TestSnapshotSentGivesWay: a session that has been sent whole is kept in case its
// last piece is asked for again, but not at the price of another receiver.
func TestSnapshotSentGivesWay(t *testing.T) {
	a := full(t, 1, 1, cachesync.Config{Snapshots: 1})
	if m := a.fetch(0, 11, 0, 0); !m.Last {
		t.Fatalf("want the last piece, have %v", m)
	}
	if m := a.fetch(1, 12, 0, 0); m.Kind != cachesync.KindSnapshot {
		t.Errorf("the next receiver: want its snapshot, have %v", m)
	}
	if n := a.Stats().Sessions; n != 1 {
		t.Errorf("want 1 session, have %d", n)
	}
}

// TestSnapshotOfAClockGoneWrong is given up at its first piece, and not asked for
// again and again.
func TestSnapshotOfAClockGoneWrong(t *testing.T) {
	a := newHolder(t, 1, "eu", cachesync.Config{LogBytes: 1, BatchBytes: 1})
	for i := range 5 {
		a.write(at(60_000), fmt.Sprint("k", i), set("from the future"))
	}
	b := newHolder(t, 2, "eu", cachesync.Config{})
	b.Receive(at(0), a.heads("eu", at(0), dot(1, 5)))
	fetched := 0
	asks(b, 0, 29_000, func(req *cachesync.Message, _ crdt.ReplicaID) *cachesync.Message {
		if req.Kind == cachesync.KindFetch {
			fetched++
		}
		return a.Receive(at(60_000), req)
	})
	b.wantVector("∅")
	if s := b.Stats(); fetched == 0 || fetched > 10 || s.SkewedBy != a.id {
		t.Errorf("29 s: want from 1 to 10 pieces fetched and the sender named, have %d and %+v", fetched, s)
	}
	asks(b, 59_600, 63_000, func(req *cachesync.Message, _ crdt.ReplicaID) *cachesync.Message {
		return a.Receive(at(60_000), req)
	})
	b.wantVector("1#5")
	if d := b.incr(at(59_900), "own"); d.Stamp <= crdt.StampAt(at(60_000).UnixMilli()) {
		t.Errorf("after the snapshot: want a stamp above all that is in it, have %v", d.Stamp)
	}
}

// TestSnapshotCannotBeJoined: who offers one has not seen what has been forgotten
// here. It is refused, and not fetched again and again.
func TestSnapshotCannotBeJoined(t *testing.T) {
	a, b := newHolder(t, 1, "eu", cachesync.Config{LogBytes: 1}), newHolder(t, 2, "eu", cachesync.Config{})
	b.takes(at(0), a, a.write(at(0), "k", set("v")))
	b.write(at(1), "k", func(m *crdt.Mutator) error { m.Invalidate(); return nil })
	b.Sweep(at(10), ids(b))
	b.Sweep(at(20), ids(b))
	if b.part.Len() != 0 {
		t.Fatalf("want all forgotten, have %v", b.part.Keys())
	}
	a.incr(at(2), "own")
	a.incr(at(3), "own")
	announce(at(21), a, b)
	fetched := 0
	asks(b, 22, 9000, func(req *cachesync.Message, _ crdt.ReplicaID) *cachesync.Message {
		if req.Kind == cachesync.KindFetch {
			fetched++
		}
		return a.Receive(at(2), req)
	})
	b.wantVector("1#1 2#1")
	if s := b.Stats(); s.Refused == 0 || s.Refused != fetched || fetched > 4 || s.Rebuilt != 0 {
		t.Errorf("9 s: want from 1 to 4 snapshots, each refused, have %d and %+v", fetched, s)
	}
}

// TestSnapshotLogStartsAnew: what was learnt by snapshot cannot be passed on from
// the log, and the log says so.
func TestSnapshotLogStartsAnew(t *testing.T) {
	a, b := full(t, 1, 4, cachesync.Config{}), newHolder(t, 2, "eu", cachesync.Config{})
	announce(at(0), a, b)
	b.Tick(at(0))
	settle(at(200), a, b)
	b.takes(at(201), a, a.write(at(201), "k", set("5th")))
	b.wantVector("1#5")
	pull := &cachesync.Message{Kind: cachesync.KindPull, Partition: partition, From: 9, Region: "eu"}
	if m := b.Receive(at(202), pull); !m.Truncated || len(m.Deltas) > 0 {
		t.Errorf("a peer that has nothing: want it sent to a snapshot, have %v", m)
	}
	pull.Vector = crdt.Vector{dot(1, 4)}
	if m := b.Receive(at(202), pull); m.Truncated || len(m.Deltas) != 1 {
		t.Errorf("a peer at 4: want the 5th, have %v", m)
	}
}

// TestRequestsDoNotTravelInSnapshots says what is not promised.
func TestRequestsDoNotTravelInSnapshots(t *testing.T) {
	a, b := full(t, 1, 1, cachesync.Config{}), newHolder(t, 2, "eu", cachesync.Config{})
	if _, err := a.Write(at(0), "k", 77, incr(1)); err != nil {
		t.Fatal(err)
	}
	a.incr(at(0), "l")
	announce(at(0), a, b)
	b.Tick(at(0))
	settle(at(200), a, b)
	b.wantVector("1#3")
	if _, err := b.Write(at(201), "k", 77, incr(1)); errors.Is(err, cachesync.ErrDuplicate) {
		t.Error("the request became known by a snapshot: say so in the documentation of Write")
	}
}

package node

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// pieces returns the messages of a snapshot of some keys, one each.
func pieces(t *testing.T, p region.Partition, keys ...string) (out []string) {
	t.Helper()
	var part crdt.Partition
	for i, key := range keys {
		dot, stamp := crdt.Dot{Replica: 1, N: uint64(i + 1)}, crdt.StampAt(int64(i+1))
		m := crdt.NewMutator(nil, crdt.NewWrite{Dot: dot, Stamp: stamp, Now: int64(i + 1)})
		m.Set("value", crdt.Never)
		d := &crdt.Delta{Dot: dot, From: dot.N, Stamp: stamp, Key: key, Effects: m.Effects()}
		if err := part.Apply(d); err != nil {
			t.Fatal(err)
		}
	}
	s := part.Snapshot()
	for i := range s.Keys {
		piece := *s
		piece.Keys, piece.Entries = s.Keys[i:i+1], s.Entries[i:i+1]
		out = append(out, string(cachesync.Encode(&cachesync.Message{
			Kind: cachesync.KindSnapshot, Partition: p, From: 1, Region: "eu", Session: 1, Index: i,
			Clock: part.Highest(), Piece: &piece, Last: i == len(s.Keys)-1,
		})))
	}
	return out
}

const roomy = 1 << 20

// count returns how many partitions are held, and their bytes.
func (s *stages) count() (n int, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.list), s.bytes
}

// TestStageIsPutTogether: of messages that come whole, in parts, or twice.
func TestStageIsPutTogether(t *testing.T) {
	var s stages
	ms := pieces(t, 3, "a", "b", "c")
	key := stageKey{7, 3}
	for i, c := range []struct {
		more bool
		text string
	}{{false, ms[0]}, {true, ms[1][:5]}, {true, ms[1][5:9]}, {false, ms[1][9:]}, {false, ms[2]}} {
		for range 2 - min(i, 1)*(i%2) { // Some come twice; the first begins anew.
			if err := s.add(key, uint64(i), c.more, c.text, roomy); err != nil {
				t.Fatalf("chunk %d: %v", i, err)
			}
		}
	}
	st, err := s.find(key, false)
	if err != nil || !st.whole || fmt.Sprint(st.backup.Snapshot.Keys) != "[a b c]" || len(st.backup.Snapshot.Entries) != 3 {
		t.Fatalf("want a, b and c, have %+v, %v", st, err)
	}
	if want := int64(len(ms[0]) + len(ms[1]) + len(ms[2])); s.bytes != want {
		t.Errorf("want %d bytes held, have %d", want, s.bytes)
	}
	s.drop(key)
	if s.bytes != 0 || len(s.list) != 0 {
		t.Errorf("dropped: want nothing held, have %d bytes", s.bytes)
	}
}

// TestStageRefuses: what is no part of the partition's backup, out of order, or more
// than there is room for.
func TestStageRefuses(t *testing.T) {
	ms := pieces(t, 3, "a", "b", "c")
	other, mixed := pieces(t, 4, "a"), pieces(t, 3, "a", "x")
	heads := string(cachesync.Encode(&cachesync.Message{Kind: cachesync.KindHeads, Partition: 3, From: 1, Region: "eu"}))
	for what, c := range map[string]struct {
		chunks []string
		number uint64 // of the last of them
		limit  int64
		want   error
	}{
		"no message":            {[]string{"nonsense"}, 0, roomy, errBadStage},
		"nothing":               {[]string{""}, 0, roomy, errBadStage},
		"another kind":          {[]string{heads}, 0, roomy, errBadStage},
		"another partition's":   {other, 0, roomy, errBadStage},
		"not from the start":    {ms[1:2], 0, roomy, errBadStage},
		"a piece twice":         {[]string{ms[0], ms[0]}, 1, roomy, errBadStage},
		"out of order":          {[]string{ms[0], ms[2], ms[1]}, 2, roomy, errBadStage},
		"of another snapshot":   {[]string{ms[0], mixed[1]}, 1, roomy, errBadStage},
		"a chunk left out":      {[]string{ms[0], ms[1]}, 2, roomy, errStageOrder},
		"after the last":        {[]string{other[0][:0] + ms[0], ms[1], ms[2], ms[2]}, 3, roomy, errStageOrder},
		"never begun":           {ms[:1], 1, roomy, errNoStage},
		"more than is allowed":  {ms[:2], 1, int64(len(ms[0]) + 3), wire.ErrTooLarge},
		"a first that is large": {ms[:1], 0, 3, wire.ErrTooLarge},
	} {
		var s stages
		var err error
		for i, chunk := range c.chunks {
			number := uint64(i)
			if i == len(c.chunks)-1 {
				number = c.number
			}
			if err = s.add(stageKey{7, 3}, number, false, chunk, c.limit); err != nil && i < len(c.chunks)-1 {
				t.Logf("%s: chunk %d: %v", what, i, err)
				break
			}
		}
		if !errors.Is(err, c.want) {
			t.Errorf("%s: want %v, have %v", what, c.want, err)
		}
	}
}

// TestStagesAreBounded: in bytes of all together, in number, and in time.
func TestStagesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stages
		ms := pieces(t, 3, "a", "b")
		size := int64(len(ms[0]))
		if err := errors.Join(s.add(stageKey{1, 3}, 0, false, ms[0], 2*size), s.add(stageKey{2, 3}, 0, false, ms[0], 2*size)); err != nil {
			t.Fatal(err)
		}
		if err := s.add(stageKey{3, 3}, 0, false, ms[0], 2*size); !errors.Is(err, errStages) {
			t.Errorf("room for two: want errStages, have %v", err)
		}
		s.drop(stageKey{1, 3})
		if err := s.add(stageKey{3, 3}, 0, false, ms[0], 2*size); err != nil {
			t.Errorf("one has gone: want room, have %v", err)
		}
		for i := range uint64(2 * maxStages) {
			_ = s.add(stageKey{100 + i, 3}, 0, true, "", roomy)
		}
		if n, _ := s.count(); n != maxStages {
			t.Errorf("want %d at once, have %d", maxStages, n)
		}
		time.Sleep(stageFor / 2)
		synctest.Wait()
		if err := s.add(stageKey{2, 3}, 1, false, ms[1], roomy); err != nil {
			t.Error(err)
		}
		time.Sleep(stageFor/2 + 1)
		synctest.Wait()
		n, _ := s.count()
		if _, err := s.find(stageKey{2, 3}, false); err != nil || n != 1 {
			t.Errorf("one was in use: want it alone, have %d, %v", n, err)
		}
		time.Sleep(stageFor + 1)
		synctest.Wait()
		if n, bytes := s.count(); n != 0 || bytes != 0 {
			t.Errorf("want all gone, have %d, %d bytes", n, bytes)
		}
	})
}

package node

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// A backup of a partition is put together at every holder before any takes it in: a
// part of a snapshot is no state of anything, and where one holder has forgotten too
// much for it none may have it ([cachesync.Engine.TakeIn]). Whoever restores drives
// that; what it leaves unfinished goes after a while.

const (
	// stageFor is how long a holder keeps a part of a backup when no more of it comes,
	// and forgets nothing of the partition once it has said what it would do with it.
	stageFor = 30 * time.Second
	// maxStages bounds the partitions that are put together at a node at once.
	maxStages = 64
)

// stages are the backups of partitions that are being put together here. The zero
// value is ready.
type stages struct {
	mu    sync.Mutex
	list  map[stageKey]*stage
	bytes int64
}

type stageKey struct {
	id uint64 // of the restore, as whoever drives it has drawn it
	p  region.Partition
}

// stage is a backup of one partition, as far as it is here.
type stage struct {
	mu      sync.Mutex
	next    uint64 // the number of the chunk that comes next
	part    []byte // of a message
	pieces  int    // of the snapshot, that are here
	backup  cachesync.Backup
	whole   bool
	bytes   int64
	expires *time.Timer
}

// Errors of restoring.
var (
	errNoStage    = &wire.Error{Code: wire.CodeNotOwner, Text: "ERR nothing is known here of that part of the backup: begin the partition again"}
	errStages     = &wire.Error{Code: wire.CodeOverload, Text: "BUSY as much of backups is being taken in as there is room for: try again shortly"}
	errBadStage   = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR that is no part of a backup of the partition"}
	errStageOrder = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR parts of the backup are missing: begin the partition again"}
)

// answerRestore takes a backup of a partition in. Restores have an ID each.
//
//	STAGE id partition number more bytes  the next bytes, and whether the message goes on
//	PREPARE id partition                  what would come of it ([wire.RestoreInfo])
//	COMMIT id partition                   what has come of it, likewise
//	DROP id partition                     forgets it
func (l *life) answerRestore(args []string) (wire.Reply, error) {
	if len(args) < 3 {
		return wire.Reply{}, command.ErrSyntax
	}
	n, err := numbers(args[1:3])
	if err != nil {
		return wire.Reply{}, err
	}
	key := stageKey{n[0], region.Partition(n[1])}
	if n[1] >= uint64(l.cfg.Partitions.Count()) {
		return wire.Reply{}, command.ErrSyntax
	}
	switch {
	case args[0] == "STAGE" && len(args) == 6:
		more, err := numbers(args[3:5])
		if err != nil {
			return wire.Reply{}, err
		}
		if err := l.stages.add(key, more[0], more[1] != 0, args[5], l.cfg.RestoreBytes); err != nil {
			return wire.Reply{}, err
		}
		return wire.OK, nil
	case args[0] == "PREPARE" && len(args) == 3:
		return l.restore(key, false)
	case args[0] == "COMMIT" && len(args) == 3:
		return l.restore(key, true)
	case args[0] == "DROP" && len(args) == 3:
		l.stages.drop(key)
		return wire.OK, nil
	}
	return wire.Reply{}, command.ErrSyntax
}

// find returns a stage, made anew for its first chunk.
func (s *stages) find(key stageKey, first bool) (*stage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if first {
		s.dropLocked(key)
		if len(s.list) >= maxStages {
			return nil, errStages
		}
		if s.list == nil {
			s.list = map[stageKey]*stage{}
		}
		st := &stage{}
		st.expires = time.AfterFunc(stageFor, func() { s.dropIf(key, st) })
		s.list[key] = st
	}
	st := s.list[key]
	if st == nil {
		return nil, errNoStage
	}
	st.expires.Reset(stageFor)
	return st, nil
}

// reserve makes room for more bytes of a stage.
func (s *stages) reserve(key stageKey, st *stage, bytes, limit int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.list[key] != st:
		return errNoStage
	case st.bytes+bytes > limit:
		return &wire.Error{Code: wire.CodeTooLarge, Text: fmt.Sprintf(
			"ERR the backup of partition %d has more than %d bytes, which a node may take in at once (RestoreBytes)", key.p, limit)}
	case s.bytes+bytes > limit:
		return errStages
	}
	st.bytes += bytes
	s.bytes += bytes
	return nil
}

// add takes the next chunk. One that has come before is not taken again.
func (s *stages) add(key stageKey, number uint64, more bool, chunk string, limit int64) error {
	st, err := s.find(key, number == 0)
	if err != nil {
		return err
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	switch {
	case number < st.next:
		return nil
	case number > st.next || st.whole:
		return errStageOrder
	}
	if err := s.reserve(key, st, int64(len(chunk)), limit); err != nil {
		return err
	}
	st.next++
	st.part = append(st.part, chunk...)
	if more {
		return nil
	}
	b := st.part
	st.part = nil
	return st.take(key.p, b)
}

// take adds a whole message to the snapshot.
func (st *stage) take(p region.Partition, b []byte) error {
	ms, err := cachesync.Decode(b)
	if err != nil || len(ms) != 1 {
		return errBadStage
	}
	m := ms[0]
	if m.Kind != cachesync.KindSnapshot || m.Partition != p || m.Index != st.pieces || m.Piece == nil || len(m.Piece.Keys) != len(m.Piece.Entries) {
		return errBadStage
	}
	st.pieces++
	s := st.backup.Snapshot
	if s == nil {
		st.backup, st.whole = cachesync.Backup{Snapshot: m.Piece, Clock: m.Clock, Unmet: m.Unmet}, m.Last
		return nil
	}
	last := len(s.Keys) - 1
	if m.Clock != st.backup.Clock || !m.Piece.Vector.Equal(s.Vector) || last >= 0 && len(m.Piece.Keys) > 0 && m.Piece.Keys[0] <= s.Keys[last] {
		return errBadStage
	}
	s.Keys, s.Entries = append(s.Keys, m.Piece.Keys...), append(s.Entries, m.Piece.Entries...)
	st.whole = m.Last
	return nil
}

func (s *stages) drop(key stageKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropLocked(key)
}

func (s *stages) dropIf(key stageKey, st *stage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.list[key] == st {
		s.dropLocked(key)
	}
}

func (s *stages) dropLocked(key stageKey) {
	if st := s.list[key]; st != nil {
		st.expires.Stop()
		s.bytes -= st.bytes
		delete(s.list, key)
	}
}

// restore says what a backup that is here whole means to the partition, or takes it in.
func (l *life) restore(key stageKey, commit bool) (wire.Reply, error) {
	st, err := l.stages.find(key, false)
	if err != nil {
		return wire.Reply{}, err
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if !st.whole {
		return wire.Reply{}, errStageOrder
	}
	s := l.core.Shard(key.p)
	if s == nil || !s.IsReady() {
		return wire.Reply{}, core.ErrReleased
	}
	info, err := l.mergeInto(s, st, commit)
	if err != nil || !commit {
		return jsonReply(info), err
	}
	l.stages.drop(key)
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	if err := l.disk.acknowledge(ctx); err != nil {
		return wire.Reply{}, err
	}
	return jsonReply(info), nil
}

// mergeInto makes a backup part of a shard, or looks what that would do.
func (l *life) mergeInto(s *core.Shard, st *stage, commit bool) (info wire.RestoreInfo, err error) {
	now := l.cfg.Now()
	if !commit {
		s.Spare(now.Add(stageFor))
	}
	before := make([]uint64, len(st.backup.Snapshot.Keys))
	after := before
	if err = showing(s, st.backup.Snapshot.Keys, before, now.UnixMilli()); err == nil {
		var refused error
		s.Do(func(e *cachesync.Engine) {
			if commit {
				refused = e.TakeIn(now, &st.backup)
			} else {
				refused = e.MayTake(now, &st.backup)
			}
		})
		if refused != nil {
			info.Refused = refused.Error()
		} else if commit {
			after = make([]uint64, len(before))
			err = showing(s, st.backup.Snapshot.Keys, after, now.UnixMilli())
		}
	}
	if err != nil {
		return info, core.ErrUnread
	}
	countRestored(&info, st.backup.Snapshot, before, after, now.UnixMilli())
	return info, nil
}

// looksAtOnce is how many keys are looked at before commands have their turn: they may
// be on a disk.
const looksAtOnce = 256

// showing notes what keys show.
func showing(s *core.Shard, keys []string, out []uint64, now int64) (err error) {
	for i := 0; i < len(keys) && err == nil; i += looksAtOnce {
		s.Look(func(_ *cachesync.Engine, state *crdt.Partition) {
			for j := i; j < min(i+looksAtOnce, len(keys)); j++ {
				out[j] = shownBy(state.Peek(keys[j]), keys[j], now)
			}
			err = state.Err()
		})
	}
	return err
}

// evictedShows stands for what an evicted key shows, which is not known.
const evictedShows = 1

// shownBy returns the digest of what an entry shows, zero for nothing.
func shownBy(e *crdt.Entry, key string, now int64) uint64 {
	if e == nil {
		return 0
	}
	if e.IsEvicted() {
		if e.View(now).IsEvicted() {
			return evictedShows
		}
		return 0
	}
	return e.Digest(key, now)
}

// countRestored counts the keys of a backup by what they showed before and after.
func countRestored(info *wire.RestoreInfo, s *crdt.Snapshot, before, after []uint64, now int64) {
	for i, key := range s.Keys {
		has := shownBy(s.Entries[i], key, now)
		switch {
		case has == 0:
			info.Expired++
		case has == evictedShows && s.Entries[i].IsEvicted():
			info.Evicted++
		case after[i] != before[i]:
			info.Taken++
		case after[i] == evictedShows:
			info.Elsewhere++
		case after[i] == has:
			info.Equal++
		case after[i] == 0:
			info.Absent++
		default:
			info.Changed++
		}
	}
}

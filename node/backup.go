package node

import (
	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// A backup is made of the snapshots that a new holder of the partitions would be
// filled from, whether the node keeps its data in memory or on a disk too. Whoever
// makes it asks the nodes themselves, as they ask each other, with what NATS allows
// only to nodes (package backup).

// backupChunk is the most bytes of a snapshot that one answer holds.
const backupChunk = 8 << 20

// answerBackup gives what a backup is made of:
//
//	ABOUT                                   what is here ([wire.HoldingInfo])
//	PIECE partition to session index offset bytes of a piece of a snapshot from an
//	                                        offset on, and how many the piece has
func (l *life) answerBackup(args []string) (wire.Reply, error) {
	switch {
	case len(args) == 1 && args[0] == "ABOUT":
		return l.about(), nil
	case len(args) == 6 && args[0] == "PIECE":
		n, err := numbers(args[1:])
		if err != nil {
			return wire.Reply{}, err
		}
		return l.backupPiece(n)
	}
	return wire.Reply{}, command.ErrSyntax
}

// about says which partitions are here.
func (l *life) about() wire.Reply {
	info := wire.HoldingInfo{Cluster: l.cfg.Cluster, Region: l.cfg.Region, Node: l.cfg.Name, Partitions: l.cfg.Partitions.Count(),
		Owns: []int{}, Holds: []int{}}
	pl := l.core.Place()
	for _, s := range l.core.Shards() {
		info.Holds = append(info.Holds, int(s.ID()))
		if s.IsReady() && pl.Owner(l.cfg.Region, s.ID()) == l.cfg.Name {
			info.Owns = append(info.Owns, int(s.ID()))
		}
	}
	return jsonReply(info)
}

// errSnapshots is the answer to who asks for one snapshot too many, or for the rest of
// one that is not there any more.
var errSnapshots = &wire.Error{Code: wire.CodeOverload, Text: "BUSY the snapshot is not there: begin it again, shortly"}

// backupPiece gives some bytes of a piece of a partition's snapshot.
func (l *life) backupPiece(n []uint64) (wire.Reply, error) {
	p, offset := region.Partition(n[0]), n[4]
	if n[0] >= uint64(l.cfg.Partitions.Count()) || n[1] == 0 || n[3] > 1<<31 {
		return wire.Reply{}, command.ErrSyntax
	}
	s := l.core.Shard(p)
	if s == nil || !s.IsReady() {
		return wire.Reply{}, core.ErrReleased
	}
	ask := &cachesync.Message{Kind: cachesync.KindFetch, Partition: p, From: crdt.ReplicaID(n[1]), Session: n[2], Index: int(n[3])}
	var piece *cachesync.Message
	var failed error
	s.Look(func(e *cachesync.Engine, state *crdt.Partition) {
		piece, failed = e.Receive(l.cfg.Now(), ask), state.Err()
	})
	switch {
	case failed != nil:
		return wire.Reply{}, core.ErrUnread
	case piece == nil || piece.Kind != cachesync.KindSnapshot:
		return wire.Reply{}, errSnapshots
	}
	b := cachesync.Encode(piece)
	from := min(offset, uint64(len(b)))
	to := min(from+backupChunk, uint64(len(b)))
	if piece.Last && to == uint64(len(b)) {
		// A backup goes through all partitions: they must not all stay in memory.
		s.Do(func(e *cachesync.Engine) { e.EndFetch(ask.From) })
	}
	return wire.List(wire.String(string(b[from:to])), wire.Int(int64(len(b)))), nil
}

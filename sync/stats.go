package sync

import "github.com/atollcache/atoll/crdt"

// Stats counts what an engine has done and dropped. Each counter stands beside
// the decision that it counts.
type Stats struct {
	Written       int // local writes
	Applied       int // deltas of others applied
	Coalesced     int // deltas that travelled inside a neighbour
	Repeated      int // deltas received that had been applied already
	Held          int // deltas held back for their causes or for the clock
	HoldDropped   int // deltas not held for want of room; pulled again later
	HoldExpired   int // deltas held back for so long that they were given up; pulled again if any peer has them
	QueueDropped  int // deltas that left the broadcast queue unsent; pulled by peers
	Unheard       int // local writes that nobody was there to be told of; pulled by who comes
	Skewed        int // times a delta was found stamped too far ahead
	Foreign       int // deltas under this replica's own ID that it had not made
	Failed        int // deltas that the store refused
	Paused        int // messages not taken because their region is paused
	Duplicates    int // commands refused because their request ID had run
	Ahead         int // commands refused because earlier stamps are too far ahead of the clock
	Pulls         int // pulls sent
	PullTimeouts  int // requests of pulls that were not answered, or not in time
	Snapshots     int // snapshots joined
	Refused       int // snapshots that could not be joined
	Old           int // deltas whose origin had not seen what has been forgotten here
	Expired       int // keys whose time came
	Forgotten     int // entries forgotten, and
	Trimmed       int // entries of which something hidden was forgotten
	LeftOut       int // times a holder was left out for holding back forgetting too long
	Rebuilt       int // times the own state was dropped for a snapshot, having been away too long
	Retired       int // IDs that nobody wrote under any more and that were retired
	Lost          int // writes dropped by that, which no other holder had
	Compared      int // digests compared with a peer's
	Differed      int // those that began to differ
	Comparisons   int // comparisons in full that were begun
	Symbols       int // coded symbols sent
	Repaired      int // keys repaired
	Given         int // entries given to holders that had evicted them
	Restored      int // entries brought back that had been evicted here
	Misses        int // misses that may be filled
	MissesWaited  int // misses of keys that somebody else was about to fill
	MissesDropped int // misses forgotten for want of room
	Fills         int // fills taken
	FillsRefused  int // fills that came too late: something had happened to the key, or the miss was forgotten
	Unjudged      int // differing keys that were left alone because of writes under way

	SkewedBy crdt.ReplicaID // the origin last found too far ahead

	LogBytes   int // bytes in the log now
	HoldBytes  int // bytes held back now
	QueueBytes int // bytes waiting to be broadcast now
	Sessions   int // snapshots being sent now
}

// Add returns the sums of both, and the later SkewedBy.
func (s Stats) Add(o Stats) Stats {
	s.Written += o.Written
	s.Applied += o.Applied
	s.Coalesced += o.Coalesced
	s.Repeated += o.Repeated
	s.Held += o.Held
	s.HoldDropped += o.HoldDropped
	s.HoldExpired += o.HoldExpired
	s.QueueDropped += o.QueueDropped
	s.Unheard += o.Unheard
	s.Skewed += o.Skewed
	s.Foreign += o.Foreign
	s.Failed += o.Failed
	s.Paused += o.Paused
	s.Duplicates += o.Duplicates
	s.Ahead += o.Ahead
	s.Pulls += o.Pulls
	s.PullTimeouts += o.PullTimeouts
	s.Snapshots += o.Snapshots
	s.Refused += o.Refused
	s.Old += o.Old
	s.Expired += o.Expired
	s.Forgotten += o.Forgotten
	s.Trimmed += o.Trimmed
	s.LeftOut += o.LeftOut
	s.Rebuilt += o.Rebuilt
	s.Retired += o.Retired
	s.Lost += o.Lost
	s.Compared += o.Compared
	s.Differed += o.Differed
	s.Comparisons += o.Comparisons
	s.Symbols += o.Symbols
	s.Repaired += o.Repaired
	s.Given += o.Given
	s.Restored += o.Restored
	s.Misses += o.Misses
	s.MissesWaited += o.MissesWaited
	s.MissesDropped += o.MissesDropped
	s.Fills += o.Fills
	s.FillsRefused += o.FillsRefused
	s.Unjudged += o.Unjudged
	s.LogBytes += o.LogBytes
	s.HoldBytes += o.HoldBytes
	s.QueueBytes += o.QueueBytes
	s.Sessions += o.Sessions
	if o.SkewedBy != 0 {
		s.SkewedBy = o.SkewedBy
	}
	return s
}

package node

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// regions says how the regions do, as seen from this node.
func (l *life) regions(context.Context, wire.Command) wire.Reply {
	pl := l.core.Place()
	of := l.standings(pl.Members())
	names := append(pl.Regions(), slices.Collect(maps.Keys(of))...)
	slices.Sort(names)
	out := []wire.RegionInfo{}
	for _, r := range slices.Compact(names) {
		s := of[r]
		info := wire.RegionInfo{
			Region: r, Here: r == l.cfg.Region, Behind: s.behind, Lags: s.lags,
			PausedIn: l.core.Paused(r, l.cfg.Region), PausedOut: l.core.Paused(l.cfg.Region, r),
			HeldKeys: s.heldKeys, HeldBytes: s.heldBytes, LeftOut: s.leftOut,
		}
		if !s.heldSince.IsZero() {
			info.HeldSince = &s.heldSince
		}
		for _, m := range pl.Members() {
			if m.Region == r {
				l.addMember(&info, m)
			}
		}
		out = append(out, info)
	}
	return jsonReply(out)
}

// addMember counts a member in its region.
func (l *life) addMember(info *wire.RegionInfo, m region.Member) {
	if m.State == region.StateSuspect {
		info.Silent++
	} else {
		info.Nodes++
	}
	if _, heard := l.core.Skew(m); info.Heard == nil || heard.After(*info.Heard) {
		info.Heard = &heard
	}
}

// standing is how a region stands to the partitions that the node holds.
type standing struct {
	behind    int       // partitions of which some node there has something that is missing here
	lags      int       // partitions of which some node there lacks something
	heldSince time.Time // since when the oldest that waits to be forgotten waits for it; zero: nothing does
	heldKeys  int       // keys that wait in the partitions where it is waited for
	heldBytes int
	leftOut   int // partitions in which it is not waited for any more
}

// standings returns the standing of every region of which something is known.
func (l *life) standings(members []region.Member) map[string]standing {
	home := make(map[crdt.ReplicaID]string, len(members))
	for _, m := range members {
		home[m.Replica.Life()] = m.Region
	}
	out := map[string]standing{}
	for _, s := range l.core.Shards() {
		var peers []cachesync.Peer
		var held cachesync.Backlog
		s.Do(func(e *cachesync.Engine) { peers, held = e.Peers(), e.Backlog() })
		addStandings(out, home, peers, held)
	}
	return out
}

// addStandings adds what one partition shows of the regions. A replica is in the
// region of the member that it is the life of. One that is no member any more is
// where it announced that it was.
func addStandings(out map[string]standing, home map[crdt.ReplicaID]string, peers []cachesync.Peer, held cachesync.Backlog) {
	type mark struct{ behind, lags, holds, out bool }
	marks := map[string]mark{}
	last := make(map[crdt.ReplicaID]string, len(peers))
	for _, p := range peers {
		last[p.Replica.Life()] = p.Region
		m := marks[p.Region]
		m.behind, m.lags = m.behind || p.Behind, m.lags || p.Lags
		marks[p.Region] = m
	}
	each := func(replicas []crdt.ReplicaID, f func(*mark)) {
		for _, id := range replicas {
			r, known := home[id.Life()]
			if !known {
				r, known = last[id.Life()]
			}
			if known {
				m := marks[r]
				f(&m)
				marks[r] = m
			}
		}
	}
	each(held.By, func(m *mark) { m.holds = true })
	each(held.Out, func(m *mark) { m.out = true })
	for r, m := range marks {
		s := out[r]
		s.behind += count(m.behind)
		s.lags += count(m.lags)
		s.leftOut += count(m.out)
		if m.holds && !held.Since.IsZero() {
			s.heldKeys += held.Keys
			s.heldBytes += held.Bytes
			if s.heldSince.IsZero() || held.Since.Before(s.heldSince) {
				s.heldSince = held.Since
			}
		}
		out[r] = s
	}
}

// count returns 1 for true.
func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

package node

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// ring says which node of the region has which share, and where a key lives.
func (l *life) ring(_ context.Context, cmd wire.Command) wire.Reply {
	pl := l.core.Place()
	ring := pl.Serving(l.cfg.Region)
	info := wire.RingInfo{
		Region: l.cfg.Region, Partitions: l.cfg.Partitions.Count(), Copies: ring.Copies(), Balance: ring.Balance(),
		Epoch: fmt.Sprintf("%016x", pl.Epoch()), Nodes: []wire.RingNode{},
	}
	for _, m := range pl.Members() {
		if m.Region != l.cfg.Region {
			continue
		}
		info.Nodes = append(info.Nodes, wire.RingNode{
			Name: m.Name, Zone: m.Zone, Weight: weightOf(m),
			Owns: len(ring.OwnedBy(m.Name)), Holds: len(ring.HeldBy(m.Name)),
		})
	}
	if len(cmd.Args) > 1 {
		key := cmd.Args[1]
		p := l.cfg.Partitions.Of(key)
		info.Key = &wire.RingKey{
			Key: legible(key), Slot: int(region.SlotOf(key)), Partition: int(p), Owner: ring.Owner(p), Replicas: ring.Replicas(p),
		}
	}
	return jsonReply(info)
}

func weightOf(m region.Member) int {
	if m.Weight == 0 {
		return region.DefaultWeight
	}
	return m.Weight
}

// regions says how the regions do, as seen from this node.
func (l *life) regions(context.Context, wire.Command) wire.Reply {
	behind, lags := l.partitionsApart()
	out := []wire.RegionInfo{}
	pl := l.core.Place()
	for _, r := range pl.Regions() {
		info := wire.RegionInfo{
			Region: r, Here: r == l.cfg.Region, Behind: behind[r], Lags: lags[r],
			PausedIn: l.core.Paused(r, l.cfg.Region), PausedOut: l.core.Paused(l.cfg.Region, r),
		}
		for _, m := range pl.Members() {
			if m.Region != r {
				continue
			}
			if m.State == region.StateSuspect {
				info.Silent++
			} else {
				info.Nodes++
			}
			if _, heard := l.core.Skew(m); info.Heard == nil || heard.After(*info.Heard) {
				info.Heard = &heard
			}
		}
		out = append(out, info)
	}
	return jsonReply(out)
}

// partitionsApart counts per region the partitions of which some node there has
// something that is missing here, and those of which it lacks something.
func (l *life) partitionsApart() (behind, lags map[string]int) {
	behind, lags = map[string]int{}, map[string]int{}
	for _, s := range l.core.Shards() {
		var peers []cachesync.Peer
		s.Do(func(e *cachesync.Engine) { peers = e.Peers() })
		seen := map[string][2]bool{}
		for _, p := range peers {
			was := seen[p.Region]
			seen[p.Region] = [2]bool{was[0] || p.Behind, was[1] || p.Lags}
		}
		for r, is := range seen {
			if is[0] {
				behind[r]++
			}
			if is[1] {
				lags[r]++
			}
		}
	}
	return behind, lags
}

// nodes says how the nodes do. Each is asked; of those that do not answer what is
// known of them is told.
func (l *life) nodes(ctx context.Context, _ wire.Command) wire.Reply {
	pl := l.core.Place()
	out := []wire.NodeInfo{}
	for _, a := range l.askAll(ctx, pl.Members(), askTimeout, "_NODE") {
		m := a.member
		info := wire.NodeInfo{}
		if a.reply.Type != wire.TypeString || json.Unmarshal([]byte(a.reply.Text), &info) != nil {
			info = wire.NodeInfo{Unanswered: true}
		}
		info.Name, info.Region, info.Zone, info.Weight = m.Name, m.Region, m.Zone, weightOf(m)
		info.Replica, info.State = m.Replica.String(), m.State.String()
		if ring := pl.Serving(m.Region); ring != nil {
			info.Owns, info.Holds = len(ring.OwnedBy(m.Name)), len(ring.HeldBy(m.Name))
		}
		skew, heard := l.core.Skew(m)
		info.Heard, info.Skew = heard, skew.String()
		out = append(out, info)
	}
	return jsonReply(out)
}

// answerNode says how this node does.
func (l *life) answerNode([]string) (wire.Reply, error) {
	var info wire.NodeInfo
	var sum cachesync.Stats
	now := l.cfg.Now().UnixMilli()
	for _, s := range l.core.Shards() {
		bytes, keys := s.Count(now)
		info.Bytes, info.Keys = info.Bytes+bytes, info.Keys+keys
		s.Do(func(e *cachesync.Engine) { sum = sum.Add(e.Stats()) })
	}
	run, link := l.runner.Stats(), l.link.Stats()
	info.Heard = time.UnixMilli(now)
	info.Counters = map[string]int64{
		"written": int64(sum.Written), "applied": int64(sum.Applied), "coalesced": int64(sum.Coalesced),
		"repeated": int64(sum.Repeated), "held": int64(sum.Held), "hold_dropped": int64(sum.HoldDropped),
		"queue_dropped": int64(sum.QueueDropped), "skewed": int64(sum.Skewed), "foreign": int64(sum.Foreign),
		"failed": int64(sum.Failed), "paused": int64(sum.Paused), "duplicates": int64(sum.Duplicates),
		"pulls": int64(sum.Pulls), "pull_timeouts": int64(sum.PullTimeouts),
		"snapshots": int64(sum.Snapshots), "snapshots_refused": int64(sum.Refused),
		"log_bytes": int64(sum.LogBytes), "hold_bytes": int64(sum.HoldBytes), "queue_bytes": int64(sum.QueueBytes),
		"published": run.Published, "publish_bytes": run.PublishBytes, "publish_failed": run.PublishFailed,
		"too_large": run.TooLarge, "malformed": run.Malformed + l.malformed.Load(), "ask_failed": run.AskFailed,
		"expired": int64(sum.Expired), "forgotten": int64(sum.Forgotten), "link_dropped": int64(link.Dropped),
	}
	return jsonReply(info), nil
}

// compile-time checks.
var (
	_ command.Doer       = embedded{}
	_ command.Doer       = fronted{}
	_ command.Doer       = addressed{}
	_ cachesync.Receiver = receiver{}
	_ core.Outside       = outside{}
)

package node

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// ring says which node of the region has which share, and where a key lives.
func (n *Node) ring(_ context.Context, cmd wire.Command) wire.Reply {
	pl := n.place.Load()
	ring := pl.serving[n.cfg.Region]
	info := wire.RingInfo{
		Region: n.cfg.Region, Partitions: n.cfg.Partitions.Count(), Copies: ring.Copies(), Balance: ring.Balance(),
		Nodes: []wire.RingNode{},
	}
	n.mu.Lock()
	info.Epoch = fmt.Sprintf("%016x", n.mu.view.RegionEpoch(n.cfg.Region))
	n.mu.Unlock()
	for _, m := range pl.members {
		if m.Region != n.cfg.Region {
			continue
		}
		info.Nodes = append(info.Nodes, wire.RingNode{
			Name: m.Name, Zone: m.Zone, Weight: weightOf(m),
			Owns: len(ring.OwnedBy(m.Name)), Holds: len(ring.HeldBy(m.Name)),
		})
	}
	if len(cmd.Args) > 1 {
		key := cmd.Args[1]
		p := n.cfg.Partitions.Of(key)
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
func (n *Node) regions(context.Context, wire.Command) wire.Reply {
	behind, lags := n.partitionsApart()
	out := []wire.RegionInfo{}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, r := range n.mu.view.Regions() {
		info := wire.RegionInfo{
			Region: r, Here: r == n.cfg.Region, Behind: behind[r], Lags: lags[r],
			PausedIn: n.mu.links.Paused(r, n.cfg.Region), PausedOut: n.mu.links.Paused(n.cfg.Region, r),
		}
		for _, m := range n.mu.view.InRegion(r) {
			if m.State == region.StateSuspect {
				info.Silent++
			} else {
				info.Nodes++
			}
			if heard := n.mu.view.Heard(r, m.Name); info.Heard == nil || heard.After(*info.Heard) {
				info.Heard = &heard
			}
		}
		out = append(out, info)
	}
	return jsonReply(out)
}

// partitionsApart counts per region the partitions of which some node there has
// something that is missing here, and those of which it lacks something.
func (n *Node) partitionsApart() (behind, lags map[string]int) {
	behind, lags = map[string]int{}, map[string]int{}
	for _, s := range n.held() {
		var peers []cachesync.Peer
		s.do(func(e *cachesync.Engine) { peers = e.Peers() })
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
func (n *Node) nodes(ctx context.Context, _ wire.Command) wire.Reply {
	pl := n.place.Load()
	out := []wire.NodeInfo{}
	for _, a := range n.askAll(ctx, pl.members, askTimeout, "_NODE") {
		m := a.member
		info := wire.NodeInfo{}
		if a.reply.Type != wire.TypeString || json.Unmarshal([]byte(a.reply.Text), &info) != nil {
			info = wire.NodeInfo{Unanswered: true}
		}
		info.Name, info.Region, info.Zone, info.Weight = m.Name, m.Region, m.Zone, weightOf(m)
		info.Replica, info.State = m.Replica.String(), m.State.String()
		if ring := pl.serving[m.Region]; ring != nil {
			info.Owns, info.Holds = len(ring.OwnedBy(m.Name)), len(ring.HeldBy(m.Name))
		}
		n.mu.Lock()
		info.Heard, info.Skew = n.mu.view.Heard(m.Region, m.Name), n.mu.told[m.Replica].skew.String()
		n.mu.Unlock()
		out = append(out, info)
	}
	return jsonReply(out)
}

// answerNode says how this node does.
func (n *Node) answerNode([]string) (wire.Reply, error) {
	var info wire.NodeInfo
	var sum cachesync.Stats
	expired, forgotten := 0, 0
	now := n.clock.now().UnixMilli()
	for _, s := range n.held() {
		s.do(func(e *cachesync.Engine) {
			st := &s.mu.state
			info.Bytes += st.Bytes()
			expired, forgotten = expired+st.expired, forgotten+st.forgotten
			st.Each(func(_ string, e *crdt.Entry) bool {
				if e.View(now).Exists() {
					info.Keys++
				}
				return true
			})
			sum = sum.Add(e.Stats())
		})
	}
	run, link := n.runner.Stats(), n.link.Stats()
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
		"too_large": run.TooLarge, "malformed": run.Malformed + n.malformed.Load(), "ask_failed": run.AskFailed,
		"expired": int64(expired), "forgotten": int64(forgotten), "link_dropped": int64(link.Dropped),
	}
	return jsonReply(info), nil
}

// compile-time checks.
var (
	_ command.Doer       = embedded{}
	_ cachesync.Host     = host{}
	_ cachesync.Receiver = receiver{}
	_ cachesync.Store    = (*store)(nil)
)

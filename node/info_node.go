package node

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
	"github.com/atollcache/atoll/sync/natslink"
)

// nodes says how the nodes do. Each is asked; of those that do not answer what is
// known of them is told.
func (l *life) nodes(ctx context.Context, _ wire.Command) wire.Reply {
	pl := l.core.Place()
	out := []wire.NodeInfo{}
	for _, a := range l.askAll(ctx, pl.Members(), askTimeout, "_NODE") {
		m := a.member
		info := wire.NodeInfo{}
		if a.reply.Type != wire.TypeString || json.Unmarshal([]byte(a.reply.Text), &info) != nil {
			info = wire.NodeInfo{Unanswered: true, Reason: "it does not answer"}
		}
		info.Name, info.Region, info.Zone, info.Weight = m.Name, m.Region, m.Zone, weightOf(m)
		info.Replica, info.State = m.Replica.String(), m.State.String()
		if ring := pl.Serving(m.Region); ring != nil {
			info.Owns, info.Holds = len(ring.OwnedBy(m.Name)), len(ring.HeldBy(m.Name))
		}
		_, info.Heard = l.core.Skew(m)
		info.Skew, info.SkewWithin = l.skewOf(m)
		out = append(out, info)
	}
	return jsonReply(out)
}

// skewOf returns how far a member's clock is ahead of this node's, and how well
// that is known; empty when it is not.
func (l *life) skewOf(m region.Member) (skew, within string) {
	offset, uncertainty, ok := l.core.Offset(m)
	if !ok && m.Replica != l.core.Replica() { // Its own clock is never ahead.
		return "", ""
	}
	return offset.String(), uncertainty.String()
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
	link, clock := l.link.Stats(), l.core.Clock()
	info.Heard = time.UnixMilli(now)
	info.Reason = l.unready(clock, link)
	info.Ready = info.Reason == ""
	info.Clock = &wire.ClockInfo{
		Standing: clock.Standing.String(), Offset: clock.Offset.String(), Within: clock.Uncertainty.String(),
		Peers: clock.Peers, Majority: clock.Majority,
	}
	info.Counters = l.counters(sum, l.runner.Stats(), link)
	info.Disk = l.diskInfo(info.Counters)
	memoryCounters(l.core.Config().Memory.Stats(), info.Counters)
	return jsonReply(info), nil
}

// unready says why the node is not fit to serve as well as it might, empty if it
// is: load is better sent elsewhere, and a rolling restart waits.
func (l *life) unready(clock region.Verdict, link natslink.Stats) string {
	var why []string
	if s := l.core.State(); s != core.Ready {
		why = append(why, s.String())
	}
	shards, filled := l.core.Shards(), 0
	for _, s := range shards {
		filled += count(s.IsReady())
	}
	if filled < len(shards) {
		why = append(why, fmt.Sprintf("%d of %d partitions are not filled", len(shards)-filled, len(shards)))
	}
	if l.core.IsAwaking() {
		why = append(why, "it was frozen and catches up")
	}
	if clock.Standing == region.OutOfLine {
		why = append(why, "its clock is out of line, so it refuses writes")
	}
	if l.disk != nil && l.disk.failed() != nil {
		why = append(why, "its disk has failed, so nothing is saved any more")
	}
	for _, c := range l.cfg.conns() {
		if !c.stats(link).Connected {
			why = append(why, "its NATS connection for "+c.name+" is down")
		}
	}
	return strings.Join(why, "; ")
}

// counters names everything that the parts of a node have counted.
func (l *life) counters(sum cachesync.Stats, run cachesync.RunnerStats, link natslink.Stats) map[string]int64 {
	return map[string]int64{
		"written": int64(sum.Written), "applied": int64(sum.Applied), "coalesced": int64(sum.Coalesced),
		"repeated": int64(sum.Repeated), "held": int64(sum.Held), "hold_dropped": int64(sum.HoldDropped),
		"hold_expired": int64(sum.HoldExpired), "queue_dropped": int64(sum.QueueDropped), "unheard": int64(sum.Unheard),
		"skewed": int64(sum.Skewed), "ahead": int64(sum.Ahead), "foreign": int64(sum.Foreign), "old": int64(sum.Old),
		"failed": int64(sum.Failed), "paused": int64(sum.Paused), "duplicates": int64(sum.Duplicates),
		"pulls": int64(sum.Pulls), "pull_timeouts": int64(sum.PullTimeouts),
		"snapshots": int64(sum.Snapshots), "snapshots_sending": int64(sum.Sessions), "snapshots_refused": int64(sum.Refused),
		"expired": int64(sum.Expired), "forgotten": int64(sum.Forgotten), "trimmed": int64(sum.Trimmed),
		"left_out": int64(sum.LeftOut), "rebuilt": int64(sum.Rebuilt), "lost": int64(sum.Lost),
		"compared": int64(sum.Compared), "differed": int64(sum.Differed), "comparisons": int64(sum.Comparisons),
		"symbols": int64(sum.Symbols), "repaired": int64(sum.Repaired), "given": int64(sum.Given), "restored": int64(sum.Restored), "unjudged": int64(sum.Unjudged),
		"log_bytes": int64(sum.LogBytes), "hold_bytes": int64(sum.HoldBytes), "queue_bytes": int64(sum.QueueBytes),
		"published": run.Published, "publish_bytes": run.PublishBytes, "publish_failed": run.PublishFailed,
		"too_large": run.TooLarge, "malformed": run.Malformed + l.malformed.Load(),
		"ask_failed": run.AskFailed, "ask_bytes": run.AskBytes, "announce_bytes": run.AnnounceBytes,
		"ask_lost": int64(link.AskLost), "asked_again": int64(link.Again),
		"ask_window": int64(link.Window.Window), "ask_under_way": int64(link.Window.UnderWay),
		"ask_waited": int64(link.Window.Waited), "ask_narrowed": int64(link.Window.Narrowed),
		"link_dropped":    int64(link.Dropped),
		"data_reconnects": int64(link.DataConn.Reconnects), "data_denied": int64(link.DataConn.Denied),
		"control_reconnects": int64(link.ControlConn.Reconnects), "control_denied": int64(link.ControlConn.Denied),
		"bulk_reconnects": int64(link.BulkConn.Reconnects), "bulk_denied": int64(link.BulkConn.Denied),
	}
}

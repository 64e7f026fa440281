package node

import (
	"context"
	"fmt"

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

// compile-time checks.
var (
	_ command.Doer       = embedded{}
	_ command.Doer       = fronted{}
	_ command.Doer       = addressed{}
	_ cachesync.Receiver = receiver{}
	_ core.Outside       = outside{}
)

package core

import "github.com/atollcache/atoll/region"

// leadGroups is into how many groups the partitions are divided that the same nodes
// hold. Each is published under one subject, and received by one goroutine of its own
// (natslink.Config.Lanes): fewer make fewer and larger messages, more make use of more
// processors.
const leadGroups = 4

// lead returns the partition under which what is written to p is published: the first
// one of its group that the same nodes hold, so that what is written to many travels in
// one message. While somebody is about to come or to go it is p itself: who is about to
// hold p need not be about to hold the other one. Who is not seen to come misses a
// message, and pulls it.
func (pl *Placement) lead(p region.Partition) region.Partition {
	if int(p) >= len(pl.leads) {
		return p
	}
	return pl.leads[p]
}

// findLeads returns the lead of each partition.
func (pl *Placement) findLeads(n region.Partitions) []region.Partition {
	for _, m := range pl.members {
		if m.State == region.StateJoining || m.State == region.StateLeaving {
			return nil
		}
	}
	first := map[string]region.Partition{} // by who holds it
	out := make([]region.Partition, n.Count())
	holders := make([]byte, 1+len(pl.members))
	for p := range region.Partition(n.Count()) {
		holders[0] = byte(p % leadGroups)
		for i, m := range pl.members {
			holders[1+i] = 0
			if pl.mayHold(m, p) {
				holders[1+i] = 1
			}
		}
		lead, known := first[string(holders)]
		if !known {
			lead = p
			first[string(holders)] = p
		}
		out[p] = lead
	}
	return out
}

package client

import "sync/atomic"

// Stats is what a client has counted since it was made, and what it holds now.
type Stats struct {
	Commands uint64 // commands sent, each attempt counted
	Messages uint64 // requests sent to nodes
	Resent   uint64 // commands sent again after a failure

	NoResponders uint64 // requests that nobody took
	Timeouts     uint64 // requests without an answer in time
	Busy         uint64 // requests that a node refused for want of room
	Overload     uint64 // commands refused here for want of room
	Abandoned    uint64 // commands whose caller did not wait for the end

	Refreshes uint64 // looks at the members
	Rings     uint64 // changes of the ring that followed

	Waiting  int // calls that wait for a message, now
	InFlight int // messages under way, now
	Nodes    int // nodes on the ring, now; 0 while it is not known
}

// counters are the live counterparts of Stats.
type counters struct {
	commands, messages, resent                        atomic.Uint64
	noResponders, timeouts, busy, overload, abandoned atomic.Uint64
	refreshes, rings                                  atomic.Uint64
}

// Stats returns the counters at this moment. It does not block.
func (c *Client) Stats() Stats {
	n := &c.count
	s := Stats{
		Commands: n.commands.Load(), Messages: n.messages.Load(), Resent: n.resent.Load(),
		NoResponders: n.noResponders.Load(), Timeouts: n.timeouts.Load(), Busy: n.busy.Load(),
		Overload: n.overload.Load(), Abandoned: n.abandoned.Load(),
		Refreshes: n.refreshes.Load(), Rings: n.rings.Load(),
	}
	if ring := c.ring.Load(); ring != nil {
		s.Nodes = ring.Len()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, q := range c.mu.queues {
		s.Waiting += len(q.waiting)
		s.InFlight += q.inFlight
	}
	return s
}

package resp

import (
	"net"
	"strconv"
)

// SENTINEL, as much of it as clients need that are set up to fail over: they ask
// sentinels who the master is, and ask again when they have lost it. Here every node
// is a sentinel, whatever the name that is asked for, and the master that it tells of
// is itself: it is there, it takes writes, and it answers for every key. A client
// whose node has gone asks the next sentinel, which is another node.

func sentinelEntry() *entry {
	return container("sentinel", "sentinel", catSlow|catAdmin|catDangerous,
		&entry{name: "get-master-addr-by-name", arity: 3, args: "master-name", summary: "Reply this node's host and port.", run: sentinelAddress},
		&entry{name: "master", arity: 3, args: "master-name", summary: "Describe this node.", run: func(c *conn, args []string) {
			c.sentinelState(args[2], c.self(), "master")
		}},
		&entry{name: "masters", arity: 2, summary: "Describe this node, under the cluster's name.", run: func(c *conn, _ []string) {
			c.w.Array(1)
			c.sentinelState(c.s.node.Topology().Cluster, c.self(), "master")
		}},
		&entry{name: "sentinels", arity: 3, args: "master-name", summary: "Describe the other nodes of the region.", run: sentinelOthers},
		&entry{name: "replicas", arity: 3, args: "master-name", summary: "Reply nothing: every node is a master.", run: noReplicas},
		&entry{name: "slaves", arity: 3, args: "master-name", summary: "Reply nothing: every node is a master.", run: noReplicas},
		&entry{name: "myid", arity: 2, summary: "Reply this node's ID.", run: func(c *conn, _ []string) { t := c.s.node.Topology(); c.w.Bulk(t.id(t.Self)) }},
		&entry{name: "ckquorum", arity: 3, args: "master-name", summary: "Say how many nodes the region has.", run: func(c *conn, _ []string) {
			c.w.Status("OK " + strconv.Itoa(1+len(c.others())) + " usable Sentinels. Quorum and failover authorization can be reached")
		}},
	)
}

func noReplicas(c *conn, _ []string) { c.w.Array(0) }

// self returns this node as a client reaches it: at the address that it tells others
// or, without one, where the client has come.
func (c *conn) self() Member {
	t := c.s.node.Topology()
	for _, m := range t.Members {
		if m.Name == t.Self && m.Address != "" {
			return m
		}
	}
	return Member{Name: t.Self, Address: c.nc.LocalAddr().String(), Alive: true}
}

// others returns the other nodes of the region that clients can reach.
func (c *conn) others() []Member {
	t := c.s.node.Topology()
	var out []Member
	for _, m := range t.Members {
		if m.Name != t.Self && m.Alive && m.Address != "" {
			out = append(out, m)
		}
	}
	return out
}

func sentinelAddress(c *conn, _ []string) {
	host, port, err := net.SplitHostPort(c.self().Address)
	if err != nil {
		c.w.NilArray()
		return
	}
	c.w.Array(2)
	c.w.Bulk(host)
	c.w.Bulk(port)
}

func sentinelOthers(c *conn, _ []string) {
	others := c.others()
	c.w.Array(len(others))
	for _, m := range others {
		c.sentinelState(m.Name, m, "sentinel")
	}
}

// sentinelState describes a node as a sentinel does.
func (c *conn) sentinelState(name string, m Member, flag string) {
	host, port := m.endpoint()
	fields := [][2]string{
		{"name", name}, {"ip", host}, {"port", strconv.Itoa(port)}, {"runid", c.s.node.Topology().id(m.Name)}, {"flags", flag},
		{"link-pending-commands", "0"}, {"link-refcount", "1"}, {"last-ping-sent", "0"}, {"last-ok-ping-reply", "0"}, {"last-ping-reply", "0"},
		{"down-after-milliseconds", "30000"},
	}
	if flag == "master" {
		fields = append(fields, [][2]string{
			{"info-refresh", "0"}, {"role-reported", "master"}, {"role-reported-time", "0"}, {"config-epoch", "0"},
			{"num-slaves", "0"}, {"num-other-sentinels", strconv.Itoa(len(c.others()))}, {"quorum", "1"}, {"failover-timeout", "180000"}, {"parallel-syncs", "1"},
		}...)
	}
	c.w.Map(len(fields))
	for _, f := range fields {
		c.w.Bulk(f[0])
		c.w.Bulk(f[1])
	}
}

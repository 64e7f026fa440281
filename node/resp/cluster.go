package resp

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/atollcache/atoll/region"
)

// CLUSTER: the nodes of the region, as a Redis Cluster shows its own. Every node
// answers for every key; a client that knows the owners saves a step.

func clusterEntries() []*entry {
	own := func(name, args, summary string, arity int, run func(*conn, []string)) *entry {
		return &entry{name: name, arity: arity, args: args, summary: summary, run: func(c *conn, args []string) {
			if !c.s.cfg.ClusterMode {
				c.w.Error("ERR This instance has cluster support disabled")
				return
			}
			run(c, args)
		}}
	}
	return []*entry{container("cluster", "cluster", catSlow,
		own("slots", "", "Reply which nodes of the region have which slots.", 2, clusterSlots),
		own("shards", "", "Reply the slots of each node of the region.", 2, clusterShards),
		own("nodes", "", "Describe the nodes of the region.", 2, clusterNodes),
		own("info", "", "Say how the cluster does.", 2, clusterInfo),
		own("myid", "", "Reply this node's ID.", 2, func(c *conn, _ []string) { t := c.s.node.Topology(); c.w.Bulk(t.id(t.Self)) }),
		own("myshardid", "", "Reply this node's ID.", 2, func(c *conn, _ []string) { t := c.s.node.Topology(); c.w.Bulk(t.id(t.Self)) }),
		own("keyslot", "key", "Reply a key's slot.", 3, func(c *conn, args []string) { c.w.Int(int64(region.SlotOf(args[2]))) }),
		own("countkeysinslot", "slot", "Count the keys of a slot that this node holds.", 3, clusterCountKeys),
		own("getkeysinslot", "slot count", "Reply keys of a slot that this node holds.", 4, clusterGetKeys),
		own("links", "", "Reply nothing: nodes talk over NATS.", 2, func(c *conn, _ []string) { c.w.Array(0) }),
	)}
}

// id returns the ID of a node: of its name, so that it outlasts the process.
func (t Topology) id(name string) string {
	sum := sha1.Sum([]byte(t.Cluster + "/" + t.Region + "/" + name))
	return hex.EncodeToString(sum[:])
}

// run is consecutive slots with the same holders.
type slotRun struct {
	first, last region.Slot
	holders     []int // in Topology.Members, the owner first
}

// runs returns the slots in order, those that somebody answers for.
func (t Topology) runs(n region.Partitions) []slotRun {
	var out []slotRun
	for p, holders := range t.Holders {
		if len(holders) == 0 {
			continue
		}
		first, last := n.Slots(region.Partition(p))
		if i := len(out) - 1; i >= 0 && out[i].last+1 == first && slices.Equal(out[i].holders, holders) {
			out[i].last = last
			continue
		}
		out = append(out, slotRun{first, last, holders})
	}
	return out
}

// endpoint returns a member's host and port.
func (m Member) endpoint() (host string, port int) {
	host, text, err := net.SplitHostPort(m.Address)
	if err != nil {
		return "", 0
	}
	port, _ = strconv.Atoi(text) // It is zero when it makes no sense.
	return host, port
}

func clusterSlots(c *conn, _ []string) {
	t := c.s.node.Topology()
	runs := t.runs(c.s.node.Partitions())
	c.w.Array(len(runs))
	for _, r := range runs {
		c.w.Array(2 + len(r.holders))
		c.w.Int(int64(r.first))
		c.w.Int(int64(r.last))
		for _, i := range r.holders {
			host, port := t.Members[i].endpoint()
			c.w.Array(4)
			c.w.Bulk(host)
			c.w.Int(int64(port))
			c.w.Bulk(t.id(t.Members[i].Name))
			c.w.Array(0)
		}
	}
}

// owned returns the runs of slots that each member owns.
func (t Topology) owned(n region.Partitions) [][]slotRun {
	out := make([][]slotRun, len(t.Members))
	for _, r := range t.runs(n) {
		list := out[r.holders[0]]
		if i := len(list) - 1; i >= 0 && list[i].last+1 == r.first {
			list[i].last = r.last
		} else {
			out[r.holders[0]] = append(list, r)
		}
	}
	return out
}

func clusterShards(c *conn, _ []string) {
	t := c.s.node.Topology()
	owned := t.owned(c.s.node.Partitions())
	c.w.Array(len(t.Members))
	for i, m := range t.Members {
		host, port := m.endpoint()
		health := "online"
		if !m.Alive {
			health = "fail"
		}
		c.w.Map(2)
		c.w.Bulk("slots")
		c.w.Array(2 * len(owned[i]))
		for _, r := range owned[i] {
			c.w.Int(int64(r.first))
			c.w.Int(int64(r.last))
		}
		c.w.Bulk("nodes")
		c.w.Array(1)
		c.w.Map(7)
		for _, pair := range [][2]string{{"id", t.id(m.Name)}, {"ip", host}, {"endpoint", host}, {"role", "master"}, {"health", health}} {
			c.w.Bulk(pair[0])
			c.w.Bulk(pair[1])
		}
		c.w.Bulk("port")
		c.w.Int(int64(port))
		c.w.Bulk("replication-offset")
		c.w.Int(0)
	}
}

func clusterNodes(c *conn, _ []string) {
	t := c.s.node.Topology()
	owned := t.owned(c.s.node.Partitions())
	var b strings.Builder
	for i, m := range t.Members {
		flags, state := "master", "connected"
		if m.Name == t.Self {
			flags = "myself,master"
		}
		if !m.Alive {
			flags, state = flags+",fail", "disconnected"
		}
		_, port := m.endpoint()
		fmt.Fprintf(&b, "%s %s@%d,%s %s - 0 %d %d %s", t.id(m.Name), m.Address, port+10000, m.Name, flags, time.Now().UnixMilli(), i+1, state)
		for _, r := range owned[i] {
			if r.first == r.last {
				fmt.Fprintf(&b, " %d", r.first)
			} else {
				fmt.Fprintf(&b, " %d-%d", r.first, r.last)
			}
		}
		b.WriteByte('\n')
	}
	c.w.Verbatim(b.String())
}

func clusterInfo(c *conn, _ []string) {
	t := c.s.node.Topology()
	assigned, owners := 0, 0
	for _, runs := range t.owned(c.s.node.Partitions()) {
		for _, r := range runs {
			assigned += int(r.last-r.first) + 1
		}
		if len(runs) > 0 {
			owners++
		}
	}
	state := "ok"
	if assigned < region.Slots {
		state = "fail"
	}
	var w infoWriter
	w.put("cluster_state", state)
	w.put("cluster_slots_assigned", assigned)
	w.put("cluster_slots_ok", assigned)
	w.put("cluster_slots_pfail", 0)
	w.put("cluster_slots_fail", 0)
	w.put("cluster_known_nodes", len(t.Members))
	w.put("cluster_size", owners)
	w.put("cluster_current_epoch", t.Epoch>>1)
	w.put("cluster_my_epoch", t.Epoch>>1)
	w.put("cluster_stats_messages_sent", 0)
	w.put("cluster_stats_messages_received", 0)
	c.w.Verbatim(w.b.String())
}

// slotOf reads a slot.
func slotOf(arg string) (region.Slot, bool) {
	n, err := strconv.Atoi(arg)
	return region.Slot(n), err == nil && n >= 0 && n < region.Slots
}

func clusterCountKeys(c *conn, args []string) {
	slot, ok := slotOf(args[2])
	if !ok {
		c.w.Error("ERR Invalid slot")
		return
	}
	_, total := c.s.node.KeysIn(slot, 0)
	c.w.Int(int64(total))
}

func clusterGetKeys(c *conn, args []string) {
	slot, ok := slotOf(args[2])
	most, err := strconv.Atoi(args[3])
	if !ok || err != nil || most < 0 {
		c.w.Error("ERR Invalid slot or number of keys")
		return
	}
	keys, _ := c.s.node.KeysIn(slot, most)
	bulks(c, keys)
}

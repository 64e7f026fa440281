package node

import (
	"sync/atomic"

	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/sync/natslink"
)

// conn is one NATS connection of a node.
type conn struct {
	name  string // what it carries that no other does
	nc    *nats.Conn
	stats func(natslink.Stats) natslink.ConnStats
}

// conns returns the connections of a node, each once.
func (c Config) conns() []conn {
	out := []conn{{"data", c.Conn, func(s natslink.Stats) natslink.ConnStats { return s.DataConn }}}
	if c.Control != nil && c.Control != c.Conn {
		out = append(out, conn{"control", c.Control, func(s natslink.Stats) natslink.ConnStats { return s.ControlConn }})
	}
	if c.Bulk != nil && c.Bulk != c.Conn && c.Bulk != c.Control {
		out = append(out, conn{"bulk", c.Bulk, func(s natslink.Stats) natslink.ConnStats { return s.BulkConn }})
	}
	return out
}

// heedErrors has the present life count what NATS reports to the error handlers of
// the node's connections, which is where it says that a permission is missing. The
// handlers that the program has set are called as ever. They are not set again at
// the end, since others may have set theirs meanwhile: what is left then only
// passes errors on.
func (n *Node) heedErrors() (stop func()) {
	heeding := new(atomic.Pointer[Node])
	heeding.Store(n)
	for _, c := range n.cfg.conns() {
		before := c.nc.ErrorHandler()
		c.nc.SetErrorHandler(func(nc *nats.Conn, sub *nats.Subscription, err error) {
			if n := heeding.Load(); n != nil {
				n.life.Load().link.AsyncError(nc, sub, err)
			}
			if before != nil {
				before(nc, sub, err)
			}
		})
	}
	return func() { heeding.Store(nil) }
}

package natstest

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// StartHub starts a server as Start does that leaf nodes can connect to.
func StartHub(t testing.TB, maxPayload int32) *server.Server {
	t.Helper()
	return StartWith(t, server.Options{Port: -1, MaxPayload: maxPayload, LeafNode: server.LeafNodeOpts{Host: host, Port: -1}})
}

// LeafAddr returns the host:port at which a hub takes leaf nodes.
func LeafAddr(t testing.TB, hub *server.Server) string {
	t.Helper()
	vars, err := hub.Varz(nil)
	if err != nil || vars.LeafNode.Port <= 0 {
		t.Fatalf("hub does not listen for leaf nodes: %+v, %v", vars, err)
	}
	return fmt.Sprintf("%s:%d", host, vars.LeafNode.Port)
}

// StartLeaf starts a server as Start does that is a leaf node of a hub, and
// returns when they are connected. addr is what LeafAddr returns, or something
// that passes connections on to it.
func StartLeaf(t testing.TB, addr string, maxPayload int32) *server.Server {
	t.Helper()
	remote := &server.RemoteLeafOpts{URLs: []*url.URL{{Scheme: "nats-leaf", Host: addr}}}
	leaf := StartWith(t, server.Options{Port: -1, MaxPayload: maxPayload, LeafNode: server.LeafNodeOpts{Remotes: []*server.RemoteLeafOpts{remote}}})
	Eventually(t, "connection to the hub", func() bool { return leaf.NumLeafNodes() == 1 })
	return leaf
}

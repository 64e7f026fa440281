package natslink

import (
	"testing"

	"github.com/atollcache/atoll/sync/bulk/natstest"
)

// Links at a hub and at its leaf node talk in both directions. What mustTalk asks
// and is answered is larger than max_payload.
func TestHubAndLeafNode(t *testing.T) {
	hub := natstest.StartHub(t, 0)
	leaf := natstest.StartLeaf(t, natstest.LeafAddr(t, hub), 0)
	a := newParty(t, 1, func(string) string { return hub.ClientURL() }, thrice)
	b := newParty(t, 2, func(string) string { return leaf.ClientURL() }, thrice)
	waitInterest(t, a, b)
	for _, kind := range kinds {
		mustTalk(t, "hub and leaf node", kind, a, b)
	}
}

// waitInterest returns when the servers know of each other's subscriptions: unlike
// a client they do not wait for it.
func waitInterest(t *testing.T, a, b *party) {
	t.Helper()
	for _, p := range [][2]*party{{a, b}, {b, a}} {
		from, to := p[0], p[1]
		eventually(t, "interest", func() bool {
			_ = from.Announce([]byte("hello"))
			_ = from.Publish(3, []byte("hello"))
			_, err := from.Ask(t.Context(), to.cfg.Replica, nil)
			return err == nil && len(to.heard()) > 0 && len(to.got(3)) > 0
		})
	}
}

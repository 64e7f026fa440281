package client

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// TestAskNode: the node that is named answers, and whoever may not ask, or asks nobody,
// is told so at once.
func TestAskNode(t *testing.T) {
	t.Parallel()
	connect, cl, _ := startGuarded(t, mayPublish, []string{"_INBOX.>"})
	c := cl.client()
	const there, nowhere = crdt.ReplicaID(7), crdt.ReplicaID(8)
	subjects := region.Subjects{Cluster: c.Cluster()}
	nc := c.nc
	sub, err := nc.Subscribe(subjects.Repair(there), func(m *nats.Msg) {
		d, tag := crdt.NewDecoder(m.Data)
		cmds, err := wire.DecodeRequest(d.Bytes())
		if tag != core.TagRequest || err != nil || len(cmds) != 1 {
			_ = m.Respond(nil)
			return
		}
		reply := wire.String(strings.Join(cmds[0].Args, " "))
		if cmds[0].Args[0] == "_FAIL" {
			reply = wire.Fail(wire.ErrOverload)
		}
		_ = m.Respond(wire.AppendReplies(nil, []wire.Reply{reply}))
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if r, err := c.AskNode(within(t, 20*time.Second), there, "_A", "b"); err != nil || r.Text != "_A b" {
		t.Errorf("want _A b, have %v, %v", r, err)
	}
	if _, err := c.AskNode(within(t, 20*time.Second), there, "_FAIL"); !errors.Is(err, wire.ErrOverload) {
		t.Errorf("want the node's own error, have %v", err)
	}
	if _, err := c.AskNode(within(t, 20*time.Second), nowhere, "_A"); !errors.Is(err, wire.ErrUnavailable) {
		t.Errorf("nobody there: want ErrUnavailable, have %v", err)
	}
	denied, err := New(connect(), WithRegion("us"), WithPartitions(partitions))
	if err != nil {
		t.Fatal(err)
	}
	defer denied.Close()
	began := time.Now()
	_, err = denied.AskNode(within(t, 20*time.Second), there, "_A")
	if !errors.Is(err, wire.ErrForbidden) || !strings.Contains(err.Error(), subjects.Repair(there)) || time.Since(began) > 10*time.Second {
		t.Errorf("who may not: want ErrForbidden that names the subject, soon, have %v", err)
	}
}

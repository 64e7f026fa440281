package node

import (
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	cachesync "github.com/atollcache/atoll/sync"
)

// TestStandings: a partition counts once for a region however many of its nodes
// are concerned, under the life's ID or a later one, and one that is no member any
// more counts where it announced that it was.
func TestStandings(t *testing.T) {
	const eu1, eu2, former, stranger = crdt.ReplicaID(1 * crdt.Lives), crdt.ReplicaID(2 * crdt.Lives), crdt.ReplicaID(3 * crdt.Lives), crdt.ReplicaID(4 * crdt.Lives)
	home := map[crdt.ReplicaID]string{eu1: "eu", eu2: "eu"}
	at := time.UnixMilli(1_000_000)
	peers := []cachesync.Peer{{Replica: eu1, Region: "eu", Lags: true}, {Replica: eu2, Region: "eu", Lags: true}, {Replica: former, Region: "ap", Behind: true}}
	out := map[string]standing{}
	addStandings(out, home, peers, cachesync.Backlog{By: []crdt.ReplicaID{eu1, eu2 + 1, stranger}, Out: []crdt.ReplicaID{former}, Since: at, Keys: 3, Bytes: 40})
	addStandings(out, home, nil, cachesync.Backlog{By: []crdt.ReplicaID{eu2 + 1}, Since: at.Add(-time.Second), Keys: 1, Bytes: 2})
	addStandings(out, home, nil, cachesync.Backlog{By: []crdt.ReplicaID{eu2}, Since: at, Keys: 1, Bytes: 2})
	want := map[string]standing{
		"eu": {lags: 1, heldSince: at.Add(-time.Second), heldKeys: 5, heldBytes: 44},
		"ap": {behind: 1, leftOut: 1},
	}
	if len(out) != len(want) || out["eu"] != want["eu"] || out["ap"] != want["ap"] {
		t.Errorf("want %+v\nhave %+v", want, out)
	}
}

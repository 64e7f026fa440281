package node_test

import (
	"testing"
	"time"

	"github.com/atollcache/atoll/node/wire"
)

// TestInspectFieldExpiry (R7, of one field): when fields expire, who said so, and why
// something else that was said does not count.
func TestInspectFieldExpiry(t *testing.T) {
	t.Parallel()
	c := startLooking(t, "us", "eu")
	us, eu := c.nodes["us-1"], c.nodes["eu-1"]
	do(us, cmd("HSET", "k", "both", "1", "beaten", "1", "over", "5"))
	c.untilEqual(us)
	c.concurrently(us, eu, cmd("HEXPIRE", "k", "100", "FIELDS", "1", "both"), cmd("HEXPIRE", "k", "200", "FIELDS", "1", "both"))
	c.concurrently(us, eu, cmd("HEXPIRE", "k", "100", "FIELDS", "1", "beaten"), cmd("HSET", "k", "beaten", "2"))
	c.concurrently(us, eu, cmd("HPEXPIRE", "k", "1", "FIELDS", "1", "over"), cmd("HINCRBY", "k", "over", "1"))
	cells := map[string]wire.CellInfo{}
	for _, cell := range us.inspect(t, "k").Cells {
		cells[cell.Field] = cell
	}
	if x := cells["both"]; x.ExpireAt == nil || time.Until(*x.ExpireAt) < 100*time.Second || len(x.Expiries) != 2 {
		t.Errorf("two HEXPIREs: want the later of two, have %+v", x)
	}
	for _, x := range cells["both"].Expiries {
		if want := map[string]string{"us/us-1": "lost", "eu/eu-1": "wins"}[wroteAt(x.Stamp)]; x.State != want || x.LostTo != "" {
			t.Errorf("two HEXPIREs: want %s, have %+v", want, x)
		}
	}
	if x := cells["beaten"]; x.ExpireAt != nil || x.Value != "2" || len(x.Expiries) != 1 ||
		x.Expiries[0].State != "lost" || x.Expiries[0].LostTo != x.Writes[0].Dot {
		t.Errorf("HEXPIRE beside HSET: want the HSET to say never, have %+v", x)
	}
	if x := cells["over"]; x.Value != "1" || len(x.Writes) != 1 || x.Writes[0].State != "expired" ||
		len(x.Expiries) != 1 || x.Expiries[0].State != "expired" || x.Contributions[0].State != "counts" {
		t.Errorf("HINCRBY after the time had come: want only what it added, have %+v", x)
	}
}

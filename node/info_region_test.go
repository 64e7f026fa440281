package node_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
)

// regionOf returns how a node sees a region.
func regionOf(t testing.TB, m *member, name string) wire.RegionInfo {
	t.Helper()
	regions, err := m.Regions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range regions {
		if r.Region == name {
			return r
		}
	}
	t.Fatalf("%s: want region %s, have %+v", m.Name(), name, regions)
	return wire.RegionInfo{}
}

// expireAll has keys expire a moment later. An expiry that is past when the command runs
// would be a removal, and of a removal nothing is kept: the moment is long enough for
// every command to be through before.
func expireAll(t testing.TB, m *member, keys []string) {
	t.Helper()
	for _, k := range keys {
		if ok, err := m.Expire(t.Context(), k, 250*time.Millisecond); err != nil || !ok {
			t.Fatalf("expire %s: want it to be there, have %v, %v", k, ok, err)
		}
	}
}

// TestRegionHoldsUp: what expires while a region is dead is kept for it, and
// regions shows for whom, since when and how much. Nothing waits for the others.
func TestRegionHoldsUp(t *testing.T) {
	t.Parallel()
	c := startMortal(t, 1, "us", "eu", "ap")
	us := c.nodes["us-1"]
	keys := keysOf(20)
	setAll(t, us, keys)
	c.untilEqual(us)
	c.nodes["eu-1"].kill()
	before := time.Now()
	expireAll(t, us, keys)
	var eu wire.RegionInfo
	c.until("all keys wait for eu alone", func() error {
		eu = regionOf(t, us, "eu")
		for _, other := range []string{"us", "ap"} {
			if r := regionOf(t, us, other); r.HeldSince != nil || r.HeldKeys != 0 || r.HeldBytes != 0 {
				return fmt.Errorf("%+v", r)
			}
		}
		if eu.HeldSince == nil || eu.HeldKeys != len(keys) {
			return fmt.Errorf("%+v", eu)
		}
		return nil
	})
	if eu.HeldBytes < len(keys) || eu.LeftOut != 0 {
		t.Errorf("eu: want what %d keys take, and it left out of nothing, have %+v", len(keys), eu)
	}
	if late := time.Since(before); eu.HeldSince.Before(before.Add(-time.Second)) || eu.HeldSince.After(before.Add(late)) {
		t.Errorf("eu: want it to hold up since %v or a moment later, have %v", before, eu.HeldSince)
	}
	c.until("eu is silent", func() error {
		if r := regionOf(t, us, "eu"); r.Silent != 1 || r.HeldKeys != len(keys) {
			return fmt.Errorf("%+v", r)
		}
		return nil
	})
}

// TestRegionLeftOut: past the horizon a region that is cut off is not waited for
// any more, and shown as left out until it has caught up.
func TestRegionLeftOut(t *testing.T) {
	t.Parallel()
	c := newCluster(t, func(cfg *node.Config) {
		cfg.Sync.HorizonFor, cfg.Sync.HorizonLeast = 500*time.Millisecond, 100*time.Millisecond
	})
	c.startAll(1, "us", "eu")
	us := c.nodes["us-1"]
	keys := keysOf(20)
	setAll(t, us, keys)
	c.untilEqual(us)
	us.link(t, command.LinkPause, "", "")
	expireAll(t, us, keys)
	c.until("eu is left out", func() error {
		if r := regionOf(t, us, "eu"); r.LeftOut == 0 || r.HeldSince != nil || r.HeldKeys != 0 {
			return fmt.Errorf("%+v", r)
		}
		return nil
	})
	if n := counters(t, us)["us-1"]["left_out"]; n == 0 {
		t.Error("us-1: want left_out counted, have 0")
	}
	us.link(t, command.LinkResume, "", "")
	c.until("eu has caught up", func() error {
		if r := regionOf(t, us, "eu"); r.LeftOut != 0 {
			return fmt.Errorf("%+v", r)
		}
		return nil
	})
}

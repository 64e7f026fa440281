package node_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
)

func (m *member) verify(t testing.TB) wire.VerifyInfo {
	t.Helper()
	v, err := m.Verify(t.Context(), 5)
	if err != nil {
		t.Fatalf("verify at %s: %v", m.Name(), err)
	}
	return v
}

func TestVerifyNamesKeysAndHolders(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 2, "us", "eu")
	us, eu := c.nodes["us-1"], c.nodes["eu-1"]
	setAll(t, us, keysOf(100))
	c.untilEqual(us)
	if v := us.verify(t); v.Keys != 100 || v.Partitions != 16 || v.Differing != 0 || len(v.Silent) != 0 {
		t.Errorf("equal: want 100 keys in 16 partitions, have %+v", v)
	}
	us.link(t, command.LinkPause, "", "")
	differ := []string{"key-1", "key-50", "only in us", "\xff\x00"}
	for _, k := range differ {
		if _, err := us.Set(t.Context(), k, "changed"); err != nil {
			t.Fatal(err)
		}
	}
	c.until("both nodes of us have it", func() error {
		v := eu.verify(t)
		for _, d := range v.Differ {
			if d.Holders["us/us-1"] != d.Holders["us/us-2"] || d.Holders["us/us-1"] == d.Holders["eu/eu-1"] || d.Holders["eu/eu-1"] != d.Holders["eu/eu-2"] {
				return fmt.Errorf("%+v", d)
			}
		}
		if v.Equal || !v.Complete || v.Differing != len(differ) || len(v.Differ) != len(differ) {
			return fmt.Errorf("%+v", v)
		}
		return nil
	})
	var named []string
	for _, d := range us.verify(t).Differ {
		named = append(named, d.Key)
		if d.Key == "only in us" && d.Holders["eu/eu-2"] != "" {
			t.Errorf("%s: want no digest at eu-2, have %+v", d.Key, d.Holders)
		}
	}
	slices.Sort(named)
	if want := []string{`"\xff\x00"`, "key-1", "key-50", "only in us"}; !slices.Equal(named, want) {
		t.Errorf("want the keys %q named, have %q", want, named)
	}
	us.link(t, command.LinkResume, "", "")
	c.untilEqual(us)
}

func TestVerifySilentNode(t *testing.T) {
	t.Parallel()
	c := startMortal(t, 1, "us", "eu")
	us := c.nodes["us-1"]
	c.untilEqual(us)
	c.nodes["eu-1"].kill()
	if v := us.verify(t); v.Complete || !slices.Contains(v.Silent, "eu/eu-1") {
		t.Errorf("eu-1 has just died: want it named as silent, have %+v", v)
	}
	c.until("eu is suspected", func() error {
		if regions, err := us.Regions(t.Context()); err != nil || regions[0].Silent != 1 {
			return fmt.Errorf("%+v, %v", regions, err)
		}
		return nil
	})
	if v := us.verify(t); v.Complete {
		t.Errorf("nobody is left in eu: want it said that this cannot be told, have %+v", v)
	}
}

// TestVerifyFindsDamage: one holder has lost a key behind the system's back, and
// no delta or vector tells.
func TestVerifyFindsDamage(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, "us", "eu")
	us, eu := c.nodes["us-1"], c.nodes["eu-1"]
	setAll(t, us, keysOf(20))
	c.untilEqual(us)
	eu.Lose("key-7")
	v := us.verify(t)
	if v.Equal || v.Differing != 1 || len(v.Differ) != 1 || v.Differ[0].Key != "key-7" || v.Differ[0].Holders["eu/eu-1"] != "" {
		t.Errorf("eu-1 has lost key-7: have %+v", v)
	}
}

// TestExpiredKeysMakeNoDifference: at no moment between their time and the last
// trace of them is one shown by any holder, and holders that have forgotten are
// equal to those that have not. In the end nothing is left.
func TestExpiredKeysMakeNoDifference(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 2, "us", "eu")
	us := c.nodes["us-1"]
	expireAt := time.Now().Add(300 * time.Millisecond)
	keys := keysOf(40)
	for _, k := range keys {
		if _, err := us.Set(t.Context(), k, k, command.ExpireAt(expireAt)); err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range keys[:10] {
		for _, verb := range []string{"INCRBY", "DEL"} {
			args := []string{verb, "counter-" + k}
			if verb == "INCRBY" {
				args = append(args, "1")
			}
			if r := do(us, cmd(args...)); r.Type == wire.TypeError {
				t.Fatal(r.Err)
			}
		}
	}
	c.untilEqual(us)
	c.until("nothing is left at any node", func() error {
		expired := time.Now().After(expireAt)
		for name, m := range c.nodes {
			n, err := m.Exists(t.Context(), keys...)
			if expired && (n != 0 || err != nil) {
				t.Fatalf("%s shows %d expired keys, %v", name, n, err)
			}
			if v := m.verify(t); expired && (!v.Equal || v.Keys != 0) {
				t.Fatalf("%s, expired: want no difference and no key, have %+v", name, v)
			}
		}
		for name, m := range c.nodes {
			if n := m.KeptBytes(); n != 0 {
				return fmt.Errorf("%s keeps %d bytes", name, n)
			}
		}
		return nil
	})
}

// TestLongerExpireRescues: written in a paused region while the shorter one was
// not known there (R7).
func TestLongerExpireRescues(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, "us", "eu")
	us, eu := c.nodes["us-1"], c.nodes["eu-1"]
	if _, err := us.Set(t.Context(), "k", "v"); err != nil {
		t.Fatal(err)
	}
	c.untilEqual(us)
	us.link(t, command.LinkPause, "", "")
	if ok, err := us.Expire(t.Context(), "k", 50*time.Millisecond); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if ok, err := eu.Expire(t.Context(), "k", time.Hour); !ok || err != nil {
		t.Fatal(ok, err)
	}
	c.until("us has hidden it and looked at it again", func() error {
		if n := counters(t, us)["us-1"]["expired"]; n != 1 {
			return fmt.Errorf("expired %d", n)
		}
		return nil
	})
	if _, ok, err := us.Get(t.Context(), "k"); ok || err != nil {
		t.Errorf("us, expired: want k hidden, have %t, %v", ok, err)
	}
	eu.link(t, command.LinkResume, "", "")
	c.until("it is rescued", func() error { return wantString(us, "k", "v") })
	c.untilEqual(us)
	if n := counters(t, us)["us-1"]["forgotten"]; n != 0 {
		t.Errorf("want nothing forgotten, have %d", n)
	}
}

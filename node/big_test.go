package node_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/natsd"
	"github.com/atollcache/atoll/node/wire"
)

// TestLargestValue is read in another region, though it is 64 times what a
// message carries; one byte more is refused.
func TestLargestValue(t *testing.T) {
	c := startCluster(t, 1, "us", "eu")
	us, eu := c.nodes["us-1"], c.nodes["eu-1"]
	value := strings.Repeat("0123456789abcdef", command.DefaultMaxValue/16)
	if _, err := us.Set(t.Context(), "k", value); err != nil {
		t.Fatal(err)
	}
	c.until("it is in eu", func() error { return wantString(eu, "k", value) })
	if _, err := us.Set(t.Context(), "k", value+"x"); !errors.Is(err, wire.ErrTooLarge) || !strings.Contains(err.Error(), fmt.Sprint(command.DefaultMaxValue)) {
		t.Errorf("one byte more: want an error that names the limit, have %v", err)
	}
	if ins := eu.inspect(t, "k"); !ins.Agree || !strings.HasSuffix(fmt.Sprint(ins.Value), "(67108864 bytes)") {
		t.Errorf("inspect: want the regions agreed and the value shortened, have %.100v", ins.Value)
	}
}

// wiretap counts the bytes of deltas and of what is asked for.
func wiretap(t testing.TB, c *cluster) *atomic.Int64 {
	t.Helper()
	nc, err := c.server.Connect(natsd.ConnOptions("tap")...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	bytes := new(atomic.Int64)
	for _, subject := range []string{"atoll.test.delta.>", "atoll.test.repair.>"} {
		if _, err := nc.Subscribe(subject, func(m *nats.Msg) { bytes.Add(int64(len(m.Subject) + len(m.Data))) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return bytes
}

// fillLarge makes a hash h and a set s of so many fields and members, in steps.
func fillLarge(t testing.TB, us *member, size, step int) {
	t.Helper()
	for from := 0; from < size; from += step {
		hset, sadd := cmd("HSET", "h"), cmd("SADD", "s")
		for i := from; i < from+step; i++ {
			hset.Args = append(hset.Args, fmt.Sprint("f", i), "v")
			sadd.Args = append(sadd.Args, fmt.Sprint("m", i))
		}
		for _, r := range us.Do(t.Context(), hset, sadd) {
			if show(r) != fmt.Sprint(step) {
				t.Fatalf("%d new ones: have %s", step, show(r))
			}
		}
	}
}

// TestSmallChangeOfLargeCollections: one field or member of 100,000 costs what it
// is, not what the collection is.
func TestSmallChangeOfLargeCollections(t *testing.T) {
	const size, step = 100_000, 5000
	c := startCluster(t, 1, "us", "eu")
	us, eu := c.nodes["us-1"], c.nodes["eu-1"]
	fillLarge(t, us, size, step)
	c.untilEqual(us)
	for _, m := range []*member{us, eu} {
		if h, s := show(do(m, cmd("HLEN", "h"))), show(do(m, cmd("SCARD", "s"))); h != fmt.Sprint(size) || s != h {
			t.Fatalf("%s: want %d fields and members, have %s and %s", m.Name(), size, h, s)
		}
	}
	tap, before := wiretap(t, c), counters(t, us)
	for _, x := range []struct{ change, look, want string }{
		{"HSET h f777 w", "HGET h f777", "w"}, {"HDEL h f778", "HEXISTS h f778", "0"},
		{"SADD s new", "SISMEMBER s new", "1"}, {"SREM s m5", "SISMEMBER s m5", "0"},
	} {
		if r := do(us, cmd(strings.Fields(x.change)...)); r.Type == wire.TypeError {
			t.Fatal(r.Err)
		}
		c.until(x.change+" is in eu", func() error {
			if have := show(do(eu, cmd(strings.Fields(x.look)...))); have != x.want {
				return fmt.Errorf("%s: %s", x.look, have)
			}
			return nil
		})
		if bytes := tap.Swap(0); bytes == 0 || bytes > 300 {
			t.Errorf("%s: want at most 300 bytes sent, have %d", x.change, bytes)
		}
	}
	published := int64(0)
	for name, n := range counters(t, us) {
		published += n["publish_bytes"] - before[name]["publish_bytes"]
		if pulls := n["pulls"] - before[name]["pulls"]; pulls != 0 {
			t.Errorf("%s: want nothing pulled, have %d pulls", name, pulls)
		}
	}
	if published == 0 || published > 1024 {
		t.Errorf("four changes: want less than 1 KiB published, have %d bytes", published)
	}
	if do(us, cmd("DEL", "h", "s")); tap.Load() > 1024 {
		t.Errorf("removing both: want less than 1 KiB, have %d", tap.Load())
	}
	c.untilEqual(us)
	if n, err := eu.Exists(t.Context(), "h", "s"); n != 0 || err != nil {
		t.Errorf("removed: %d are left in eu, %v", n, err)
	}
}

// TestLargeHashIsHandedOver: a hash that has grown beyond the largest value and
// the largest command reaches a node that joins later. It travels whole, and to make
// and to take it can take any time, so what is waited for is that it goes on.
func TestLargeHashIsHandedOver(t *testing.T) {
	const fields, size = 12, 1 << 20
	c := newCluster(t, func(cfg *node.Config) { cfg.Limits.MaxValue = fields / 2 * size })
	c.startAll(1, "us")
	us, value := c.nodes["us-1"], strings.Repeat("x", size)
	for i := range fields {
		if _, err := us.HSet(t.Context(), "h", command.Field{Name: fmt.Sprint(i), Value: value}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := us.Set(t.Context(), "large", strings.Repeat("x", fields*size)); !errors.Is(err, wire.ErrTooLarge) {
		t.Fatalf("a value as large as the hash: want ErrTooLarge, have %v", err)
	}
	second := c.start("us", "us-2")
	c.whileProgress("us-2 serves and both hold the same", func() any { return handedOver(t, us) }, func() error {
		select {
		case <-second.Ready():
		default:
			return errors.New("us-2 is not ready")
		}
		if v, err := us.Verify(t.Context(), 5); err != nil || !v.Equal || !v.Complete {
			return fmt.Errorf("verify: %+v, %v", v, err)
		}
		return nil
	})
	if n, err := second.HLen(t.Context(), "h"); n != fields || err != nil {
		t.Errorf("us-2: want %d fields, have %d, %v", fields, n, err)
	}
}

// handedOver returns what changes at any node while something is handed over.
func handedOver(t testing.TB, m *member) map[string][6]int64 {
	t.Helper()
	out := map[string][6]int64{}
	for name, n := range counters(t, m) {
		out[name] = [6]int64{n["pulls"], n["ask_bytes"], n["ask_failed"], n["ask_under_way"], n["snapshots"], n["applied"]}
	}
	return out
}

// TestAskBytes: what a node may have under way is what it was told, or the default.
func TestAskBytes(t *testing.T) {
	t.Parallel()
	for bytes, want := range map[int]int64{0: 8 << 20, 1 << 20: 1 << 20} {
		c := newCluster(t, func(cfg *node.Config) { cfg.AskBytes = bytes })
		c.startAll(1, "us")
		if have := counters(t, c.nodes["us-1"])["us-1"]["ask_window"]; have != want {
			t.Errorf("AskBytes %d: want a window of %d, have %d", bytes, want, have)
		}
	}
	cfg := config("us", "us-1", &nats.Conn{})
	cfg.AskBytes = -1
	if err := cfg.Validate(); !errors.Is(err, node.ErrConfig) {
		t.Errorf("AskBytes -1: want ErrConfig, have %v", err)
	}
}

package node_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
)

// untilFilled fills a key of the slot of another, so that fills are let in there.
func (c *cluster) untilFilled(m *member, key string) {
	c.t.Helper()
	c.until("fills are let in", func() error {
		found, err := m.Miss(c.t.Context(), "{"+key+"}first")
		if err == nil && found.Token == "" && found.Wait == 0 {
			err = errors.New("neither a token nor a wait")
		}
		return err
	})
}

// TestGetOrFill: of many who miss a key at the same time, at all nodes of a region, one
// loads it; what is removed while it is being loaded is not kept.
func TestGetOrFill(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 2, "us", "eu")
	us, other, eu := c.nodes["us-1"], c.nodes["us-2"], c.nodes["eu-1"]
	c.untilFilled(us, "k")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var loads atomic.Int64
	load := func(context.Context) (string, error) {
		return fmt.Sprint("v", loads.Add(1)), nil
	}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			v, err := []*member{us, other}[i%2].GetOrFill(ctx, "k", load, command.TTL(time.Hour))
			if err != nil || v != "v1" {
				t.Errorf("caller %d: want v1, have %q, %v", i, v, err)
			}
		})
	}
	wg.Wait()
	if n := loads.Load(); n != 1 {
		t.Errorf("20 callers: want one load, have %d", n)
	}
	c.until("eu has it", func() error {
		if v, _, err := eu.Get(ctx, "k"); err != nil || v != "v1" {
			return fmt.Errorf("want v1, have %q, %v", v, err)
		}
		return nil
	})
	if ttl, state, err := us.TTL(ctx, "k"); err != nil || state != command.StateExpires || ttl > time.Hour {
		t.Errorf("want it to expire within the hour, have %v, %v, %v", ttl, state, err)
	}
	for what, remove := range map[string]*member{"the same region": other, "another region": eu} {
		key := "{k}" + what
		v, err := us.GetOrFill(ctx, key, func(ctx context.Context) (string, error) {
			if n, err := remove.Del(ctx, key); n != 0 || err != nil {
				t.Errorf("DEL of what is not there: have %d, %v", n, err)
			}
			return "stale", nil
		})
		if err != nil || v != "stale" {
			t.Errorf("removed in %s: want what was loaded, have %q, %v", what, v, err)
		}
		c.untilEqual(us)
		for _, m := range []*member{us, other, eu} {
			if v, ok, err := m.Get(ctx, key); ok || err != nil {
				t.Errorf("removed in %s while it was loaded: want nothing, have %q, %v", what, v, err)
			}
		}
	}
	failed := errors.New("no database")
	if _, err := us.GetOrFill(ctx, "{k}none", func(context.Context) (string, error) { return "", failed }); !errors.Is(err, failed) {
		t.Errorf("load fails: want its error, have %v", err)
	}
	short, end := context.WithTimeout(ctx, 50*time.Millisecond)
	defer end()
	if _, err := us.GetOrFill(short, "{k}none", load); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, wire.ErrTimeout) {
		t.Errorf("somebody else has the token: want to wait until the context ends, have %v", err)
	}
	if _, err := us.Set(ctx, "{k}text", "v"); err != nil {
		t.Fatal(err)
	}
	if _, err := us.SAdd(ctx, "{k}set", "m"); err != nil {
		t.Fatal(err)
	}
	if _, err := us.GetOrFill(ctx, "{k}set", load); !errors.Is(err, wire.ErrWrongType) {
		t.Errorf("a set: want %v, have %v", wire.ErrWrongType, err)
	}
	if _, err := us.Fill(ctx, "{k}x", "nonsense", "v"); !errors.Is(err, wire.ErrBadRequest) {
		t.Errorf("no token: want %v, have %v", wire.ErrBadRequest, err)
	}
	if _, err := us.GetOrFill(ctx, "{k}text", load, command.IfAbsent()); !errors.Is(err, wire.ErrBadRequest) {
		t.Errorf("a condition: want %v, have %v", wire.ErrBadRequest, err)
	}
}

// TestTokenOfAnotherNode: a token is good at the node that gave it only.
func TestTokenOfAnotherNode(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, "us", "eu")
	us, eu := c.nodes["us-1"], c.nodes["eu-1"]
	c.untilFilled(us, "k")
	c.untilEqual(us)
	found, err := us.Miss(t.Context(), "k")
	if err != nil || found.Token == "" {
		t.Fatalf("want a token, have %+v, %v", found, err)
	}
	if taken, err := eu.Fill(t.Context(), "k", found.Token, "v"); taken || err != nil {
		t.Errorf("in another region: want it not taken, have %t, %v", taken, err)
	}
	if taken, err := us.Fill(t.Context(), "k", found.Token, "v"); !taken || err != nil {
		t.Errorf("where it is from: want it taken, have %t, %v", taken, err)
	}
}

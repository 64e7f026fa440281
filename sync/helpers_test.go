package sync_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

const (
	partition region.Partition = 3

	ms = time.Millisecond
)

// at returns a time so many milliseconds after the start of a test.
func at(millis int64) time.Time { return time.UnixMilli(1_700_000_000_000 + millis) }

// holder is an engine with its store.
type holder struct {
	*cachesync.Engine
	t    testing.TB
	id   crdt.ReplicaID
	part *crdt.Partition
}

func newHolder(t testing.TB, id crdt.ReplicaID, regionName string, cfg cachesync.Config) *holder {
	t.Helper()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	p := &crdt.Partition{}
	self := cachesync.Identity{Replica: id, Region: regionName, Partition: partition}
	return &holder{cachesync.NewEngine(cfg, self, p), t, id, p}
}

// write runs a command that must be accepted.
func (h *holder) write(now time.Time, key string, command func(*crdt.Mutator) error) *crdt.Delta {
	h.t.Helper()
	d, err := h.Write(now, key, 0, command)
	if err != nil || d == nil {
		h.t.Fatalf("write to %s at %v: want a delta, have %v, %v", key, h.id, d, err)
	}
	return d.Clone()
}

func (h *holder) incr(now time.Time, key string) *crdt.Delta {
	h.t.Helper()
	return h.write(now, key, incr(1))
}

// takes gives the holder the deltas of another as a broadcast.
func (h *holder) takes(now time.Time, from *holder, ds ...*crdt.Delta) {
	h.t.Helper()
	if answer := h.Receive(now, from.deltas(ds...)); answer != nil {
		h.t.Fatalf("%v answers deltas with %v", h.id, answer)
	}
}

func (h *holder) message(k cachesync.Kind, regionName string) *cachesync.Message {
	return &cachesync.Message{Kind: k, Partition: partition, From: h.id, Region: regionName}
}

func (h *holder) deltas(ds ...*crdt.Delta) *cachesync.Message {
	m := h.message(cachesync.KindDeltas, "eu")
	m.Deltas = ds
	return m
}

// heads returns what an engine of a region would announce.
func (h *holder) heads(regionName string, now time.Time, v ...crdt.Dot) *cachesync.Message {
	m := h.message(cachesync.KindHeads, regionName)
	m.Vector, m.Clock = crdt.Vector(v), crdt.StampAt(now.UnixMilli())
	return m
}

// wantVector checks what a holder has applied.
func (h *holder) wantVector(want string) {
	h.t.Helper()
	if have := short(h.Vector()); have != want {
		h.t.Errorf("%v: want vector %s, have %s", h.id, want, have)
	}
}

// wantSame checks that a holder's live state is that of another.
func (h *holder) wantSame(o *holder, now time.Time) {
	h.t.Helper()
	if have, want := live(h.part, now), live(o.part, now); !bytes.Equal(have, want) {
		h.t.Errorf("%v and %v at %s: want state %.300x, have %.300x", o.id, h.id, short(h.Vector()), want, have)
	}
}

// settle lets holders exchange all that they ask each other for, without loss,
// until nobody asks any more. It returns the requests.
func settle(now time.Time, hs ...*holder) (asked []string) {
	byID := map[crdt.ReplicaID]*holder{}
	for _, h := range hs {
		byID[h.id] = h
	}
	for range 200 {
		quiet := true
		for _, h := range hs {
			if req, to := h.Tick(now); req != nil {
				asked = append(asked, fmt.Sprintf("%d asks %d: %s", h.id, to, short(req)))
				if answer := byID[to].Receive(now, req); answer != nil {
					h.Receive(now, answer)
				}
				quiet = false
			}
		}
		if quiet {
			return asked
		}
	}
	return append(asked, "and so on")
}

// announce lets every holder hear the heads of every other.
func announce(now time.Time, hs ...*holder) {
	for _, h := range hs {
		h.Announce()
		m := h.Heads(now)
		for _, o := range hs {
			if o != h {
				o.Receive(now, m)
			}
		}
	}
}

func live(p *crdt.Partition, now time.Time) (b []byte) {
	for _, k := range p.Keys() {
		b = append(b, p.Entry(k).AppendLive(nil, k, now.UnixMilli())...)
	}
	return b
}

// short returns text in which replicas have few digits.
func short(x any) string { return strings.ReplaceAll(fmt.Sprint(x), "000000000000000", "") }

func dot(r crdt.ReplicaID, n uint64) crdt.Dot { return crdt.Dot{Replica: r, N: n} }

func incr(by int64) func(*crdt.Mutator) error {
	return func(m *crdt.Mutator) error {
		_, err := m.Incr(by)
		return err
	}
}

func set(value string) func(*crdt.Mutator) error {
	return func(m *crdt.Mutator) error {
		m.Set(value, crdt.Never)
		return nil
	}
}

func hset(field, value string) func(*crdt.Mutator) error {
	return func(m *crdt.Mutator) error {
		_, err := m.HSet(field, value)
		return err
	}
}

func del(m *crdt.Mutator) error {
	m.Del()
	return nil
}

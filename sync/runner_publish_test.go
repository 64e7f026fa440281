package sync_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	stdsync "sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// site is a cachesync.Host of a few partitions.
type site struct {
	mu      stdsync.Mutex
	engines map[region.Partition]*holder
	lead    func(region.Partition) region.Partition
}

func newSite(t *testing.T, id crdt.ReplicaID, regionName string, partitions int, lead func(region.Partition) region.Partition) *site {
	t.Helper()
	s := &site{engines: map[region.Partition]*holder{}, lead: lead}
	for p := range region.Partition(partitions) {
		h := &holder{t: t, id: id, part: &crdt.Partition{}}
		h.Engine = cachesync.NewEngine(cachesync.Config{}, cachesync.Identity{Replica: id, Region: regionName, Partition: p}, h.part)
		s.engines[p] = h
	}
	return s
}

func (s *site) Do(p region.Partition, f func(*cachesync.Engine)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.engines[p]
	if h != nil {
		f(h.Engine)
	}
	return h != nil
}

func (s *site) Held() []region.Partition {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.engines))
}

func (s *site) Lead(p region.Partition) region.Partition { return s.lead(p) }

// post is a cachesync.Transport that keeps what is published.
type post struct {
	mu        stdsync.Mutex
	limit     int
	published []letter
	announced int
}

type letter struct {
	under region.Partition
	msg   []byte
}

func (p *post) Publish(under region.Partition, msg []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.published = append(p.published, letter{under, slices.Clone(msg)})
	return nil
}

func (p *post) Announce([]byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.announced++
	return nil
}

func (p *post) Ask(ctx context.Context, _ crdt.ReplicaID, _ []byte) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (p *post) Hold(region.Partition, bool) error { return nil }
func (p *post) MaxMessage() int                   { return p.limit }

// TestBundles: what is written at about the same time to partitions that the same nodes
// hold is one message; no message is larger than the transport carries or holds more than
// BundleBytes; and whoever gets them has everything, each partition's in order.
func TestBundles(t *testing.T) {
	const partitions = 8
	pairs := func(p region.Partition) region.Partition { return p / 4 * 4 } // 0 to 3, and 4 to 7
	alone := func(p region.Partition) region.Partition { return p }
	for _, test := range []struct {
		name         string
		lead         func(region.Partition) region.Partition
		size         int // of a value
		limit        int // of a message
		bundle       int
		least, most  int // messages
		announcement bool
	}{
		{"two groups", pairs, 20, 1 << 20, 0, 2, 2, false},
		{"nobody in common", alone, 20, 1 << 20, 0, partitions, partitions, false},
		{"bundles of two writes", pairs, 2000, 1 << 20, 4600, partitions, 2 * partitions, false},
		{"messages of three writes", pairs, 2000, 7000, 0, partitions, 2 * partitions, false},
		{"a write that no message carries", pairs, 2000, 1000, 0, 0, 0, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				from := newSite(t, 1, "eu", partitions, test.lead)
				out := &post{limit: test.limit}
				r := cachesync.NewRunner(cachesync.RunnerConfig{BundleBytes: test.bundle, TickEvery: time.Hour}, from, out)
				for round := range 2 {
					for p, h := range from.engines {
						h.write(time.Now(), fmt.Sprintf("key-%d-%d", p, round), func(m *crdt.Mutator) error {
							m.Set(string(make([]byte, test.size)), crdt.Never)
							return nil
						})
						r.Wrote(p)
					}
				}
				ctx, cancel := context.WithCancel(t.Context())
				var running stdsync.WaitGroup
				running.Go(func() { _ = r.Run(ctx) })
				synctest.Wait()
				cancel()
				running.Wait()
				if n := len(out.published); n < test.least || n > test.most || (out.announced > 0) != test.announcement {
					t.Errorf("want %d to %d messages, announcements %t, have %d and %d", test.least, test.most, test.announcement, n, out.announced)
				}
				if test.announcement {
					return
				}
				to := newSite(t, 2, "us", partitions, alone)
				receiver := cachesync.NewRunner(cachesync.RunnerConfig{}, to, &post{limit: 1 << 20})
				for _, l := range out.published {
					if len(l.msg) > test.limit || test.bundle > 0 && len(l.msg) > test.bundle+500 {
						t.Errorf("a message of %d bytes, limit %d, bundles of %d", len(l.msg), test.limit, test.bundle)
					}
					ms, err := cachesync.Decode(l.msg)
					if err != nil {
						t.Fatal(err)
					}
					for _, m := range ms {
						if test.lead(m.Partition) != l.under {
							t.Errorf("partition %d is published under %d, whose holders are others", m.Partition, l.under)
						}
					}
					receiver.Published(l.under, l.msg)
				}
				for p, h := range from.engines {
					h.wantSame(to.engines[p], time.Now())
					if held := to.engines[p].Stats().Held; held > 0 {
						t.Errorf("partition %d: %d deltas have come out of order", p, held)
					}
				}
			})
		})
	}
}

// TestPublishedNonsense: what is no message of deltas is counted and does nothing.
func TestPublishedNonsense(t *testing.T) {
	s := newSite(t, 1, "eu", 2, func(p region.Partition) region.Partition { return p })
	r := cachesync.NewRunner(cachesync.RunnerConfig{}, s, &post{})
	other := newHolder(t, 2, "us", cachesync.Config{})
	for _, msg := range [][]byte{nil, {0x93}, cachesync.Encode(other.heads("us", at(0)))} {
		r.Published(1, msg)
	}
	if n := r.Stats().Malformed; n != 3 {
		t.Errorf("want 3 malformed, have %d", n)
	}
}

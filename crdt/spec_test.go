package crdt_test

import (
	"errors"
	"flag"
	"testing"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/crdttest"
)

var (
	firstSeed = flag.Uint64("seed", 1, "first seed of the histories checked against the specification")
	seedCount = flag.Int("seeds", 800, "how many histories to check")
)

// TestSpecification checks random histories of every type against the executable
// specification. With -seeds 1 -seed N it replays one; `make sim` runs many.
func TestSpecification(t *testing.T) {
	for _, size := range []struct {
		name  string
		share int // of the seeds, in percent
		o     crdttest.Options
	}{
		{"forgetful", 50, crdttest.Options{Replicas: 3, Steps: 60, Collect: true, Audit: audit}},
		{"forgetful long", 5, crdttest.Options{Replicas: 5, Steps: 150, Collect: true, Audit: audit}},
		{"retiring", 30, crdttest.Options{Replicas: 3, Steps: 70, Collect: true, Retire: true, Audit: audit}},
		{"retiring long", 5, crdttest.Options{Replicas: 5, Steps: 150, Collect: true, Retire: true, Audit: audit}},
		{"evicting", 50, crdttest.Options{Replicas: 3, Steps: 50, Evict: true, Audit: audit}},
		{"evicting and forgetful", 40, crdttest.Options{Replicas: 3, Steps: 70, Evict: true, Collect: true, Audit: audit}},
		{"evicting and retiring", 20, crdttest.Options{Replicas: 3, Steps: 80, Evict: true, Collect: true, Retire: true, Audit: audit}},
		{"evicting long", 3, crdttest.Options{Replicas: 5, Steps: 150, Evict: true, Collect: true, Audit: audit}},
		{"short", 85, crdttest.Options{Replicas: 3, Steps: 40, Audit: audit}},
		{"long", 14, crdttest.Options{Replicas: 4, Steps: 120, Audit: audit}},
		{"lists", 15, crdttest.Options{Replicas: 3, Steps: 50, About: crdt.KindList, Audit: audit}},
		{"forgetful lists", 15, crdttest.Options{Replicas: 3, Steps: 60, About: crdt.KindList, Collect: true, Retire: true, Audit: audit}},
		{"long lists", 2, crdttest.Options{Replicas: 4, Steps: 150, About: crdt.KindList, Audit: audit}},
		{"hyperloglogs", 5, crdttest.Options{Replicas: 3, Steps: 50, About: crdt.KindHLL, Audit: audit}},
		{"forgetful hyperloglogs", 5, crdttest.Options{Replicas: 3, Steps: 60, About: crdt.KindHLL, Collect: true, Retire: true, Audit: audit}},
		{"fields", 40, crdttest.Options{Replicas: 3, Steps: 40, Fields: true, Audit: audit}},
		{"forgetful fields", 60, crdttest.Options{Replicas: 3, Steps: 60, Fields: true, Collect: true, Audit: audit}},
		{"retiring fields", 5, crdttest.Options{Replicas: 5, Steps: 150, Fields: true, Collect: true, Retire: true, Audit: audit}},
		{"fills", 60, crdttest.Options{Replicas: 3, Steps: 40, Fills: true, Audit: audit}},
		{"forgetful fills", 60, crdttest.Options{Replicas: 3, Steps: 60, Fills: true, Collect: true, Audit: audit}},
		{"retiring fills", 20, crdttest.Options{Replicas: 4, Steps: 90, Fills: true, Collect: true, Retire: true, Audit: audit}},
		{"evicting fills", 30, crdttest.Options{Replicas: 3, Steps: 60, Fills: true, Collect: true, Evict: true, Audit: audit}},
		{"wide", 1, crdttest.Options{Replicas: 7, Steps: 300, Audit: audit}},
	} {
		t.Run(size.name, func(t *testing.T) {
			t.Parallel()
			crdttest.Run(t, *firstSeed, max(*seedCount*size.share/100, 1), size.o)
		})
	}
}

// audit checks what a partition keeps beside its entries.
func audit(p *crdt.Partition) error {
	return errors.Join(crdt.CheckBytes(p), crdt.CheckWaiting(p), checkShown(p, p.IsTiered()))
}

package crdt_test

import (
	"errors"
	"testing"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/crdttest"
)

// tiers is how histories with a tier are checked: with few keys of few bytes, too, all
// that is meant for large ones happens.
func tiers() *crdttest.Tier {
	return &crdttest.Tier{Opened: crdt.Eager, Restarted: crdt.Restarted}
}

func auditTier(p *crdt.Partition) error { return errors.Join(audit(p), crdt.CheckTier(p)) }

// TestSpecificationWithTier checks random histories of partitions that save, release,
// load, crash and begin again against the specification, and against partitions
// without a tier.
func TestSpecificationWithTier(t *testing.T) {
	for _, size := range []struct {
		name  string
		share int // of the seeds, in percent
		o     crdttest.Options
	}{
		{"forgetful", 20, crdttest.Options{Replicas: 3, Steps: 60, Collect: true, Audit: auditTier, Tier: tiers()}},
		{"retiring", 20, crdttest.Options{Replicas: 3, Steps: 70, Collect: true, Retire: true, Audit: auditTier, Tier: tiers()}},
		{"short", 20, crdttest.Options{Replicas: 3, Steps: 40, Audit: auditTier, Tier: tiers()}},
		{"lists", 10, crdttest.Options{Replicas: 3, Steps: 60, About: crdt.KindList, Collect: true, Audit: auditTier, Tier: tiers()}},
		{"hyperloglogs", 5, crdttest.Options{Replicas: 3, Steps: 60, About: crdt.KindHLL, Collect: true, Audit: auditTier, Tier: tiers()}},
		{"fields", 25, crdttest.Options{Replicas: 3, Steps: 60, Fields: true, Collect: true, Audit: auditTier, Tier: tiers()}},
		{"fills", 20, crdttest.Options{Replicas: 3, Steps: 60, Fills: true, Collect: true, Audit: auditTier, Tier: tiers()}},
		{"long", 2, crdttest.Options{Replicas: 4, Steps: 150, Collect: true, Audit: auditTier, Tier: tiers()}},
	} {
		t.Run(size.name, func(t *testing.T) {
			t.Parallel()
			crdttest.Run(t, *firstSeed, max(*seedCount*size.share/100, 1), size.o)
		})
	}
}

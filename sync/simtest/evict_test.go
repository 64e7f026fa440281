package simtest_test

import (
	"testing"

	"github.com/atollcache/atoll/sync/simtest"
)

// TestSeedsOfEvictions runs histories in which replicas evict keys.
func TestSeedsOfEvictions(t *testing.T) {
	runSeeds(t, max(*seeds/2, 1), simtest.Options{Evicts: true})
}

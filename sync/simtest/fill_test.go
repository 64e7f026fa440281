package simtest_test

import (
	"testing"

	"github.com/atollcache/atoll/sync/simtest"
)

// TestSeedsOfFills runs histories in which keys that are missing are filled.
func TestSeedsOfFills(t *testing.T) { runMixed(t, *seeds, withFills) }

// withFills mixes fills with all else that histories may have.
func withFills(seed uint64) simtest.Options {
	return simtest.Options{Fills: true, Evicts: seed&1 != 0, Fields: seed&2 != 0, Lists: seed&12 == 12}
}

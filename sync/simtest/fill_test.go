package simtest_test

import (
	"testing"

	"github.com/atollcache/atoll/sync/simtest"
)

// withFills mixes fills with all else that histories may have.
func withFills(seed uint64) simtest.Options {
	return simtest.Options{Fills: true, Evicts: seed&1 != 0, Fields: seed&2 != 0, Lists: seed&12 == 12}
}

// TestSeedsOfFillsThatFailed runs again the histories with fills that have found something.
func TestSeedsOfFillsThatFailed(t *testing.T) {
	for seed, what := range map[uint64]string{
		477:   "a fill of an evicted key that was begun anew did not bar others",
		2363:  "fills were made though a newcomer had not heard of them",
		8794:  "what was forgotten to be a fill was held against a removal that had not seen it",
		12512: "fills were made late, by who can remember just all others",
		8517:  "a time cut ended a ghost of what it had not seen, and what that bars was forgotten",
	} {
		if r := simtest.Run(seed, withFills(seed)); r.Err != nil {
			t.Errorf("%s: %s", what, simtest.Explain(seed, withFills(seed)))
		}
	}
}

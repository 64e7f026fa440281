package crdt_test

import (
	"fmt"

	"github.com/atollcache/atoll/crdt"
)

// checkShown compares what a partition says of how many keys show with what they do.
// With a tier it may be too many.
func checkShown(p *crdt.Partition, tiered bool) error {
	for _, ahead := range []int64{0, 1, 100, 10_000, 10_000_000} {
		now, want := p.Highest().Millis()+ahead, 0
		p.Each(func(_ string, e *crdt.Entry) bool {
			if v := e.View(now); v.Exists() || v.IsEvicted() {
				want++
			}
			return true
		})
		if have := p.Shown(now); have != want && (!tiered || have < want) {
			return fmt.Errorf("%d ms after the last write %d keys show, want %d", ahead, have, want)
		}
	}
	return nil
}

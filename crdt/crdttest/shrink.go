package crdttest

import "slices"

// shrink leaves steps out of a failing history, greedily and in ever smaller
// runs, for as long as it still fails.
func shrink(steps []step, fails func([]step) bool) []step {
	for size := len(steps) / 2; size > 0; {
		dropped := false
		for i := 0; i+size <= len(steps); {
			shorter := slices.Delete(slices.Clone(steps), i, i+size)
			if fails(shorter) {
				steps, dropped = shorter, true
			} else {
				i++
			}
		}
		if !dropped || size > len(steps) {
			size /= 2
		}
	}
	return steps
}

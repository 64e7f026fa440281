package command

import (
	"math/bits"
	"slices"
)

// smallRange is how many elements are sorted whole.
const smallRange = 24

// selectRange brings the elements that belong at the positions from first up to
// end of the sorted order there, sorted. The others stand on their side of them
// in any order. That takes time in proportion to all elements and to the sorting
// of those alone, where sorting all of them would take more.
func selectRange[T any](list []T, first, end int, compare func(a, b T) int) {
	first, end = max(first, 0), min(end, len(list))
	for depth := 2 * bits.Len(uint(len(list))); first < end; depth-- {
		if len(list) <= smallRange || depth == 0 || end-first == len(list) {
			slices.SortFunc(list, compare)
			return
		}
		less, more := partition(list, compare)
		// What equals the pivot stands between less and more.
		if first < less {
			selectRange(list[:less], first, end, compare)
		}
		if end <= more {
			return
		}
		list, first, end = list[more:], max(first-more, 0), end-more
	}
}

// partition brings the elements lower than one of them before the position less,
// those higher from the position more on, and those equal to it between.
func partition[T any](list []T, compare func(a, b T) int) (less, more int) {
	n := len(list)
	pivot := median(list[n/4], list[n/2], list[3*n/4], compare)
	less, more = 0, n
	for i := 0; i < more; {
		switch c := compare(list[i], pivot); {
		case c < 0:
			list[i], list[less] = list[less], list[i]
			less++
			i++
		case c > 0:
			more--
			list[i], list[more] = list[more], list[i]
		default:
			i++
		}
	}
	return less, more
}

func median[T any](a, b, c T, compare func(a, b T) int) T {
	if compare(a, b) > 0 {
		a, b = b, a
	}
	switch {
	case compare(c, a) < 0:
		return a
	case compare(c, b) > 0:
		return b
	}
	return c
}

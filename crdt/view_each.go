package crdt

import "iter"

// The iterators below go over what shows of a collection in no order, not even
// the same one twice: whoever uses one brings what it found into an order of its
// own, or counts. They cost no memory, where [View.Fields] sorts.

// Members iterates over the names of the visible fields or members, in no order.
func (v View) Members() iter.Seq[string] {
	return func(yield func(string) bool) {
		if v.Kind() == KindNone || v.kind == KindString {
			return
		}
		for name, c := range v.e.section(v.kind) {
			if _, ok := v.visible(&c); ok && !yield(name) {
				return
			}
		}
	}
}

// Scores iterates over the visible members of a zset and their scores, in no
// order.
func (v View) Scores() iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		if v.Kind() != KindZSet {
			return
		}
		for name, c := range v.e.section(KindZSet) {
			if vis, ok := v.visible(&c); ok && !yield(name, vis.score()) {
				return
			}
		}
	}
}

// Size returns the bytes that the whole entry accounts for, what is hidden
// included, without its key; 0 when the key does not exist.
func (v View) Size() int {
	if !v.Exists() {
		return 0
	}
	return v.e.Size()
}

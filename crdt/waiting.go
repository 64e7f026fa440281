package crdt

// Waiting says what a partition keeps beyond what it shows until that is stable.
type Waiting struct {
	Keys  int
	Bytes int // that forgetting will free, about
	// Since is the stamp of the oldest mark that waits, and Mark the vector that
	// every holder must have seen. Both are zero when nothing waits.
	Since HLC
	Mark  Vector
}

// Collected says what [Partition.Collect] has done.
type Collected struct {
	Entries int  // dropped whole, because they showed nothing
	Trimmed int  // of which something that did not show was dropped
	Bytes   int  // freed
	More    bool // there is more that is stable: call again soon
}

// maxGroups bounds the groups that wait to become stable, each with a vector.
// Beyond it the newest two become one, which delays the older of them.
const maxGroups = 64

// maxCollect bounds the keys that one call of Collect looks at, so that the
// caller's other work need not wait.
const maxCollect = 4096

// waiting is the keys of which something waits to be forgotten, in groups: the
// open one, of those noted since the last mark, and those under a mark. The zero
// value is empty.
type waiting struct {
	keys   map[string]spot
	open   *group
	groups []*group // under their marks, oldest first
	bytes  int
}

// spot is where a key waits.
type spot struct {
	group *group
	bytes int
}

// group is keys that wait for the same mark to become stable.
type group struct {
	mark mark
	keys []string // in the order of noting; those that wait elsewhere by now, or twice, do not count
	left int      // how many count
}

// mark says when keys were closed into a group.
type mark struct {
	vector Vector // what the partition had seen
	stamp  HLC    // not below any stamp in its state, nor now
	now    int64  // the wall time at which expiries are judged
}

// add makes a key wait in the open group, where it waits anew if it did before.
func (w *waiting) add(key string, bytes int) {
	if w.open == nil {
		w.open = &group{}
	}
	at, ok := w.keys[key]
	if ok && at.group == w.open {
		w.bytes += bytes - at.bytes
		w.keys[key] = spot{w.open, bytes}
		return
	}
	w.remove(key)
	if w.keys == nil {
		w.keys = map[string]spot{}
	}
	w.keys[key] = spot{w.open, bytes}
	w.bytes += bytes
	w.open.add(key, w)
}

// remove makes a key wait for nothing.
func (w *waiting) remove(key string) {
	at, ok := w.keys[key]
	if !ok {
		return
	}
	delete(w.keys, key)
	w.bytes -= at.bytes
	at.group.left--
}

// add lists a key that now waits in g. Of a list of which most does not count any
// more it drops that first: a key may come and go many times.
func (g *group) add(key string, w *waiting) {
	if len(g.keys) > 64+2*g.left {
		g.compact(w)
	}
	g.keys = append(g.keys, key)
	g.left++
}

// compact drops from the list what does not count.
func (g *group) compact(w *waiting) {
	kept := make([]string, 0, 2*g.left)
	once := make(map[string]bool, g.left)
	for _, key := range g.keys {
		if w.keys[key].group == g && !once[key] {
			once[key] = true
			kept = append(kept, key)
		}
	}
	g.keys = kept
}

// close puts the open group under a mark.
func (w *waiting) close(m mark) {
	g := w.open
	w.open = nil
	if g == nil || g.left == 0 {
		return
	}
	g.mark = m
	if n := len(w.groups); n == maxGroups {
		last := w.groups[n-1]
		for _, key := range last.keys {
			if at := w.keys[key]; at.group == last {
				w.keys[key] = spot{g, at.bytes}
				g.keys = append(g.keys, key)
				g.left++
			}
		}
		w.groups[n-1] = nil
		w.groups = w.groups[:n-1]
	}
	w.groups = append(w.groups, g)
}

// rename lets f put something else in the place of the vectors of marks.
func (w *waiting) rename(f func(Vector) Vector) {
	for _, g := range w.groups {
		g.mark.vector = f(g.mark.vector)
	}
}

// oldest returns the oldest group under a mark in which something waits, nil when
// there is none.
func (w *waiting) oldest() *group {
	for len(w.groups) > 0 && w.groups[0].left == 0 {
		w.groups[0] = nil
		w.groups = w.groups[1:]
	}
	if len(w.groups) == 0 {
		return nil
	}
	return w.groups[0]
}

// take takes the next key that waits in g out of it, false when none is left.
func (w *waiting) take(g *group) (key string, ok bool) {
	for len(g.keys) > 0 {
		key = g.keys[0]
		g.keys[0] = ""
		g.keys = g.keys[1:]
		if w.keys[key].group == g {
			w.remove(key)
			return key, true
		}
	}
	return "", false
}

// Waiting returns what waits to be forgotten.
func (p *Partition) Waiting() Waiting {
	w := &p.waiting
	out := Waiting{Keys: len(w.keys), Bytes: w.bytes}
	switch g := w.oldest(); {
	case g != nil:
		out.Since, out.Mark = g.mark.stamp, g.mark.vector
	case len(w.keys) > 0: // No mark yet: it would be now.
		out.Since, out.Mark = p.stamp, p.vector.Clone()
	}
	return out
}

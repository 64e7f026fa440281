package nodetest

import cachesync "github.com/atollcache/atoll/sync"

// A member that was away for longer than the others wait for it is left out: they
// forget what it has not seen, and refuse what it writes without having seen that.
// A node that could not be filled in time, or found nobody, writes without having
// seen anything, and others do not wait for it. Such a copy may have to begin anew,
// and what nobody else has of it is lost then. Nothing else is excused by it.

// isPartStrained reports whether somebody has been left out of a partition, or was
// not filled.
func (w *world) isPartStrained(p partition) bool {
	s := w.statsOf(p)
	return w.parts[p].apart || s.LeftOut > 0 || s.Old+s.Rebuilt > 0 && w.isForgotten()
}

// isForgotten reports whether somebody may write for whom others do not wait,
// having taken it for gone.
func (w *world) isForgotten() bool {
	return w.counts.Crashes+w.counts.Outlived > 0 || w.longest+w.cfg.Members.SuspectAfter > w.cfg.Members.ForgetAfter
}

// statsOf sums up all engines that a partition has ever had.
func (w *world) statsOf(p partition) cachesync.Stats {
	sum := w.parts[p].ended
	for _, n := range w.nodes {
		if n == nil {
			continue
		}
		if s := n.core.Shard(p); s != nil && n.held[p].on {
			sum = sum.Add(statsOf(s))
		}
	}
	return sum
}

// checkRefusals checks that where nothing breaks nobody is refused or has to begin
// anew.
func (w *world) checkRefusals() {
	for p := range w.parts {
		if s := w.statsOf(partition(p)); w.gentle && s.Old+s.Rebuilt > 0 {
			w.broken("partition %d: %d writes were refused and %d copies began anew although nothing was broken", p, s.Old, s.Rebuilt)
		}
	}
}

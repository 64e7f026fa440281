package crdt

// Shown returns how many keys show something, or would had they not been evicted, at a
// wall time in milliseconds since the Unix epoch that is not before the last of
// [Partition.Expire]. It looks only at entries that wait to be forgotten or whose time to
// expire has come since then. With a tier it may count keys that have expired until Expire
// has come to them. When a tier fails it says nothing.
func (p *Partition) Shown(now int64) int {
	shown, _ := p.Kept()
	hidden := func(key string) {
		e := p.entries[key]
		if p.tier != nil {
			e = p.tier.peek(p, key)
		}
		if e == nil {
			return
		}
		if v := e.View(now); !v.Exists() && !v.IsEvicted() {
			shown--
		}
	}
	for key := range p.waiting.keys {
		hidden(key)
	}
	p.due.queue.each(0, now, func(key string) {
		if _, waits := p.waiting.keys[key]; !waits {
			hidden(key)
		}
	})
	return shown
}

// each calls f for the keys in the queue from an index down whose time has come by now,
// in no particular order.
func (q expiryQueue) each(i int, now int64, f func(key string)) {
	if i >= len(q) || q[i].at > now {
		return
	}
	f(q[i].key)
	q.each(2*i+1, now, f)
	q.each(2*i+2, now, f)
}

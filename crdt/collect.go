package crdt

// # What may be forgotten
//
// A mark is what a partition had seen at one time. It is stable when every holder
// has seen it too and every write that is still to come here has. Then, of a key
// that has not been touched since, the entry is the outcome of the writes that the
// mark covers, and every further write, anywhere, has seen all of these: it is a
// later one. Some holders forget sooner than others. That is right if nobody can
// tell them apart, that is, if for all that is dropped
//
//   - it does not show, and will not with time;
//   - no later write brings it to light where it is still kept;
//   - no later write does something else because it is gone at its origin.
//
// Losing writes of a cell: whatever takes the winner has seen the losers and takes
// them as well, and a time cut or an expiry that takes the winner takes what is
// stamped below it. An increment adds to the number of the winner alone, whatever
// else there is.
//
// Contributions that are removed, or hidden by a time cut: nothing brings them
// back but their own replica going on with the run. It has seen the removal or the
// cut, and begins a new run whether it still has the old one or not.
//
// Hidden kinds: a write inside the visible kind takes them where they are kept
// ([Entry.Apply]), so removing the visible one does not bring them to light. What
// shows is stamped highest and so expires last. What a hidden SET says about the
// expiry stays when its value is taken; see below.
//
// Expiries that are not the longest, or that never ends among them: what replaces
// the longest has seen the others and replaces them too. One that counts is kept;
// when the key never expires, none is. So every SET then says never, also one that
// had an expiry that did not count.
//
// What an expiry has hidden that the key has outlived, and the expiry: only another
// expiry can change what is hidden. It takes what was hidden at its origin, by
// saying so where that still had it, and as follows from what it does not say
// where it had not ([Entry.Apply]).
//
// The same holds of a field's expiries, of what they have hidden, and of what has
// outlived them: the next HEXPIRE takes all that it saw below what shows, by saying
// where that begins, which is the same whether it still has anything there or not. An
// increment of a field that does not show removes the field first, for the same
// reason. A kind hidden by fields that have expired since stays hidden by them, for as
// long as they are kept; it goes with them.
//
// A time cut: everything stamped at or before it has arrived. All that is to come
// is stamped after it, which is why a mark has a stamp.
//
// An entry that shows nothing is all of these at once. A new write to the key takes
// all that its origin had seen, whether the origin still had it or not, so the key
// starts fresh everywhere.
//
// What has been forgotten comes back by old news only: deltas of an origin that has
// not seen the mark, and states in which it is still kept as not yet removed. Both
// are held against the [Horizon] and refused. A newcomer, who has seen nothing at
// all of what went into the mark, is let in when it is stamped after it: it can
// know nothing of what is gone. One thing it can do is say for how long the key
// lives, and so rescue, where it is still kept, what has expired and is forgotten
// elsewhere. Then the two show different things until [Partition.Repair].

// Collect forgets what is stable of what waits: the keys noted since the last
// call are put under a mark, and for each mark, oldest first, for which stable
// says yes, everything of its keys that does not show and has not been touched
// since is dropped. now is the wall time in milliseconds since the Unix epoch; it
// does not go back. The caller's clock then observes the stamp of
// [Partition.Horizon], which grows by the marks at which something was dropped,
// and not otherwise.
//
// stable says of a vector and a stamp that every holder of the partition has seen
// the vector, that its wall clock, by which it judges what has expired, is past
// the stamp and stays so, and that this partition has applied every write that was
// made without having seen the vector, or is stamped at or before the stamp. A holder that is not waited
// for must have its deltas refused by all others from before the first of them
// says so.
//
// One call looks at a bounded number of keys.
func (p *Partition) Collect(now int64, stable func(v Vector, after HLC) bool) (c Collected) {
	if g := p.waiting.open; g != nil {
		p.waiting.close(mark{vector: p.vector.Clone(), stamp: max(p.stamp, before(now)), now: now})
	}
	p.endRetired(stable)
	looked := 0
	for g := p.waiting.oldest(); g != nil; g = p.waiting.oldest() {
		if g.mark.now > now || !stable(g.mark.vector, g.mark.stamp) {
			return c
		}
		for ; g.left > 0; looked++ {
			if looked == maxCollect {
				c.More = true
				return c
			}
			key, _ := p.waiting.take(g)
			p.forget(key, g.mark, &c)
		}
	}
	return c
}

// before returns the last stamp before a millisecond.
func before(now int64) HLC {
	if h := StampAt(now); h > 0 {
		return h - 1
	}
	return 0
}

// forget drops what does not show of a key that has not been touched since a mark
// that is stable.
func (p *Partition) forget(key string, m mark, c *Collected) {
	keys, bytes := p.Kept()
	dropped := false
	err := p.update(key, func(e *Entry) { dropped = e.trim(m.now) })
	if err != nil || !dropped {
		return
	}
	p.horizon = p.horizon.Join(Horizon{Vector: m.vector, Stamp: m.stamp})
	keysLeft, bytesLeft := p.Kept()
	c.Bytes += bytes - bytesLeft
	if keysLeft < keys {
		c.Entries++
	} else {
		c.Trimmed++
	}
}

// touched keeps the schedule and what waits in step with an entry that may have
// changed: it waits anew, or not at all.
func (p *Partition) touched(key string, e *Entry) {
	if _, plain := e.PlainText(); plain && len(p.due.keys)+len(p.due.told)+len(p.waiting.keys) == 0 && p.tier == nil {
		return // Nothing is known of any key, and there is nothing to know of this one.
	}
	if e.IsEmpty() {
		p.due.set(key, Never)
		p.due.tell(key, 0)
		p.waiting.remove(key)
		return
	}
	n, at := e.residue(), e.Due()
	if told := p.due.told[key]; told > 0 && at <= told && e.ExpireAt() > told {
		// What has expired of its fields has been seen to, and is kept still.
		n += e.sizeDueBy(told)
		at = e.dueAfter(told)
	} else {
		p.due.tell(key, 0)
	}
	p.plan(key, e, at)
	if n > 0 {
		p.waiting.add(key, n)
	} else {
		p.waiting.remove(key)
	}
}

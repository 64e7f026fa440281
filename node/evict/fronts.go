package evict

// fronts finds the policy whose queue has the oldest front: a heap of lower bounds
// that is put right when its top turns out to be too low. A front only ever becomes
// younger, and that of an empty queue will be younger than the node-wide count now, so
// that no bound ever has to be lowered, and nobody has to tell when a front moves.
type fronts struct {
	queue queueID
	heap  []front
}

type front struct {
	bound uint64
	of    *Policy
}

// reset begins anew with these policies.
func (f *fronts) reset(all []*Policy) {
	f.heap = f.heap[:0]
	for _, p := range all {
		f.heap = append(f.heap, front{0, p})
	}
}

// oldest returns the policy with the oldest front, nil when all queues are empty. Now
// is the node-wide count.
func (f *fronts) oldest(now uint64) *Policy {
	for len(f.heap) > 0 {
		top := &f.heap[0]
		at := top.of.at(f.queue).front.Load()
		switch {
		case at == empty && top.bound > now:
			return nil
		case at == empty:
			at = now + 1
		case at <= top.bound:
			return top.of
		}
		top.bound = at
		f.sink()
	}
	return nil
}

func (f *fronts) sink() {
	h := f.heap
	for i := 0; ; {
		least := i
		for _, j := range [2]int{2*i + 1, 2*i + 2} {
			if j < len(h) && h[j].bound < h[least].bound {
				least = j
			}
		}
		if least == i {
			return
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
}

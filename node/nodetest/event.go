package nodetest

import "time"

// event is something that is due at a time.
type event struct {
	at  time.Duration
	seq int // decides between events of one time
	do  func()
}

// before reports whether e happens before o.
func (e *event) before(o *event) bool {
	if e.at != o.at {
		return e.at < o.at
	}
	return e.seq < o.seq
}

// events is a binary heap, the earliest first.
type events []event

func (q *events) push(e event) {
	*q = append(*q, e)
	for i := len(*q) - 1; i > 0; {
		up := (i - 1) / 2
		if !(*q)[i].before(&(*q)[up]) {
			return
		}
		(*q)[i], (*q)[up] = (*q)[up], (*q)[i]
		i = up
	}
}

func (q *events) pop() event {
	old := *q
	first, n := old[0], len(old)-1
	old[0] = old[n]
	old[n] = event{}
	*q = old[:n]
	for i := 0; ; {
		least := i
		for down := 2*i + 1; down <= 2*i+2 && down < n; down++ {
			if old[down].before(&old[least]) {
				least = down
			}
		}
		if least == i {
			return first
		}
		old[i], old[least] = old[least], old[i]
		i = least
	}
}

// after has something happen when a time has passed.
func (w *world) after(d time.Duration, do func()) {
	w.seq++
	w.events.push(event{w.now + d, w.seq, do})
}

// pass lets time pass and everything happen that is due.
func (w *world) pass(d time.Duration) {
	until := w.now + d
	for len(w.events) > 0 && w.events[0].at <= until && w.err == nil {
		e := w.events.pop()
		w.now = e.at
		e.do()
	}
	w.now = until
}

package bulk

import (
	"fmt"
	"sync"
	"time"
)

// transferOverhead is what a transfer is charged, in bytes, beside its content
// and its bitmap. It is what keeps a flood of tiny announcements within bounds.
const transferOverhead = 1024

// transferCost returns the bytes that a transfer is charged against MaxHeld.
func transferCost(total, size int) int {
	return total + chunks(total, size)/8 + transferOverhead
}

// lifetime is when a transfer began and when it last got on.
type lifetime struct {
	began    time.Time
	progress time.Time
}

// over reports whether a transfer has been kept for long enough.
func (l lifetime) over(now time.Time, hold time.Duration) bool {
	return now.Sub(l.progress) > hold || now.Sub(l.began) > wholeHold*hold
}

// upload is a request that arrives in chunks, or that has and is being handled.
type upload struct {
	lifetime
	id        transferID
	sub       *Subscription
	subject   string
	whole     *assembly
	cost      int
	running   bool   // all is there and the handler has it
	inbox     string // where the reply is due, once running
	abandoned bool   // the caller has given up while running
}

// parkedReply is a reply that the caller pulls.
type parkedReply struct {
	lifetime
	data   []byte
	size   int
	pulled bitmap
	cost   int
}

// ledger holds every transfer of a server within MaxHeld bytes. It is passive:
// the time comes in as an argument. Safe for concurrent use.
type ledger struct {
	limit int
	hold  time.Duration
	freed chan struct{} // signalled, without blocking, when a reply is freed

	mu struct {
		sync.Mutex
		bytes   int
		uploads map[transferID]*upload
		replies map[transferID]*parkedReply
	}
}

func newLedger(limit int, hold time.Duration) *ledger {
	l := &ledger{limit: limit, hold: hold, freed: make(chan struct{}, 1)}
	l.mu.uploads = map[transferID]*upload{}
	l.mu.replies = map[transferID]*parkedReply{}
	return l
}

// open admits an announced request and reserves its bytes, so that what is
// admitted can also be finished.
func (l *ledger) open(u *upload, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.uploads[u.id] != nil {
		return fmt.Errorf("id is in use: %w", ErrProtocol)
	}
	if l.mu.bytes+u.cost > l.limit {
		return fmt.Errorf("%d bytes of %d are held, MaxHeld leaves no room for %d: %w", l.mu.bytes, l.limit, u.cost, ErrBusy)
	}
	u.lifetime = lifetime{began: now, progress: now}
	l.mu.bytes += u.cost
	l.mu.uploads[u.id] = u
	return nil
}

// put takes in one chunk of a request. done is the request if this chunk was
// the missing one; its bytes stay reserved until close. ignore means that the
// message is a second copy of the one that completed the request, made by the
// network: an answer would go to the inbox where the reply is awaited.
func (l *ledger) put(id transferID, index int, data []byte, inbox string, now time.Time) (done *upload, ignore bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.mu.uploads[id]
	switch {
	case u == nil:
		return nil, false, fmt.Errorf("no such request: %w", ErrExpired)
	case u.running && u.inbox == inbox:
		return nil, true, nil
	case u.running:
		return nil, false, fmt.Errorf("chunk %d of a complete request: %w", index, ErrProtocol)
	}
	if err := u.whole.put(index, data); err != nil {
		return nil, false, err
	}
	u.progress = now
	if !u.whole.full() {
		return nil, false, nil
	}
	u.running, u.inbox = true, inbox
	return u, false, nil
}

// close frees a request and reports whether somebody still waits for its reply.
func (l *ledger) close(u *upload) (wanted bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.removeUpload(u.id)
	return !u.abandoned
}

// park keeps a reply for pulling, its first chunk excepted, which travels with
// the answer.
func (l *ledger) park(data []byte, size int, now time.Time) (transferID, error) {
	r := &parkedReply{
		lifetime: lifetime{began: now, progress: now},
		data:     data,
		size:     size,
		pulled:   newBitmap(chunks(len(data), size)),
		cost:     transferCost(len(data), size),
	}
	r.pulled.set(0)
	id := newTransferID()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.bytes+r.cost > l.limit {
		return id, fmt.Errorf("reply of %d bytes dropped, %d bytes of MaxHeld %d are in use: %w", len(data), l.mu.bytes, l.limit, ErrExpired)
	}
	l.mu.bytes += r.cost
	l.mu.replies[id] = r
	return id, nil
}

// part returns one chunk of a parked reply. The reply is freed when each chunk
// has been asked for.
func (l *ledger) part(id transferID, index int, now time.Time) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.mu.replies[id]
	if r == nil {
		return nil, fmt.Errorf("no such reply: %w", ErrExpired)
	}
	from, to, err := span(len(r.data), r.size, index)
	if err != nil {
		return nil, err
	}
	if r.pulled.set(index) {
		r.progress = now
	}
	if r.pulled.full() {
		l.removeReply(id)
	}
	return r.data[from:to], nil
}

// drop frees what the caller no longer wants. A request that is being handled
// is freed when its handler returns.
func (l *ledger) drop(id transferID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if u := l.mu.uploads[id]; u != nil && u.running {
		u.abandoned = true
	} else {
		l.removeUpload(id)
	}
	l.removeReply(id)
}

// expire frees every transfer whose time is over and returns how many.
func (l *ledger) expire(now time.Time) (uploads, replies int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, u := range l.mu.uploads {
		if !u.running && u.over(now, l.hold) {
			l.removeUpload(id)
			uploads++
		}
	}
	for id, r := range l.mu.replies {
		if r.over(now, l.hold) {
			l.removeReply(id)
			replies++
		}
	}
	return uploads, replies
}

// clear frees everything and returns how many replies were still parked.
func (l *ledger) clear() (replies int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.mu.uploads {
		l.removeUpload(id)
	}
	replies = len(l.mu.replies)
	for id := range l.mu.replies {
		l.removeReply(id)
	}
	return replies
}

// held returns what is kept: bytes, requests, replies.
func (l *ledger) held() (bytes, uploads, replies int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.bytes, len(l.mu.uploads), len(l.mu.replies)
}

// removeUpload needs the lock.
func (l *ledger) removeUpload(id transferID) {
	if u := l.mu.uploads[id]; u != nil {
		l.mu.bytes -= u.cost
		delete(l.mu.uploads, id)
	}
}

// removeReply needs the lock.
func (l *ledger) removeReply(id transferID) {
	r := l.mu.replies[id]
	if r == nil {
		return
	}
	l.mu.bytes -= r.cost
	delete(l.mu.replies, id)
	select {
	case l.freed <- struct{}{}:
	default: // A signal is waiting already.
	}
}

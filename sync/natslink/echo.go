package natslink

import (
	"hash/maphash"
	"sync"
)

// remembered is how many of its own messages a link recognises. They cost about
// 40 bytes each.
const remembered = 4096

// echoes recognises messages that this link has published when they come back,
// so that they need not be decoded. It remembers the hashes of the latest ones;
// an older one is decoded and then dropped by the engine. Nobody else sends the
// same bytes, for they hold the sender's replica ID; should two hashes be equal
// all the same, once in 2^64, a hint is lost.
type echoes struct {
	seed maphash.Seed

	mu struct {
		sync.Mutex
		known map[uint64]struct{}
		order [remembered]uint64
		next  int
	}
}

func newEchoes() *echoes {
	e := &echoes{seed: maphash.MakeSeed()}
	e.mu.known = make(map[uint64]struct{}, remembered)
	return e
}

// sent notes a message before it is published.
func (e *echoes) sent(msg []byte) {
	h := maphash.Bytes(e.seed, msg)
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.mu.known, e.mu.order[e.mu.next])
	e.mu.known[h] = struct{}{}
	e.mu.order[e.mu.next] = h
	e.mu.next = (e.mu.next + 1) % remembered
}

// heard reports whether the message is one of those sent.
func (e *echoes) heard(msg []byte) bool {
	h := maphash.Bytes(e.seed, msg)
	e.mu.Lock()
	defer e.mu.Unlock()
	_, ok := e.mu.known[h]
	return ok
}

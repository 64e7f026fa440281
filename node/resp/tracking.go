package resp

import (
	"slices"
	"strings"
	"sync"

	"github.com/atollcache/atoll/node/resp/proto"
)

// CLIENT TRACKING: a client keeps what it has read, and is told when that changes,
// wherever and in whatever region.

// trackState is how a client tracks.
type trackState struct {
	on, bcast, optin, optout, noloop bool
	redirect                         int64 // the client that is told; 0: itself
	prefixes                         []string
	caching                          cachingMode
}

// cachingMode is what CLIENT CACHING has said of the next command.
type cachingMode uint8

const (
	cachingUnset cachingMode = iota
	cachingYes
	cachingNo
)

// next forgets what CLIENT CACHING has said, once the command that it was for, or
// the transaction, has been run.
func (t *trackState) next(c *conn, e *entry) {
	if t.caching != cachingUnset && !c.tx.open && e.name != "client|caching" {
		t.caching = cachingUnset
	}
}

// tracking knows which clients have read which keys.
type tracking struct {
	most int

	mu struct {
		sync.Mutex
		readers map[string][]int64 // by key, the clients that are to be told of it
		clients map[*conn]follower // those that track
	}
}

// follower is what others need to know of a client that tracks. It is a copy.
type follower struct {
	redirect int64
	bcast    bool
	prefixes []string
}

func newTracking(most int) *tracking {
	t := &tracking{most: most}
	t.mu.readers = map[string][]int64{}
	t.mu.clients = map[*conn]follower{}
	return t
}

// any reports whether a client tracks.
func (t *tracking) any() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.mu.clients) > 0
}

// join makes a client one that is told.
func (t *tracking) join(c *conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mu.clients[c] = follower{redirect: c.track.redirect, bcast: c.track.bcast, prefixes: slices.Clone(c.track.prefixes)}
}

// leave makes a client one that is not told.
func (t *tracking) leave(c *conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.mu.clients, c)
	if len(t.mu.clients) == 0 {
		clear(t.mu.readers)
	}
}

// trackRead notes the keys that a command is about to read.
func (c *conn) trackRead(e *entry, args []string) {
	t := &c.track
	keys := e.keysOf(args)
	if e.is&writes != 0 {
		if t.noloop {
			c.s.tracking.forgo(c.id, keys)
		}
		return
	}
	if t.bcast || t.optin && t.caching != cachingYes || t.optout && t.caching == cachingNo {
		return
	}
	c.s.tracking.read(c.s, c.id, keys)
}

// read notes that a client reads keys. Where too many are noted, others are
// forgotten and their readers told that they have changed.
func (t *tracking) read(s *Server, id int64, keys []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range keys {
		ids := t.mu.readers[key]
		if slices.Contains(ids, id) {
			continue
		}
		if ids == nil && len(t.mu.readers) >= t.most {
			for other := range t.mu.readers {
				t.invalidate(s, other)
				break
			}
		}
		t.mu.readers[strings.Clone(key)] = append(ids, id)
	}
}

// forgo notes that a client is about to write keys and does not want to hear of
// that.
func (t *tracking) forgo(id int64, keys []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range keys {
		if ids := t.mu.readers[key]; ids != nil {
			ids = slices.DeleteFunc(slices.Clone(ids), func(i int64) bool { return i == id })
			if len(ids) == 0 {
				delete(t.mu.readers, key)
			} else {
				t.mu.readers[key] = ids
			}
		}
	}
}

// changed tells who has read what has changed.
func (t *tracking) changed(s *Server, ch Change) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case ch.Everywhere:
		clear(t.mu.readers)
		for c := range t.mu.clients {
			t.tell(s, c, "")
		}
	case ch.All:
		n := s.node.Partitions()
		for key := range t.mu.readers {
			if n.Of(key) == ch.Partition {
				t.invalidate(s, key)
			}
		}
		for c, f := range t.mu.clients {
			if f.bcast {
				t.tell(s, c, "")
			}
		}
	default:
		t.invalidate(s, ch.Key)
		for c, f := range t.mu.clients {
			if f.bcast && f.follows(ch.Key) {
				t.tell(s, c, ch.Key)
			}
		}
	}
}

// follows reports whether a key has one of the prefixes, or there are none.
func (f follower) follows(key string) bool {
	return len(f.prefixes) == 0 || slices.ContainsFunc(f.prefixes, func(p string) bool { return strings.HasPrefix(key, p) })
}

// invalidate tells the readers of a key, which are forgotten. The caller holds the
// lock.
func (t *tracking) invalidate(s *Server, key string) {
	ids, noted := t.mu.readers[key]
	if !noted {
		return
	}
	delete(t.mu.readers, key)
	for _, id := range ids {
		if c := s.client(id); c != nil {
			if f, tracks := t.mu.clients[c]; tracks && !f.bcast {
				t.tell(s, c, key)
			}
		}
	}
}

// tell tells a client, or the one it has named, that a key has changed; the empty
// key stands for all keys. The caller holds the lock.
func (t *tracking) tell(s *Server, c *conn, key string) {
	f := t.mu.clients[c]
	to := c
	if f.redirect != 0 {
		if to = s.client(f.redirect); to == nil {
			if c.pushes3.Load() {
				w := proto.Writer{Version3: true}
				w.Push(2)
				w.Bulk("tracking-redir-broken")
				w.Int(f.redirect)
				c.out.pushed(w.Bytes())
			}
			return
		}
	}
	w := proto.Writer{Version3: to.pushes3.Load()}
	if w.Version3 {
		w.Push(2)
		w.Bulk("invalidate")
	} else if f.redirect != 0 {
		w.Push(3)
		w.Bulk("message")
		w.Bulk("__redis__:invalidate")
	} else {
		return // It could not tell it from a reply.
	}
	if key == "" {
		w.NilArray()
	} else {
		w.Array(1)
		w.Bulk(key)
	}
	to.out.pushed(w.Bytes())
}

package command

import (
	"context"
	"slices"
	"sync"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// sessionKey is the context key of a session.
type sessionKey struct{}

// session remembers the last write per slot. It has at most as many entries as
// there are slots, some hundred kilobytes. Slots rather than partitions: a
// client need not know how many partitions there are, and waits less.
type session struct {
	mu    sync.Mutex
	wrote map[region.Slot]crdt.Dot
}

// WithSession returns a context under which reads see the writes made under it
// before, also when the node that took a write is gone or the session goes on
// in another region: each command carries the last write to its key's slot, and
// the node that runs it waits, for a bounded time, until it has seen that write.
// Where it has not seen it in time, the command fails with [wire.CodeTimeout]
// or [wire.CodeUnavailable] and a later try may succeed.
//
// Commands on several keys (DEL, EXISTS, MGET, MSET) are sent as one command for
// each slot; those whose keys depend on each other (RENAME, SUNIONSTORE) are sent
// whole when the keys have one slot, and otherwise run from here ([Across]). SCAN
// and the commands that look at the cluster do not take part.
//
// The session may be used by several goroutines; each then sees what all of
// them wrote. A context that has a session already gets a new one.
func WithSession(ctx context.Context) context.Context {
	return context.WithValue(ctx, sessionKey{}, &session{wrote: map[region.Slot]crdt.Dot{}})
}

func sessionOf(ctx context.Context) *session {
	s, _ := ctx.Value(sessionKey{}).(*session)
	return s
}

// bySlot splits commands slot by slot.
const bySlot = region.Partitions(region.Slots)

// spansSlots reports whether a command has keys of several slots that depend on
// each other.
func spansSlots(c wire.Command) bool {
	spec, err := Find(Wrap(c, bySlot))
	return err == nil && spec.Together
}

// do runs commands with what the session remembers and notes what they wrote.
func (s *session) do(ctx context.Context, a *API, cmds []wire.Command) []wire.Reply {
	if i := slices.IndexFunc(cmds, spansSlots); i >= 0 {
		// What comes before it is done when it begins, what follows when it is done.
		// Its parts come back here, since ctx has the session.
		before, it := s.do(ctx, a, cmds[:i]), Across(ctx, a, bySlot, cmds[i])
		return append(append(before, it), s.do(ctx, a, cmds[i+1:])...)
	}
	type group struct {
		from, to int // its parts in sent
		join     func([]wire.Reply) wire.Reply
	}
	var sent []wire.Command
	groups := make([]group, len(cmds))
	for i, c := range cmds {
		from := len(sent)
		c = Wrap(c, bySlot)
		if parts, join, ok := Split(c, bySlot); ok {
			sent = append(sent, parts...)
			groups[i] = group{from, len(sent), join}
		} else {
			sent = append(sent, c)
			groups[i] = group{from: from, to: len(sent)}
		}
	}
	if len(sent) == 0 {
		return nil
	}
	slots := s.attach(sent)
	replies := a.send(ctx, sent)
	s.note(slots, replies)
	out := make([]wire.Reply, len(cmds))
	for i, g := range groups {
		if g.join == nil {
			out[i] = replies[g.from]
			continue
		}
		out[i] = g.join(replies[g.from:g.to])
	}
	return out
}

// noSlot marks a command on no key.
const noSlot = region.Slot(region.Slots)

// attach gives each command the last write to its slot, unless it waits for
// another, and returns the slots.
func (s *session) attach(cmds []wire.Command) []region.Slot {
	s.mu.Lock()
	defer s.mu.Unlock()
	slots := make([]region.Slot, len(cmds))
	for i := range cmds {
		c := &cmds[i]
		spec, err := Find(*c)
		if err != nil || spec.Keys == KeysNone {
			slots[i] = noSlot
			continue
		}
		slots[i] = region.SlotOf(c.Key())
		if c.After.IsZero() {
			c.After = s.wrote[slots[i]]
		}
	}
	return slots
}

// note remembers the writes of the replies. Of two of one replica the later
// counts, whatever came back first; of two of different replicas the one that
// came back later, which had waited for the other if it was sent after it.
func (s *session) note(slots []region.Slot, replies []wire.Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, r := range replies {
		if slots[i] == noSlot || r.Wrote.IsZero() {
			continue
		}
		old := s.wrote[slots[i]]
		if old.Replica != r.Wrote.Replica || old.N < r.Wrote.N {
			s.wrote[slots[i]] = r.Wrote
		}
	}
}

package command

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

// Doer runs commands: the embedded node itself, or a client that asks one.
type Doer interface {
	// Do runs the commands and returns one reply for each, in their order,
	// always: what failed has a reply of [wire.TypeError]. The commands are
	// independent of each other; one that fails stops none. Commands on one key
	// run in the order given.
	//
	// Do blocks until all have been answered or ctx is done; then the missing
	// replies have [wire.CodeTimeout]. A Doer may send a command again after a
	// failure whose outcome is unknown if it has a request ID or if [Unsafe]
	// says that it may run twice. One that sends messages makes several of more
	// than wire.MaxCommands. It keeps nothing of the commands.
	Do(ctx context.Context, cmds ...wire.Command) []wire.Reply
}

// API is the cluster in Go, over any [Doer]. It may be used by several
// goroutines at once if its Doer may.
//
// What the cluster promises for every method:
//
//   - A write that returned without error is in the memory of one node of the
//     region. It travels to the region's other copies and to the other regions
//     on its own, within milliseconds or as soon as they can be reached. It is
//     lost if that node dies uncleanly before any of it has travelled, unless
//     the cluster is configured to acknowledge later.
//   - A read is answered by a node of the region from what it has seen. It does
//     not wait for other regions, nor, outside a session ([WithSession]), for
//     writes that this client made through another node.
//   - Concurrent writes in different regions merge; each method says how.
//   - An error with [wire.CodeTimeout] or [wire.CodeUnavailable] from a write
//     says that it may or may not have happened. Writes that may run twice are
//     sent again by the Doer while ctx lasts. INCR and its like carry a request
//     ID, so that a node that has run one, or has received what it wrote, does
//     not run it again. They can count twice only if the node that ran one
//     cannot be reached and what it wrote had not arrived at the node that is
//     asked next; or if they are called again after an error.
//
// Errors are [*wire.Error], to be told apart with errors.Is and the targets of
// package wire: [wire.ErrWrongType], [wire.ErrTooLarge], and so on. That a key
// does not exist is never an error.
//
// Keys, fields, members and values are any bytes, up to [Limits].
type API struct {
	doer   Doer
	direct Direct // nil: the doer has no such thing
}

// New returns the API over a Doer, which may be [Direct] as well.
func New(d Doer) *API {
	direct, _ := d.(Direct)
	return &API{doer: d, direct: direct}
}

// Direct is a Doer that can do the most usual commands without being given one: a node
// in the same process. Where anything is out of the ordinary it does nothing, and is
// asked by Do.
type Direct interface {
	// Glance returns what a cell of a key shows, as GET and HGET reply it. done false
	// says that they are to be asked instead.
	Glance(k crdt.Kind, key, field string) (value string, ok, done bool)
	// Put sets a string, as SET without options does. done false says that SET is to be
	// asked instead, and that nothing has been written or counted.
	Put(key, value string) (done bool, err error)
}

// glance asks for one cell directly, outside of a session.
func (a *API) glance(ctx context.Context, k crdt.Kind, key, field string) (value string, ok, done bool) {
	if a.direct == nil || sessionOf(ctx) != nil {
		return "", false, false
	}
	return a.direct.Glance(k, key, field)
}

// Do runs commands as they are, for callers with commands of their own. It draws
// request IDs for commands that need one and have none, and keeps the session of
// ctx if there is one; otherwise it is the Doer's Do.
func (a *API) Do(ctx context.Context, cmds ...wire.Command) []wire.Reply {
	if len(cmds) == 0 {
		return nil
	}
	out := make([]wire.Command, len(cmds))
	for i, c := range cmds {
		if c.Request == 0 && Unsafe(c) {
			c.Request = newRequest()
		}
		out[i] = c
	}
	if s := sessionOf(ctx); s != nil {
		return s.do(ctx, a, out)
	}
	return a.send(ctx, out)
}

// send asks the Doer, but for commands that cannot travel: those it answers
// itself, so that they do not spoil the message that the others are in.
func (a *API) send(ctx context.Context, cmds []wire.Command) []wire.Reply {
	i := slices.IndexFunc(cmds, func(c wire.Command) bool { return sendable(c) != nil })
	if i < 0 {
		return a.ask(ctx, cmds)
	}
	replies := make([]wire.Reply, 0, len(cmds))
	if i > 0 {
		replies = append(replies, a.ask(ctx, cmds[:i])...)
	}
	replies = append(replies, wire.Fail(sendable(cmds[i])))
	if i+1 < len(cmds) {
		replies = append(replies, a.send(ctx, cmds[i+1:])...)
	}
	return replies
}

// sendable says why a command cannot be in a message, if it cannot.
func sendable(c wire.Command) error {
	switch n := len(c.Args); {
	case n == 0:
		return ErrEmpty
	case n > wire.MaxArgs:
		return tooManyArgs(n, wire.MaxArgs)
	}
	return nil
}

// ask asks the Doer and makes up for replies that it owes.
func (a *API) ask(ctx context.Context, cmds []wire.Command) []wire.Reply {
	replies := a.doer.Do(ctx, cmds...)
	if len(replies) == len(cmds) {
		return replies
	}
	owed := wire.Fail(fmt.Errorf("%d replies to %d commands", len(replies), len(cmds)))
	replies = make([]wire.Reply, len(cmds))
	for i := range replies {
		replies[i] = owed
	}
	return replies
}

// newRequest returns a request ID. IDs are unique by chance: of a million drawn
// within the time that they are remembered, two are the same once in forty
// million times. Nobody gains by guessing one.
func newRequest() uint64 {
	for {
		if id := rand.Uint64(); id != 0 {
			return id
		}
	}
}

// call is a command and how to understand its reply.
type call[T any] struct {
	cmd    wire.Command
	decode func(wire.Reply) (T, error)
	err    error // why the command cannot even be sent
	empty  bool  // there is nothing to ask: the result is the zero T
}

func newCall[T any](decode func(wire.Reply) (T, error), args ...string) call[T] {
	return call[T]{cmd: wire.Command{Args: args}, decode: decode}
}

// newCallIf is newCall for a command on as many things as the caller named. With
// none there is nothing to ask.
func newCallIf[T any](n int, decode func(wire.Reply) (T, error), args ...string) call[T] {
	c := newCall(decode, args...)
	c.empty = n == 0
	return c
}

// run runs one call.
func run[T any](ctx context.Context, a *API, c call[T]) (T, error) {
	var zero T
	if c.err != nil || c.empty {
		return zero, c.err
	}
	return c.result(a.Do(ctx, c.cmd)[0])
}

// result turns the reply into what the caller wants.
func (c *call[T]) result(r wire.Reply) (T, error) {
	if r.Type == wire.TypeError {
		var zero T
		if r.Err == nil {
			return zero, unexpected(r)
		}
		return zero, r.Err
	}
	return c.decode(r)
}

// Ping asks any node of the region for a sign of life.
func (a *API) Ping(ctx context.Context) error {
	_, err := run(ctx, a, newCall(asText, "PING"))
	return err
}

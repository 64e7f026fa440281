package wire

import (
	"errors"
	"fmt"
	"math"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/pack"
)

// # The format
//
// Requests and replies are msgpack, written with package pack:
//
//	request  [version, [command, ...]]
//	command  [[arg, ...], request, after, hops]    each arg a bin
//	replies  [version, [reply, ...]]               in the order of the commands
//	reply    [type, value, wrote]
//	value    nil, a bin, an integer, a float64, a list or an error, as type says
//	list     [type, value, type, value, ...]
//	error    [code, text]
//	after, wrote   [replica, number], or nil for the zero dot
//
// Fields that a newer version adds to a record come last and are skipped by an
// older one; fields that an older one does not write get their defaults, and
// trailing fields that have their default are left off. A list is flat, without
// a header for each element, because most replies of many values are texts; so
// an element of a list has no wrote.

// wireVersion is the version of the format. It changes only when an older
// version could not skip what is new.
const wireVersion = 1

// Limits of a message. A decoder refuses what is above them; who builds messages
// splits them below.
const (
	// MaxCommands is the most commands in one request, and so the most replies
	// in one answer.
	MaxCommands = 10_000
	// MaxArgs is the most arguments of one command, its verb included.
	MaxArgs = 1_000_000
	// MaxValues is the most values in the lists of one message of replies, all
	// lists together. A value of two bytes becomes a Reply of some ninety, so
	// it also bounds what decoding costs: a third of a gigabyte at worst.
	MaxValues = 4_000_000
	// MaxNesting is how deep lists may lie in each other: a reply may be a list
	// of lists of lists.
	MaxNesting = 3
)

// The fewest bytes that each takes in a message.
const (
	minCommand = 4 // its header, that of its arguments, a verb of one byte as a short str
	minReply   = 2 // its header and its type
	minValue   = 2 // its type and nil
)

// Errors of decoding. Every one wraps exactly one of the two; the same bytes
// fail again.
var (
	// ErrCodec is wrapped by the error for bytes that no version writes.
	ErrCodec = errors.New("malformed message")
	// ErrUnknown is wrapped by the error for a message of a newer version that
	// this one cannot read.
	ErrUnknown = errors.New("message of a newer version: upgrade this node or client")
)

// AppendRequest appends the message that asks for the commands. They have at
// least one argument each and are within MaxCommands and MaxArgs, or whoever
// decodes the message refuses it.
func AppendRequest(dst []byte, cs []Command) []byte {
	dst = pack.AppendArray(dst, 2)
	dst = pack.AppendUint(dst, wireVersion)
	dst = pack.AppendArray(dst, len(cs))
	for i := range cs {
		dst = appendCommand(dst, &cs[i])
	}
	return dst
}

func appendCommand(dst []byte, c *Command) []byte {
	fields := 1
	switch {
	case c.Hops != 0:
		fields = 4
	case !c.After.IsZero():
		fields = 3
	case c.Request != 0:
		fields = 2
	}
	dst = pack.AppendArray(dst, fields)
	dst = pack.AppendArray(dst, len(c.Args))
	for _, a := range c.Args {
		dst = pack.AppendString(dst, a)
	}
	if fields > 1 {
		dst = pack.AppendUint(dst, c.Request)
	}
	if fields > 2 {
		dst = appendDot(dst, c.After)
	}
	if fields > 3 {
		dst = pack.AppendUint(dst, uint64(c.Hops))
	}
	return dst
}

// DecodeRequest reads a message that AppendRequest appended. The commands share
// no memory with b. What they take is a small multiple of b.
func DecodeRequest(b []byte) ([]Command, error) {
	r := pack.NewReader(b)
	msg, n := readHead(r, minCommand)
	var cs []Command
	for range n {
		c := readCommand(r)
		if r.Err() != nil {
			break
		}
		cs = append(cs, c)
	}
	msg.End()
	return cs, done("decode request", r, &cs)
}

// readHead reads the version and how many commands or replies follow.
func readHead(r *pack.Reader, minElem int) (msg pack.Rec, n int) {
	msg = r.Record()
	if !msg.More() {
		r.Fail(errors.New("no version"))
		return msg, 0
	}
	if v := r.Uint(); r.Err() == nil && v != wireVersion {
		r.Fail(fmt.Errorf("%w: version %d, have %d", ErrUnknown, v, wireVersion))
		return msg, 0
	}
	if msg.More() {
		n = r.Array(minElem)
	}
	if n > MaxCommands {
		r.Fail(fmt.Errorf("%d commands or replies; at most %d in one message", n, MaxCommands))
		return msg, 0
	}
	return msg, n
}

// done returns the reader's error under the right sentinel, and drops what was
// decoded before it.
func done[T any](op string, r *pack.Reader, decoded *[]T) error {
	err := r.Done()
	if err == nil {
		return nil
	}
	*decoded = nil
	if errors.Is(err, ErrUnknown) {
		return fmt.Errorf("%s: %w", op, err)
	}
	return fmt.Errorf("%s: %w: %w", op, ErrCodec, err)
}

func readCommand(r *pack.Reader) Command {
	var c Command
	rec := r.Record()
	if rec.More() {
		c.Args = readArgs(r)
	}
	if rec.More() {
		c.Request = r.Uint()
	}
	if rec.More() {
		c.After = readDot(r)
	}
	if rec.More() {
		c.Hops = uint8(readBelow(r, "hops", math.MaxUint8))
	}
	rec.End()
	if len(c.Args) == 0 {
		r.Fail(errors.New("a command without a verb"))
	}
	return c
}

// readArgs reads a command's arguments. Each is a copy of its own: a key that
// stays in the store must not keep the whole message in memory.
func readArgs(r *pack.Reader) []string {
	n := r.Array(1)
	if n > MaxArgs {
		r.Fail(fmt.Errorf("%d arguments; at most %d for one command", n, MaxArgs))
		return nil
	}
	args := make([]string, n)
	for i := range args {
		args[i] = r.String()
	}
	return args
}

func appendDot(dst []byte, d crdt.Dot) []byte {
	if d.IsZero() {
		return pack.AppendNil(dst)
	}
	dst = pack.AppendArray(dst, 2)
	dst = pack.AppendUint(dst, uint64(d.Replica))
	return pack.AppendUint(dst, d.N)
}

func readDot(r *pack.Reader) crdt.Dot {
	var d crdt.Dot
	if r.Nil() {
		return d
	}
	rec := r.Record()
	if rec.More() {
		d.Replica = crdt.ReplicaID(r.Uint())
	}
	if rec.More() {
		d.N = r.Uint()
	}
	rec.End()
	if d.IsZero() {
		return crdt.Dot{}
	}
	return d
}

// readBelow reads a number that is at most limit.
func readBelow(r *pack.Reader, what string, limit uint64) uint64 {
	n := r.Uint()
	if n > limit {
		r.Fail(fmt.Errorf("%s %d; at most %d", what, n, limit))
		return 0
	}
	return n
}

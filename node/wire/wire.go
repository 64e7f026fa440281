// Package wire has the requests and replies that travel between a client and a
// node, and between nodes that pass a command on to its owner. Each front door
// (NATS subjects, the plain kv API, later RESP) turns what it receives into a
// [Command] and a [Reply] back into what its clients expect.
//
// A command is a list of byte strings, verb first, as in Redis; what verbs there
// are and what they take is package command's knowledge. Decoding is bounded and
// takes nothing on trust.
package wire

import (
	"github.com/atollcache/atoll/crdt"
)

// Command is one command: Args[0] is the verb in upper case, the rest its
// arguments. Any byte string is an argument.
type Command struct {
	Args []string
	// Request identifies the command when it is sent again after a failure whose
	// outcome is unknown: a node that has run it, or that has received what it
	// wrote, does not run it twice. Zero for a command that may run twice.
	Request uint64
	// After is a session token: the command waits, for a bounded time, until the
	// node has seen this write. The zero dot waits for nothing.
	After crdt.Dot
	// Hops counts how often the command was passed on. A node passes a command on
	// at most MaxHops times; then it runs it itself.
	Hops uint8
}

// MaxHops bounds how often a command is passed on while nodes disagree about who
// owns its key.
const MaxHops = 2

// Key returns the first argument after the verb, empty when there is none. For
// commands on one key it is the key.
func (c Command) Key() string {
	if len(c.Args) < 2 {
		return ""
	}
	return c.Args[1]
}

// Type says what a reply is.
type Type uint8

// The types of a reply.
const (
	TypeNil    Type = iota // there is no such thing
	TypeString             // Text
	TypeInt                // Int
	TypeFloat              // Float
	TypeList               // List
	TypeError              // Err
)

// Reply is the answer to a command.
type Reply struct {
	Type  Type
	Text  string
	Int   int64
	Float float64
	List  []Reply
	Err   *Error
	// Wrote names the last write that the command made, the zero dot when it made
	// none. It is a session token, see Command.After.
	Wrote crdt.Dot
}

// Nil is the reply that there is no such thing.
var Nil = Reply{}

// String returns a reply of text.
func String(s string) Reply { return Reply{Type: TypeString, Text: s} }

// OK is the reply to a command that has nothing else to say.
var OK = String("OK")

// Int returns a reply of an integer.
func Int(n int64) Reply { return Reply{Type: TypeInt, Int: n} }

// Float returns a reply of a number.
func Float(f float64) Reply { return Reply{Type: TypeFloat, Float: f} }

// List returns a reply of replies.
func List(rs ...Reply) Reply { return Reply{Type: TypeList, List: rs} }

// Strings returns a reply of texts.
func Strings(ss []string) Reply {
	out := make([]Reply, len(ss))
	for i, s := range ss {
		out[i] = String(s)
	}
	return List(out...)
}

// Fail returns an error as a reply. An error that is not an [Error] becomes one
// with CodeInternal.
func Fail(err error) Reply { return Reply{Type: TypeError, Err: AsError(err)} }

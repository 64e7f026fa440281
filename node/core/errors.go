package core

import "github.com/atollcache/atoll/node/wire"

// The replies of a node that does not run a command. All say that another node,
// or the same one later, may.
var (
	// ErrNotReady: the node is joining, or begins a new life.
	ErrNotReady = &wire.Error{Code: wire.CodeUnavailable, Text: "LOADING the node is still joining: ask another or try again shortly"}
	// ErrAwaking: the node was frozen and catches up. What reaches it now may have
	// been asked long ago, and others have answered since.
	ErrAwaking = &wire.Error{Code: wire.CodeUnavailable, Text: "LOADING the node was frozen and catches up: ask another or try again shortly"}
	// errAhead: the node's clock, or one that it believed, has been wrong.
	errAhead = &wire.Error{Code: wire.CodeUnavailable, Text: "CLOCKSKEW what this node has written is stamped ahead of its clock, which has been set back: restart the node, or use another"}
	// ErrStopped: the node is leaving, or has left.
	ErrStopped = &wire.Error{Code: wire.CodeUnavailable, Text: "ERR the node has been stopped: ask another"}
	// ErrUnbound: the bound of the node's clock has not been saved in time.
	ErrUnbound = &wire.Error{Code: wire.CodeUnavailable, Text: "TIMEOUT the node's disk is too slow to keep its clock: try again, or ask another"}
	// ErrUnread: what the node's disk keeps of the key's partition cannot be read.
	ErrUnread = &wire.Error{Code: wire.CodeUnavailable, Text: "MISCONF the node's disk cannot be read here: other nodes may have the key; see the node's log"}
	// ErrEvicted: the command needs a key that has been evicted here. Whoever runs it
	// brings the key back from another holder first.
	ErrEvicted = &wire.Error{Code: wire.CodeUnavailable, Text: "ERR the key has been evicted here and could not be asked for elsewhere: try again shortly"}
	// ErrReleased: the node has just let the key's partition go.
	ErrReleased = &wire.Error{Code: wire.CodeNotOwner, Text: "ERR partition is not held here any more: ask again"}
)

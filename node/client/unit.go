package client

import (
	"context"
	"slices"
	"sync"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// stage says who is asked.
type stage uint8

const (
	stageDo  stage = iota // the owner
	stageAlt              // the next replica
	stageAny              // any node of the region
	numStages
)

// What a command and an argument add to a message beside the text, in bytes, at
// most.
const (
	commandOverhead = 48
	argOverhead     = 5
)

// unit is what is sent and answered as one: commands of one caller on one
// partition, in order. It belongs to the caller until it is submitted, then to
// whoever sends it, and to the caller again when done is closed.
type unit struct {
	cmds      []wire.Command
	partition region.Partition
	size      int  // bytes in a message, at most
	alone     bool // shares no message
	prompt    bool // any node answers it within a moment

	ctx     context.Context // of the caller
	replies []wire.Reply
	open    []int // the commands that have no final reply, in order
	stage   stage
	round   int
	done    chan struct{}
	once    sync.Once
}

// fits reports whether another command may join the unit. One always does.
func (u *unit) fits(cmd wire.Command, cfg Config) bool {
	return len(u.cmds) < min(cfg.BatchCommands, wire.MaxCommands) && u.size+sizeOf(cmd) <= cfg.BatchBytes
}

func (u *unit) add(cmd wire.Command) {
	cmd.Args = slices.Clone(cmd.Args) // The caller may go before the unit does.
	u.cmds = append(u.cmds, cmd)
	u.size += sizeOf(cmd)
}

// sizeOf returns what a command takes in a message, at most.
func sizeOf(cmd wire.Command) int {
	n := commandOverhead
	for _, a := range cmd.Args {
		n += len(a) + argOverhead
	}
	return n
}

// begin makes the unit ready to be submitted.
func (u *unit) begin(ctx context.Context) {
	u.ctx = ctx
	u.done = make(chan struct{})
	u.replies = make([]wire.Reply, len(u.cmds))
	u.open = make([]int, len(u.cmds))
	for i := range u.open {
		u.open[i] = i
	}
}

// finish gives every open command the same reply and ends the unit.
func (u *unit) finish(r wire.Reply) {
	u.once.Do(func() {
		for _, i := range u.open {
			u.replies[i] = r
		}
		u.open = nil
		close(u.done)
	})
}

// take takes in the replies to the open commands. Those that say that another
// node must be asked stay open, if their commands may be sent again.
func (u *unit) take(replies []wire.Reply) {
	var open []int
	for j, i := range u.open {
		r := replies[j]
		u.replies[i] = r
		if r.Type != wire.TypeError || r.Err == nil {
			continue
		}
		switch r.Err.Code {
		case wire.CodeNotOwner:
			open = append(open, i)
		case wire.CodeUnavailable, wire.CodeTimeout:
			if mayRepeat(u.cmds[i]) {
				open = append(open, i)
			}
		}
	}
	u.open = open
}

// keepRepeatable gives r to the open commands that must not be sent again after
// a failure whose outcome is unknown.
func (u *unit) keepRepeatable(r wire.Reply) {
	var open []int
	for _, i := range u.open {
		if mayRepeat(u.cmds[i]) {
			open = append(open, i)
		} else {
			u.replies[i] = r
		}
	}
	u.open = open
}

// mayRepeat reports whether a command may be sent again when it is not known
// whether it has run.
func mayRepeat(cmd wire.Command) bool { return cmd.Request != 0 || !command.Unsafe(cmd) }

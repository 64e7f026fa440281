package core

import (
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// Task is a command with what its way through a node goes by, which is found once.
type Task struct {
	wire.Command
	// Spec is the command's own.
	Spec *command.Spec
	// Partition is that of its first key.
	Partition region.Partition
	// Unsafe says that it must not run twice.
	Unsafe bool
}

// NewTask returns the task of a command that fits its Spec, in a cluster of so many
// partitions.
func NewTask(cmd wire.Command, spec *command.Spec, n region.Partitions) Task {
	return Task{Command: cmd, Spec: spec, Partition: n.Of(cmd.Key()), Unsafe: spec.IsUnsafe(cmd)}
}

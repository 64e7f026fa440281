package command

import (
	"fmt"

	"github.com/atollcache/atoll/node/wire"
)

// Limits bound what a command may carry. A zero field means its default.
type Limits struct {
	// MaxKey is the longest key in bytes, and the longest argument that is no
	// value and no field. Keys travel in subjects, logs and digests; a long one
	// costs each of them. Default: 64 KiB.
	MaxKey int
	// MaxField is the longest name of a hash's field and the longest member of a
	// set or sorted set, in bytes. Default: 64 KiB.
	MaxField int
	// MaxValue is the largest value in bytes, of a string or a hash's field. A
	// large value is split over many messages and held whole in memory at every
	// step of its way. Default: 64 MiB.
	MaxValue int
	// MaxCommand is the most that the arguments of one command may add up to, in
	// bytes. Default: MaxValue and 1 MiB.
	MaxCommand int
	// MaxArgs is the most arguments of one command, its verb included, up to
	// [wire.MaxArgs]. Default: that.
	MaxArgs int
}

// The defaults of [Limits].
const (
	DefaultMaxKey   = 64 << 10
	DefaultMaxField = 64 << 10
	DefaultMaxValue = 64 << 20

	// commandSlack is what a command may carry beside one largest value.
	commandSlack = 1 << 20
)

// WithDefaults returns the limits with the defaults filled in.
func (l Limits) WithDefaults() Limits {
	l.MaxKey = orDefault(l.MaxKey, DefaultMaxKey)
	l.MaxField = orDefault(l.MaxField, DefaultMaxField)
	l.MaxValue = orDefault(l.MaxValue, DefaultMaxValue)
	l.MaxCommand = orDefault(l.MaxCommand, l.MaxValue+commandSlack)
	l.MaxArgs = orDefault(l.MaxArgs, wire.MaxArgs)
	return l
}

func orDefault(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// Validate checks the limits: none is negative, MaxArgs is at most wire.MaxArgs,
// and a command can hold a largest key and a largest value.
func (l Limits) Validate() error {
	for _, n := range []int{l.MaxKey, l.MaxField, l.MaxValue, l.MaxCommand, l.MaxArgs} {
		if n < 0 {
			return fmt.Errorf("limits: %d is negative; use 0 for the default", n)
		}
	}
	l = l.WithDefaults()
	if l.MaxArgs > wire.MaxArgs {
		return fmt.Errorf("limits: MaxArgs is %d; at most %d", l.MaxArgs, wire.MaxArgs)
	}
	if need := l.MaxKey + l.MaxField + l.MaxValue; l.MaxCommand < need {
		return fmt.Errorf("limits: MaxCommand is %d; a key, a field and a value of the largest size need %d", l.MaxCommand, need)
	}
	return nil
}

// Check says whether a command exists, takes so many arguments and is within the
// limits. It says nothing of what the arguments mean. The error is a
// *wire.Error; one about a size has the code 413 and names size and limit.
func Check(c wire.Command, l Limits) error {
	s, err := Find(c)
	if err != nil {
		return err
	}
	return s.Check(c, l)
}

// Check is the function [Check] for a command that fits the Spec.
func (s *Spec) Check(c wire.Command, l Limits) error {
	l = l.WithDefaults()
	if n := len(c.Args); n > l.MaxArgs {
		return tooManyArgs(n, l.MaxArgs)
	}
	total, options := 0, s.optionsIn(c)
	for i, a := range c.Args[1:] {
		total += len(a)
		if err := l.checkArg(s.role(i, options), len(a)); err != nil {
			return err
		}
	}
	if total > l.MaxCommand {
		return tooLarge(fmt.Sprintf("command is %d bytes", total), l.MaxCommand, "command size")
	}
	return nil
}

// checkArg checks the size of an argument in its role.
func (l Limits) checkArg(role byte, size int) error {
	what, limit, name := "argument", l.MaxKey, "key size"
	switch role {
	case roleKey:
		what = "key"
	case roleField:
		what, limit, name = "field or member", l.MaxField, "field size"
	case roleValue:
		what, limit, name = "value", l.MaxValue, "value size"
	}
	if size <= limit {
		return nil
	}
	return tooLarge(fmt.Sprintf("%s is %d bytes", what, size), limit, name)
}

func tooManyArgs(n, limit int) error {
	return tooLarge(fmt.Sprintf("command has %d arguments", n), limit, "arguments of a command")
}

func tooLarge(what string, limit int, name string) error {
	return &wire.Error{Code: wire.CodeTooLarge,
		Text: fmt.Sprintf("ERR %s, the limit is %d (max %s)", what, limit, name)}
}

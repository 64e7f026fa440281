package cli

import (
	"fmt"
	"io"

	"github.com/atollcache/atoll/node/command"
)

// stdinWord is the argument that stands for standard input.
const stdinWord = "-"

// valueOf returns a value as the command line gives it: itself, or all of standard
// input for "-", up to the largest value that a node takes.
func (c *call) valueOf(arg string) (string, error) {
	if arg != stdinWord {
		return arg, nil
	}
	if isTerminal(c.in) {
		c.note("reading the value from the keyboard; Ctrl-D ends it")
	}
	data, err := io.ReadAll(io.LimitReader(c.in, command.DefaultMaxValue+1))
	if err != nil {
		return "", fmt.Errorf("read standard input: %w", err)
	}
	if len(data) > command.DefaultMaxValue {
		return "", usagef("the value on standard input is longer than %d bytes", command.DefaultMaxValue)
	}
	return string(data), nil
}

// onlyOneStdin is an error when more than one argument is "-".
func onlyOneStdin(args []string) error {
	n := 0
	for _, a := range args {
		if a == stdinWord {
			n++
		}
	}
	if n > 1 {
		return usagef("only one argument can be %s, standard input", stdinWord)
	}
	return nil
}

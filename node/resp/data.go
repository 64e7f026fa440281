package resp

import (
	"strings"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
)

// The commands on data, as package command has them.

// ownPrefix is what the names of commands begin with that Redis does not have.
const ownPrefix = "ATOLL."

// dataEntries returns the commands that the node runs. PING is the server's own,
// and of MEMBERS only nodes and their clients make sense.
func dataEntries() []*entry {
	var out []*entry
	for _, s := range command.All() {
		if s.Hidden || s.Name == "PING" || s.Name == "MEMBERS" {
			continue
		}
		out = append(out, dataEntry(s))
	}
	return out
}

func dataEntry(s *command.Spec) *entry {
	e := &entry{
		name: strings.ToLower(s.Name), verb: s.Name, spec: s, args: s.Args, summary: s.Summary, since: s.Since,
		arity: s.Arity(), flags: s.Flags(), group: string(s.Group),
	}
	if s.Group == command.GroupAtoll {
		e.name = strings.ToLower(ownPrefix) + e.name
	}
	e.keys.first, e.keys.last, e.keys.step = s.KeyRange()
	for _, name := range s.Categories() {
		e.cats |= categoryOf(name)
	}
	if s.Write {
		e.is |= writes
	}
	if s.Keys == command.KeysNone {
		e.is |= alone
	}
	return e
}

// keysOf returns the keys among the arguments of a command that it accepts.
func (e *entry) keysOf(args []string) []string {
	if e.spec != nil {
		return e.spec.KeysOf(wire.Command{Args: args})
	}
	if e.keys.first == 0 {
		return nil
	}
	last := e.keys.last
	if last < 0 {
		last += len(args)
	}
	var keys []string
	for i := e.keys.first; i <= last && i < len(args); i += e.keys.step {
		keys = append(keys, args[i])
	}
	return keys
}

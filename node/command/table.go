package command

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atollcache/atoll/node/wire"
)

// Unbounded is the MaxArgs of a command that takes as many arguments as fit.
const Unbounded = -1

// Spec describes one command. It is read only.
type Spec struct {
	// Name is the verb, in upper case.
	Name string
	// Args describes the arguments after the verb, for people.
	Args string
	// MinArgs and MaxArgs bound the number of arguments after the verb. MaxArgs
	// may be Unbounded; what is too much for a command with options, its parser
	// refuses.
	MinArgs, MaxArgs int
	// Keys says which arguments are keys.
	Keys Keys
	// Write says that the command may change something: it is run by the owner
	// of its key where there is one, and its reply may carry a session token.
	Write bool
	// Unsafe says that the command must not run twice, so that it needs a request
	// ID before it is sent again. See [Unsafe] for a command with its arguments.
	Unsafe bool
	// Together says that the command's keys depend on each other, or that its key
	// is not its first argument: it cannot be routed by that. [Across] runs it.
	Together bool
	// Hidden says that the command is for nodes among themselves. A front door
	// answers it as one that there is not, and [All] leaves it out.
	Hidden bool
	// Fast says that its work does not grow with what the key holds, Grows that it
	// may need memory, Dangerous that it is not for every user: it looks at or
	// drops every key, or changes how the cluster works.
	Fast, Grows, Dangerous bool
	// Whole says that it is about all keys of the region.
	Whole bool
	// Prompt says that any node answers within a moment, so that a caller who hears
	// nothing rather asks another one.
	Prompt bool
	// Reply is what its reply looks like; see [Spec.Shape] for a command with its
	// arguments.
	Reply Shape
	// Group is what the command is about.
	Group Group
	// Since is the version of Redis that had the command first; empty for one that
	// Redis does not have.
	Since string
	// Summary is one sentence, Example one use with arguments as a shell would
	// take them.
	Summary, Example string

	head    string // the roles of the first arguments, one letter each
	tail    string // the roles of the rest, repeated; empty when they are options
	options string // words that may stand between head and tail, each between spaces
	until   string // the word that ends what stands between head and tail, with a number behind it
}

// The roles of arguments. They decide which limit an argument has.
const (
	roleKey    = 'k'
	roleValue  = 'v'
	roleField  = 'f'
	roleOption = '-'
)

// role returns the role of an argument, counted after the verb from 0. Options
// are the words that stand between head and tail.
func (s *Spec) role(i, options int) byte {
	switch {
	case i < len(s.head):
		return s.head[i]
	case i < len(s.head)+options:
		return roleOption
	case s.tail != "":
		return s.tail[(i-len(s.head)-options)%len(s.tail)]
	}
	return roleOption
}

// optionsIn counts the options between head and tail of a command.
func (s *Spec) optionsIn(c wire.Command) (n int) {
	if s.until != "" {
		return s.optionsUntil(c)
	}
	if s.options == "" {
		return 0
	}
	for _, a := range c.Args[1+len(s.head):] {
		if !isWordOf(s.options, a) {
			break
		}
		n++
	}
	return n
}

// optionsUntil counts what stands between head and tail of a command where a word and
// a number end that: everything when there is no such word.
func (s *Spec) optionsUntil(c wire.Command) int {
	args := c.Args[1+len(s.head):]
	for i, a := range args {
		if strings.EqualFold(a, s.until) {
			return min(i+2, len(args))
		}
	}
	return len(args)
}

// isWordOf reports whether a word, in any case, is in a list of words that each
// stand between spaces.
func isWordOf(list, word string) bool {
	for w := range strings.FieldsSeq(list) {
		if strings.EqualFold(w, word) {
			return true
		}
	}
	return false
}

// Accepts reports whether the command takes n arguments after the verb.
func (s *Spec) Accepts(n int) bool {
	if n < s.MinArgs || (s.MaxArgs != Unbounded && n > s.MaxArgs) {
		return false
	}
	return s.tail == "" || s.options != "" || s.until != "" || n < len(s.head) || (n-len(s.head))%len(s.tail) == 0
}

// byName holds all commands. It is never written again.
var byName = func() map[string]*Spec {
	m := map[string]*Spec{}
	for _, family := range []struct {
		group Group
		specs []Spec
	}{
		{GroupGeneric, keySpecs}, {GroupString, stringSpecs}, {GroupBitmap, bitSpecs}, {GroupHash, hashSpecs}, {GroupHash, hashExpirySpecs},
		{GroupSet, setSpecs}, {GroupSortedSet, zsetSpecs}, {GroupSortedSet, zrangeSpecs},
		{GroupList, listSpecs}, {GroupHyperLog, hyperLogLogSpecs},
		{GroupAtoll, clusterSpecs}, {GroupAtoll, ownSpecs}, {GroupAtoll, hiddenSpecs},
	} {
		for i := range family.specs {
			s := &family.specs[i]
			if s.Group == "" {
				s.Group = family.group
			}
			m[s.Name] = s
		}
	}
	return m
}()

// Lookup returns the Spec of a verb in upper case.
func Lookup(name string) (*Spec, bool) {
	s, ok := byName[name]
	return s, ok
}

// All returns the commands that are not hidden, sorted by name.
func All() []*Spec {
	all := slices.SortedFunc(maps.Values(byName), func(a, b *Spec) int { return strings.Compare(a.Name, b.Name) })
	return slices.DeleteFunc(all, func(s *Spec) bool { return s.Hidden })
}

// Find returns the Spec of a command after checking that there is one and that
// it takes so many arguments. The error says in Redis's words what is wrong.
func Find(c wire.Command) (*Spec, error) {
	if len(c.Args) == 0 {
		return nil, ErrEmpty
	}
	s, ok := byName[c.Args[0]]
	if !ok {
		return nil, Unknown(c)
	}
	if !s.Accepts(len(c.Args) - 1) {
		return nil, wrongNumber(s.Name)
	}
	return s, nil
}

// Unknown returns the error for a command that there is not. It names the command
// and the start of its arguments, as Redis does.
func Unknown(c wire.Command) error {
	var args strings.Builder
	for _, a := range c.Args[1:] {
		if args.Len() >= 128 {
			break
		}
		fmt.Fprintf(&args, "'%.128s' ", a)
	}
	return badRequest(fmt.Sprintf("ERR unknown command '%.128s', with args beginning with: %s", c.Args[0], &args))
}

// Unsafe reports whether a command must not run twice. That holds for the
// commands whose Spec says so and for some with options: a SET with NX, XX or
// GET would answer otherwise the second time, a ZADD with INCR would count twice.
func Unsafe(c wire.Command) bool {
	if len(c.Args) == 0 {
		return false
	}
	s, ok := byName[c.Args[0]]
	return ok && s.IsUnsafe(c)
}

// IsUnsafe is [Unsafe] for a command that fits the Spec.
func (s *Spec) IsUnsafe(c wire.Command) bool {
	switch s.Name {
	case "SET":
		return hasOption(c, 3, "NX XX GET")
	case "EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT":
		return hasOption(c, 3, "NX XX GT LT")
	case "HEXPIRE", "HPEXPIRE", "HEXPIREAT", "HPEXPIREAT":
		return len(c.Args) > 3 && isWordOf("NX XX GT LT", c.Args[3])
	case "HSETEX":
		a, err := parseSetex(c, 0)
		return err == nil && (a.ifAbsent || a.ifPresent)
	case "ZADD":
		n := s.optionsIn(c)
		return n > 0 && slices.ContainsFunc(c.Args[2:2+n], func(a string) bool { return strings.EqualFold(a, "INCR") })
	}
	return s.Unsafe
}

// hasOption reports whether one of some words is among the arguments from one on,
// which is counted from the verb.
func hasOption(c wire.Command, from int, words string) bool {
	return len(c.Args) > from && slices.ContainsFunc(c.Args[from:], func(a string) bool { return isWordOf(words, a) })
}

package command

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atollcache/atoll/node/wire"
)

// Keys says which of a command's arguments are keys.
type Keys uint8

// The rules. Arguments are counted after the verb.
const (
	KeysNone  Keys = iota // none: any node can answer
	KeysFirst             // the first
	KeysAll               // all of them
	KeysPairs             // every second one, from the first: keys and values take turns
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
	// Summary is one sentence, Example one use with arguments as a shell would
	// take them.
	Summary, Example string

	head string // the roles of the first arguments, one letter each
	tail string // the roles of the rest, repeated; empty when they are options
}

// The roles of arguments. They decide which limit an argument has.
const (
	roleKey    = 'k'
	roleValue  = 'v'
	roleField  = 'f'
	roleOption = '-'
)

// role returns the role of an argument, counted after the verb from 0.
func (s *Spec) role(i int) byte {
	switch {
	case i < len(s.head):
		return s.head[i]
	case s.tail != "":
		return s.tail[(i-len(s.head))%len(s.tail)]
	}
	return roleOption
}

// Accepts reports whether the command takes n arguments after the verb.
func (s *Spec) Accepts(n int) bool {
	if n < s.MinArgs || (s.MaxArgs != Unbounded && n > s.MaxArgs) {
		return false
	}
	return s.tail == "" || n < len(s.head) || (n-len(s.head))%len(s.tail) == 0
}

// KeysOf returns the keys of a command that fits its Spec, in order. It shares
// memory with c where the keys stand side by side.
func (s *Spec) KeysOf(c wire.Command) []string {
	args := c.Args[1:]
	switch s.Keys {
	case KeysFirst:
		return args[:1]
	case KeysAll:
		return args
	case KeysPairs:
		keys := make([]string, 0, len(args)/2)
		for i := 0; i < len(args); i += 2 {
			keys = append(keys, args[i])
		}
		return keys
	}
	return nil
}

// byName holds all commands. It is never written again.
var byName = func() map[string]*Spec {
	m := map[string]*Spec{}
	for _, family := range [][]Spec{keySpecs, stringSpecs, hashSpecs, setSpecs, zsetSpecs, clusterSpecs} {
		for i := range family {
			m[family[i].Name] = &family[i]
		}
	}
	return m
}()

// Lookup returns the Spec of a verb in upper case.
func Lookup(name string) (*Spec, bool) {
	s, ok := byName[name]
	return s, ok
}

// All returns the commands, sorted by name.
func All() []*Spec {
	return slices.SortedFunc(maps.Values(byName), func(a, b *Spec) int { return strings.Compare(a.Name, b.Name) })
}

// Find returns the Spec of a command after checking that there is one and that
// it takes so many arguments. The error says in Redis's words what is wrong.
func Find(c wire.Command) (*Spec, error) {
	if len(c.Args) == 0 {
		return nil, ErrEmpty
	}
	s, ok := byName[c.Args[0]]
	if !ok {
		return nil, unknown(c)
	}
	if !s.Accepts(len(c.Args) - 1) {
		return nil, wrongNumber(s.Name)
	}
	return s, nil
}

// unknown names the command and the start of its arguments, as Redis does.
func unknown(c wire.Command) error {
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
// commands whose Spec says so and for a SET with NX or XX, whose second run would
// answer that it was not done.
func Unsafe(c wire.Command) bool {
	if len(c.Args) == 0 {
		return false
	}
	s, ok := byName[c.Args[0]]
	if !ok {
		return false
	}
	if s.Name == "SET" {
		return len(c.Args) > 3 && slices.ContainsFunc(c.Args[3:], func(a string) bool {
			return strings.EqualFold(a, "NX") || strings.EqualFold(a, "XX")
		})
	}
	return s.Unsafe
}

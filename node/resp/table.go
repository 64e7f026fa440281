package resp

import (
	"slices"
	"strings"

	"github.com/atollcache/atoll/node/command"
)

// entry is what the server knows of a command.
type entry struct {
	name    string // as Redis writes it: lower case, container|subcommand
	upper   string
	index   int // its place among all commands, for what is counted of each
	arity   int // arguments with the name; negative: at least so many
	flags   []string
	cats    category
	keys    keyRange
	group   string
	summary string
	args    string
	since   string

	verb string                // what the node runs; empty for what the server runs itself
	spec *command.Spec         // of that
	run  func(*conn, []string) // what the server runs itself
	subs map[string]*entry     // of a container, by name in upper case
	is   trait

	channels func([]string) []string // the channels among its arguments; nil: it has none
}

// trait is what the server itself has to know of a command.
type trait uint16

const (
	noAuth  trait = 1 << iota // before the client has authenticated
	inPause                   // in RESP2, while the client listens to messages
	noMulti                   // not between MULTI and EXEC
	atOnce                    // not queued between MULTI and EXEC, but run
	writes
	hidden  // not for SLOWLOG and MONITOR
	alone   // not together with others of a pipeline: it looks at every key, or at none
	flushes // the replies before it are written out first
)

// keyRange says where a command's keys stand, as COMMAND INFO tells it: the first
// and the last argument, a negative one counted from the end, and the step.
type keyRange struct{ first, last, step int }

// accepts reports whether a command takes n arguments with its name.
func (e *entry) accepts(n int) bool {
	if e.arity < 0 {
		return n >= -e.arity
	}
	return n == e.arity
}

// table is all commands by name in upper case. It is never written again.
type table map[string]*entry

// newTable makes the table of all commands, those of one mode among them.
func newTable(mode ...*entry) table {
	t := table{}
	for _, e := range mode {
		t.add(e)
	}
	for _, family := range [][]*entry{
		dataEntries(), connectionEntries(), clientEntries(), serverEntries(), aclEntries(), transactionEntries(),
		messageEntries(), clusterEntries(), toolEntries(),
	} {
		for _, e := range family {
			t.add(e)
		}
	}
	i := 0
	for _, e := range t.sorted() {
		e.index = i
		i++
		for _, sub := range e.sorted() {
			sub.index = i
			i++
		}
	}
	return t
}

// size returns how many commands there are, subcommands included.
func (t table) size() int {
	n := len(t)
	for _, e := range t {
		n += len(e.subs)
	}
	return n
}

func (t table) add(e *entry) {
	if e.run != nil && e.group == "connection" {
		e.cats |= catConnection
	}
	e.upper = strings.ToUpper(e.name)
	t[e.upper] = e
}

// container makes an entry of subcommands.
func container(name, group string, cats category, subs ...*entry) *entry {
	e := &entry{name: name, arity: -2, group: group, cats: cats, subs: map[string]*entry{}, summary: "A container for commands of " + strings.ToUpper(name) + "."}
	for _, s := range subs {
		e.subs[strings.ToUpper(s.name)] = s
		s.name = name + "|" + s.name
		s.group = group
		s.cats |= cats
	}
	if e.subs["HELP"] == nil {
		e.subs["HELP"] = &entry{name: name + "|help", arity: 2, cats: cats, group: group,
			summary: "Say what subcommands there are.", run: func(c *conn, _ []string) { c.help(e) }}
	}
	return e
}

// help answers with the subcommands of a container.
func (c *conn) help(e *entry) {
	lines := []string{strings.ToUpper(e.name) + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"}
	for _, s := range e.sorted() {
		_, sub, _ := strings.Cut(s.name, "|")
		lines = append(lines, strings.TrimSpace(strings.ToUpper(sub)+" "+s.args), "    "+s.summary)
	}
	c.w.Array(len(lines))
	for _, l := range lines {
		c.w.Status(l)
	}
}

// sorted returns the subcommands by name.
func (e *entry) sorted() []*entry {
	out := make([]*entry, 0, len(e.subs))
	for _, s := range e.subs {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b *entry) int { return strings.Compare(a.name, b.name) })
	return out
}

// sorted returns the commands by name.
func (t table) sorted() []*entry {
	out := make([]*entry, 0, len(t))
	for _, e := range t {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b *entry) int { return strings.Compare(a.name, b.name) })
	return out
}

// find returns the entry of a command, that of its subcommand where it has such,
// and the error that Redis gives when there is none or it takes other arguments.
func (t table) find(args []string) (*entry, string) {
	e := t.named(args[0])
	if e == nil {
		return nil, unknownCommand(args)
	}
	if e.subs != nil && len(args) > 1 {
		sub := e.subs[strings.ToUpper(args[1])]
		if sub == nil {
			return nil, unknownSubcommand(e, args[1])
		}
		e = sub
	}
	if !e.accepts(len(args)) || e.subs != nil && e.run == nil {
		return nil, "ERR wrong number of arguments for '" + e.name + "' command"
	}
	return e, ""
}

// named returns the entry of a name in any case, nil when there is none.
func (t table) named(name string) *entry {
	if e := t[name]; e != nil || len(name) > longestName {
		return e
	}
	var up [longestName]byte
	return t[string(upperInto(up[:], name))]
}

// unknownCommand returns Redis's text for a command that there is not.
func unknownCommand(args []string) string {
	var b strings.Builder
	b.WriteString("ERR unknown command '" + cut(args[0]) + "', with args beginning with: ")
	from := b.Len()
	for _, a := range args[1:] {
		if b.Len()-from >= 128 {
			break
		}
		b.WriteString("'" + cut(a) + "' ")
	}
	return b.String()
}

func unknownSubcommand(e *entry, sub string) string {
	return "ERR unknown subcommand '" + cut(sub) + "'. Try " + strings.ToUpper(e.name) + " HELP."
}

// cut returns the start of what a client sent, for an error's text.
func cut(s string) string { return s[:min(len(s), 128)] }

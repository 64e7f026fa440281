package resp

import (
	"slices"
	"strings"

	"github.com/atollcache/atoll/node/command"
)

// COMMAND, with which clients ask what there is.

func commandEntry() *entry {
	e := container("command", "server", catSlow|catConnection,
		&entry{name: "count", arity: 2, summary: "Count the commands.", run: func(c *conn, _ []string) { c.w.Int(int64(len(c.s.table))) }},
		&entry{name: "info", arity: -2, args: "[command-name [command-name ...]]", summary: "Describe commands to programs.", run: commandInfo},
		&entry{name: "docs", arity: -2, args: "[command-name [command-name ...]]", summary: "Describe commands to people.", run: commandDocs},
		&entry{name: "list", arity: -2, args: "[FILTERBY MODULE name|ACLCAT category|PATTERN pattern]", summary: "List the commands' names.", run: commandList},
		&entry{name: "getkeys", arity: -3, args: "command [arg [arg ...]]", summary: "Reply the keys of a command.", run: commandGetKeys},
		&entry{name: "getkeysandflags", arity: -3, args: "command [arg [arg ...]]", summary: "Reply the keys of a command, and what it does to them.", run: commandGetKeys},
	)
	e.arity = -1
	e.run = func(c *conn, args []string) { writeInfos(c, c.s.table.sorted()) }
	return e
}

// lookup returns the entry of a name, with | before a subcommand.
func (t table) lookup(name string) *entry {
	top, sub, isSub := strings.Cut(strings.ToUpper(name), "|")
	e := t[top]
	if e != nil && isSub {
		return e.subs[sub]
	}
	return e
}

func commandInfo(c *conn, args []string) {
	if len(args) == 2 {
		writeInfos(c, c.s.table.sorted())
		return
	}
	c.w.Array(len(args) - 2)
	for _, name := range args[2:] {
		if e := c.s.table.lookup(name); e != nil {
			writeInfo(c, e)
		} else {
			c.w.NilArray()
		}
	}
}

func writeInfos(c *conn, entries []*entry) {
	c.w.Array(len(entries))
	for _, e := range entries {
		writeInfo(c, e)
	}
}

// writeInfo describes a command as Redis 7 does.
func writeInfo(c *conn, e *entry) {
	c.w.Array(10)
	c.w.Bulk(e.name)
	c.w.Int(int64(e.arity))
	c.w.Set(len(e.flags))
	for _, f := range e.flags {
		c.w.Status(f)
	}
	c.w.Int(int64(e.keys.first))
	c.w.Int(int64(e.keys.last))
	c.w.Int(int64(e.keys.step))
	cats := e.cats.names()
	c.w.Set(len(cats))
	for _, cat := range cats {
		c.w.Status("@" + cat)
	}
	c.w.Array(0) // tips
	writeKeySpecs(c, e)
	writeInfos(c, e.sorted())
}

func writeKeySpecs(c *conn, e *entry) {
	if e.keys.first == 0 {
		c.w.Array(0)
		return
	}
	flags := []string{"RO", "ACCESS"}
	if e.is&writes != 0 {
		flags = []string{"RW", "UPDATE"}
	}
	last := e.keys.last
	if last > 0 {
		last -= e.keys.first
	}
	c.w.Array(1)
	c.w.Map(3)
	c.w.Bulk("flags")
	c.w.Set(len(flags))
	for _, f := range flags {
		c.w.Status(f)
	}
	c.w.Bulk("begin_search")
	c.w.Map(2)
	c.w.Bulk("type")
	c.w.Bulk("index")
	c.w.Bulk("spec")
	c.w.Map(1)
	c.w.Bulk("index")
	c.w.Int(int64(e.keys.first))
	c.w.Bulk("find_keys")
	c.w.Map(2)
	c.w.Bulk("type")
	c.w.Bulk("range")
	c.w.Bulk("spec")
	c.w.Map(3)
	c.w.Bulk("lastkey")
	c.w.Int(int64(last))
	c.w.Bulk("keystep")
	c.w.Int(int64(e.keys.step))
	c.w.Bulk("limit")
	c.w.Int(0)
}

func commandDocs(c *conn, args []string) {
	entries := c.s.table.sorted()
	if len(args) > 2 {
		entries = nil
		for _, name := range args[2:] {
			if e := c.s.table.lookup(name); e != nil {
				entries = append(entries, e)
			}
		}
	}
	writeDocs(c, entries)
}

func writeDocs(c *conn, entries []*entry) {
	c.w.Map(len(entries))
	for _, e := range entries {
		c.w.Bulk(e.name)
		subs := e.sorted()
		words := e.argWords()
		n := 3
		if len(subs) > 0 {
			n++
		}
		if len(words) > 0 {
			n++
		}
		c.w.Map(n)
		c.w.Bulk("summary")
		c.w.Bulk(strings.TrimSuffix(e.summary, "."))
		c.w.Bulk("since")
		c.w.Bulk(e.sinceVersion())
		c.w.Bulk("group")
		c.w.Bulk(e.group)
		if len(words) > 0 {
			writeArguments(c, words)
		}
		if len(subs) > 0 {
			c.w.Bulk("subcommands")
			writeDocs(c, subs)
		}
	}
}

// argWords returns what redis-cli shows as a hint, word by word.
func (e *entry) argWords() []string {
	if e.args == "" {
		return nil
	}
	return []string{e.args}
}

func (e *entry) sinceVersion() string {
	if e.since == "" {
		return "1.0.0"
	}
	return e.since
}

// writeArguments describes the arguments as one text, the way that people read it.
func writeArguments(c *conn, words []string) {
	c.w.Bulk("arguments")
	c.w.Array(len(words))
	for _, w := range words {
		c.w.Map(3)
		c.w.Bulk("name")
		c.w.Bulk(w)
		c.w.Bulk("type")
		c.w.Bulk("string")
		c.w.Bulk("display_text")
		c.w.Bulk(w)
	}
}

func commandList(c *conn, args []string) {
	keep := func(*entry) bool { return true }
	switch {
	case len(args) == 2:
	case len(args) == 5 && strings.EqualFold(args[2], "filterby"):
		switch strings.ToLower(args[3]) {
		case "module":
			keep = func(*entry) bool { return false }
		case "aclcat":
			cat := categoryOf(strings.ToLower(args[4]))
			keep = func(e *entry) bool { return e.cats&cat != 0 }
		case "pattern":
			glob := command.NewGlob(strings.ToLower(args[4]))
			keep = func(e *entry) bool { return glob.Match(e.name) }
		default:
			c.w.Error("ERR syntax error")
			return
		}
	default:
		c.w.Error("ERR syntax error")
		return
	}
	var names []string
	for _, e := range c.s.table.sorted() {
		if keep(e) {
			names = append(names, e.name)
		}
	}
	bulks(c, names)
}

func commandGetKeys(c *conn, args []string) {
	inner := slices.Clone(args[2:])
	e, refusal := c.s.table.find(inner)
	switch {
	case e == nil:
		c.w.Error("ERR Invalid command specified")
		return
	case refusal != "":
		c.w.Error("ERR Invalid number of arguments specified for command")
		return
	}
	keys := e.keysOf(inner)
	if len(keys) == 0 {
		c.w.Error("ERR The command has no key arguments")
		return
	}
	if strings.EqualFold(args[1], "getkeys") {
		bulks(c, keys)
		return
	}
	flags := []string{"RO", "ACCESS"}
	if e.is&writes != 0 {
		flags = []string{"RW", "UPDATE"}
	}
	c.w.Array(len(keys))
	for _, k := range keys {
		c.w.Array(2)
		c.w.Bulk(k)
		c.w.Set(len(flags))
		for _, f := range flags {
			c.w.Status(f)
		}
	}
}

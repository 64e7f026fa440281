package command

import (
	"strings"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

// The sizes up to which Redis keeps values in its compact forms, by default.
const (
	embeddedBytes = 44
	packedEntries = 128
	packedBytes   = 64
	intSetEntries = 512
)

func execObject(t Target, cmd wire.Command) wire.Reply {
	return read(t, cmd.Key(), func(v crdt.View) wire.Reply {
		if !v.Exists() {
			return wire.Nil
		}
		switch strings.ToUpper(cmd.Args[2]) {
		case "ENCODING":
			return wire.String(encoding(v))
		case "REFCOUNT":
			return wire.Int(1)
		case "IDLETIME":
			return wire.Int(0)
		case "FREQ":
			return wire.Fail(ErrNotTracked)
		}
		return wire.Fail(ErrSyntax)
	})
}

// encoding returns the form in which Redis would keep what a key holds, had it
// held nothing else before.
func encoding(v crdt.View) string {
	switch v.Kind() {
	case crdt.KindString:
		s, _ := v.Get()
		if _, ok := crdt.ParseInt(s); ok {
			return "int"
		}
		return pick(len(s) <= embeddedBytes, "embstr", "raw")
	case crdt.KindHLL:
		return "raw"
	case crdt.KindHash:
		return pick(isPacked(v), "listpack", "hashtable")
	case crdt.KindZSet:
		return pick(isPacked(v), "listpack", "skiplist")
	case crdt.KindSet:
		return pick(isIntSet(v), "intset", "hashtable")
	case crdt.KindList:
		return "quicklist"
	}
	return v.Kind().String()
}

func isPacked(v crdt.View) bool {
	n := 0
	for name := range v.Members() {
		value, _ := v.Field(name)
		if n++; n > packedEntries || len(name) > packedBytes || len(value) > packedBytes {
			return false
		}
	}
	return true
}

func isIntSet(v crdt.View) bool {
	n := 0
	for name := range v.Members() {
		_, ok := crdt.ParseInt(name)
		if n++; n > intSetEntries || !ok {
			return false
		}
	}
	return true
}

// objectHelp is the reply of OBJECT HELP.
var objectHelp = []string{
	"OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
	"ENCODING <key>",
	"    Return the kind of internal representation used in order to store the value",
	"    associated with a <key>.",
	"FREQ <key>",
	"    Return the access frequency index of the <key>. The returned integer is",
	"    proportional to the logarithm of the recent access frequency of the key.",
	"IDLETIME <key>",
	"    Return the idle time of the <key>, that is the approximated number of",
	"    seconds elapsed since the last access to the key.",
	"REFCOUNT <key>",
	"    Return the number of references of the value associated with the specified",
	"    <key>.",
	"HELP",
	"    Print this help.",
}

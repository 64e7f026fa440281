package resp

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"github.com/atollcache/atoll/node/command"
)

// rules are what a user may do. They are never changed once a user has them.
type rules struct {
	on        bool
	nopass    bool
	passwords []string // SHA-256, in hexadecimal
	commands  []uint64 // a bit for each entry, by index
	described []string // how commands came about, as ACL LIST shows it
	keys      []pattern
	channels  []pattern
}

// pattern is one of keys or channels.
type pattern struct {
	text        string
	glob        command.Glob
	read, write bool
}

// Errors of rules. Their texts are Redis's.
var (
	errRuleSyntax  = errors.New("Syntax error")
	errRuleCommand = errors.New("Unknown command or category name in ACL")
	errRuleAll     = errors.New("Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try 'resetkeys' to start with an empty list of patterns")
	errRuleHash    = errors.New("The provided password hash must be exactly 64 characters and contain only lowercase hexadecimal characters")
	errRuleNoPass  = errors.New("The password you are trying to remove from the user does not exist")
)

// newRules returns what a new user may do: nothing.
func newRules(t table) *rules {
	return &rules{commands: make([]uint64, (t.size()+63)/64), described: []string{"-@all"}}
}

func (r *rules) clone() *rules {
	next := *r
	next.passwords = slices.Clone(r.passwords)
	next.commands = slices.Clone(r.commands)
	next.described = slices.Clone(r.described)
	next.keys = slices.Clone(r.keys)
	next.channels = slices.Clone(r.channels)
	return &next
}

func (r *rules) allows(e *entry) bool { return r.commands[e.index/64]&(1<<(e.index%64)) != 0 }

func (r *rules) set(e *entry, allow bool) {
	if allow {
		r.commands[e.index/64] |= 1 << (e.index % 64)
	} else {
		r.commands[e.index/64] &^= 1 << (e.index % 64)
	}
}

// each calls f for every command and every subcommand.
func (t table) each(f func(*entry)) {
	for _, e := range t {
		f(e)
		for _, s := range e.subs {
			f(s)
		}
	}
}

// apply changes the rules by one modifier of ACL SETUSER.
func (r *rules) apply(t table, m string) error {
	switch strings.ToLower(m) {
	case "on":
		r.on = true
	case "off":
		r.on = false
	case "nopass":
		r.nopass, r.passwords = true, nil
	case "resetpass":
		r.nopass, r.passwords = false, nil
	case "allkeys":
		r.keys = []pattern{{text: "*", glob: command.NewGlob("*"), read: true, write: true}}
	case "resetkeys":
		r.keys = nil
	case "allchannels":
		r.channels = []pattern{{text: "*", glob: command.NewGlob("*")}}
	case "resetchannels":
		r.channels = nil
	case "allcommands", "+@all":
		t.each(func(e *entry) { r.set(e, true) })
		r.described = []string{"+@all"}
	case "nocommands", "-@all":
		clear(r.commands)
		r.described = []string{"-@all"}
	case "reset":
		*r = *newRules(t)
	case "sanitize-payload", "skip-sanitize-payload", "clearselectors":
	default:
		return r.applyOther(t, m)
	}
	return nil
}

func (r *rules) applyOther(t table, m string) error {
	if len(m) < 2 {
		return errRuleSyntax
	}
	switch m[0] {
	case '>', '<', '#', '!':
		return r.applyPassword(m[0], m[1:])
	case '~':
		return r.applyKey(m[1:], true, true)
	case '%':
		perm, glob, ok := strings.Cut(m[1:], "~")
		read, write := strings.ContainsAny(perm, "rR"), strings.ContainsAny(perm, "wW")
		if !ok || perm == "" || strings.Trim(perm, "rwRW") != "" {
			return errRuleSyntax
		}
		return r.applyKey(glob, read, write)
	case '&':
		if slices.ContainsFunc(r.channels, func(p pattern) bool { return p.text == "*" }) && m != "&*" {
			return errors.New(strings.ReplaceAll(strings.ReplaceAll(errRuleAll.Error(), "allkeys", "allchannels"), "resetkeys", "resetchannels"))
		}
		r.channels = addPattern(r.channels, pattern{text: m[1:], glob: command.NewGlob(m[1:])})
		return nil
	case '+', '-':
		return r.applyCommand(t, m[0] == '+', strings.ToLower(m[1:]))
	}
	return errRuleSyntax
}

func (r *rules) applyKey(glob string, read, write bool) error {
	p := pattern{text: glob, glob: command.NewGlob(glob), read: read, write: write}
	if slices.ContainsFunc(r.keys, func(p pattern) bool { return p.text == "*" && p.read && p.write }) && glob != "*" {
		return errRuleAll
	}
	r.keys = addPattern(r.keys, p)
	return nil
}

func addPattern(list []pattern, p pattern) []pattern {
	for i := range list {
		if list[i].text == p.text {
			list[i].read, list[i].write = list[i].read || p.read, list[i].write || p.write
			return list
		}
	}
	return append(list, p)
}

func (r *rules) applyPassword(how byte, text string) error {
	hash := text
	if how == '>' || how == '<' {
		hash = hashPassword(text)
	} else if len(text) != 64 || strings.Trim(text, "0123456789abcdef") != "" {
		return errRuleHash
	}
	i := slices.Index(r.passwords, hash)
	switch {
	case how == '>' || how == '#':
		if r.nopass = false; i < 0 {
			r.passwords = append(r.passwords, hash)
		}
	case i < 0:
		return errRuleNoPass
	default:
		r.passwords = slices.Delete(r.passwords, i, i+1)
	}
	return nil
}

func hashPassword(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// applyCommand allows or forbids a command, one of its subcommands, or all of a
// category.
func (r *rules) applyCommand(t table, allow bool, name string) error {
	sign := "-"
	if allow {
		sign = "+"
	}
	set := func(e *entry) { r.set(e, allow) }
	if category, ok := strings.CutPrefix(name, "@"); ok {
		cat := categoryOf(category)
		if cat == 0 {
			return errRuleCommand
		}
		t.each(func(e *entry) {
			if e.cats&cat != 0 {
				set(e)
			}
		})
		r.describe(sign, name)
		return nil
	}
	top, sub, isSub := strings.Cut(name, "|")
	e := t[strings.ToUpper(top)]
	if e == nil {
		return errRuleCommand
	}
	if isSub {
		s := e.subs[strings.ToUpper(sub)]
		if s == nil {
			return errRuleCommand
		}
		set(s)
	} else {
		set(e)
		for _, s := range e.subs {
			set(s)
		}
	}
	r.describe(sign, name)
	return nil
}

func (r *rules) describe(sign, name string) {
	r.described = slices.DeleteFunc(r.described, func(d string) bool { return d[1:] == name })
	r.described = append(r.described, sign+name)
}

// String returns the rules as ACL LIST shows them, without the user's name.
func (r *rules) String() string {
	words := []string{"off"}
	if r.on {
		words[0] = "on"
	}
	if r.nopass {
		words = append(words, "nopass")
	}
	for _, p := range r.passwords {
		words = append(words, "#"+p)
	}
	words = append(words, r.keyTexts()...)
	if len(r.channels) == 0 {
		words = append(words, "resetchannels")
	}
	words = append(words, r.channelTexts()...)
	return strings.Join(append(words, r.described...), " ")
}

func (r *rules) keyTexts() (out []string) {
	for _, p := range r.keys {
		switch {
		case p.read && p.write:
			out = append(out, "~"+p.text)
		case p.read:
			out = append(out, "%R~"+p.text)
		default:
			out = append(out, "%W~"+p.text)
		}
	}
	return out
}

func (r *rules) channelTexts() (out []string) {
	for _, p := range r.channels {
		out = append(out, "&"+p.text)
	}
	return out
}

// isAll reports whether nothing is forbidden, so that nothing has to be looked at.
func (r *rules) isAll() bool {
	return r.on && len(r.described) == 1 && r.described[0] == "+@all" &&
		len(r.keys) == 1 && r.keys[0].text == "*" && r.keys[0].read && r.keys[0].write &&
		len(r.channels) == 1 && r.channels[0].text == "*"
}

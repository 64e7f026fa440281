package redistest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// Generator draws commands from a seed: the same seed, the same commands.
type Generator struct {
	r     *rand.Rand
	drawn int64 // times drawn, so that no two are the same
}

// NewGenerator returns a generator of the commands that follow from a seed.
func NewGenerator(seed uint64) *Generator { return &Generator{r: rand.New(rand.NewPCG(seed, 2))} }

// Next returns a command.
func (g *Generator) Next() []string {
	t := templates[g.r.IntN(len(templates))]
	args := g.expand(t)
	if g.r.IntN(16) > 0 || strings.Contains(t, "$lx") || strings.Contains(t, "$lk") || strings.Contains(t+" ", "$p ") {
		return args
	}
	if strings.Contains(t, "$ttl") || strings.Contains(t, "$ms") {
		return g.spoil(args, junk[2:]) // What expires in a moment may do so between two replies.
	}
	return g.spoil(args, junk)
}

// expand fills a template in. What stands in parentheses comes once to three
// times.
func (g *Generator) expand(template string) (args []string) {
	words := strings.Fields(template)
	for i := 0; i < len(words); i++ {
		if words[i] != "(" {
			args = append(args, g.word(words[i]))
			continue
		}
		end := i + slices.Index(words[i:], ")")
		for range 1 + g.r.IntN(3) {
			for _, w := range words[i+1 : end] {
				args = append(args, g.word(w))
			}
		}
		i = end
	}
	return args
}

// spoil makes a command that is wrong in one place, or means something else.
func (g *Generator) spoil(args, junk []string) []string {
	at := 1 + g.r.IntN(max(len(args)-1, 1))
	switch g.r.IntN(4) {
	case 0:
		return args[:at]
	case 1:
		return append(args, g.pick(junk))
	case 2:
		return slices.Insert(args, min(at, len(args)), g.pick(junk))
	}
	if at < len(args) {
		args[at] = g.pick(junk)
	}
	return args
}

func (g *Generator) pick(list []string) string { return list[g.r.IntN(len(list))] }

// junk is what spoils a command. None of it makes a reply or a value large.
var junk = []string{"1", "2", "", "x", "NX", "XX", "GT", "CH", "INCR", "GET", "KEEPTTL", "WITHSCORES", "WITHVALUES", "LIMIT", "BYSCORE",
	"REV", "COUNT", "MIN", "REPLACE", "WEIGHTS", "AGGREGATE", "0", "-1", "(1", "[a", "1.5", "s1", "h1", "t1", "z1", "q1", "LEFT", "RANK", "MAXLEN", "BEFORE"}

// word fills in one word of a template.
func (g *Generator) word(w string) string {
	if !strings.HasPrefix(w, "$") {
		if g.r.IntN(8) == 0 && w == strings.ToUpper(w) {
			return strings.ToLower(w)
		}
		return w
	}
	if list, ok := lists[w]; ok {
		return g.pick(list)
	}
	switch w {
	case "$s", "$h", "$t", "$z", "$q":
		if g.r.IntN(20) == 0 {
			return g.pick(lists["$k"])
		}
		return w[1:] + strconv.Itoa(1+g.r.IntN(3))
	case "$visit":
		return strconv.Itoa(g.r.IntN(3000))
	case "$ttl", "$ms":
		// No two expiries are so close that it matters which came a moment later.
		g.drawn += 13
		ttl := 10_000 + g.drawn
		if w == "$ms" {
			ttl *= 1000
		}
		return g.orBad(strconv.FormatInt(ttl, 10), lists["$badttl"])
	case "$at":
		return g.orBad(strconv.Itoa(4_000_000_000+g.r.IntN(12)*10_000), lists["$badat"])
	case "$atms":
		return g.orBad(fmt.Sprint(4_000_000_000_000+g.r.Int64N(12)*10_000_000), lists["$badat"])
	case "$i":
		return g.orBad(strconv.Itoa(g.r.IntN(14)-5), lists["$badint"])
	case "$n":
		return g.orBad(strconv.Itoa(g.r.IntN(6)), lists["$badcount"])
	case "$nn":
		return g.orBad(strconv.Itoa(g.r.IntN(14)-5), lists["$badsample"])
	case "$sc":
		return g.orBad(g.pick(lists["$score"]), lists["$badfloat"])
	case "$bd":
		return g.orBad(g.pick([]string{"", "", "("})+g.pick(lists["$score"]), lists["$badbound"])
	case "$lx":
		return g.orBad(g.pick([]string{"[", "("})+g.pick(lists["$m"]), lists["$badlex"])
	case "$off":
		return g.orBad(strconv.Itoa(g.r.IntN(120)), lists["$badoffset"])
	}
	panic("redistest: no such word in a template: " + w)
}

// orBad returns a word, now and then a bad one.
func (g *Generator) orBad(word string, bad []string) string {
	if g.r.IntN(20) == 0 {
		return g.pick(bad)
	}
	return word
}

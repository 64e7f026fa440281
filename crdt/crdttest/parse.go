package crdttest

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/atollcache/atoll/crdt"
)

// Replay runs a history written as a script, one step a line, and checks it as
// [Check] does. Empty lines and lines that begin with '#' are skipped. "rN" is
// the N-th replica:
//
//	r1 set k v [at MS]         r1 hset k f v      a command; times are milliseconds
//	r1 expire k at MS          r1 zincr k m 2.5   since the history's beginning
//	r1 hset k f v + hset k g v two commands of one write
//	r1 rpush k a,b             r1 lpop k COUNT    lbefore and lafter k PIVOT ELEMENT,
//	r1 pfadd k a,b             of which - is none
//	r1 lset k PLACE a          r1 lrem k COUNT a  ltrim k COUNT, lrotate k
//	r1 hset k f v at MS        a field that expires
//	r1 hexpire k f at MS
//	r1 fills                   say that fills are made: what has seen it bars them
//	r1 miss k                  note that k does not exist at r1
//	r1 fill k v [at MS]        fill what was missing, unless it has been written since
//	r1 pull r2 OFFSET COUNT    take r2's delta OFFSET after the next that r1 lacks,
//	                           and up to COUNT-1 more as one where they merge
//	r1 catchup r2              take every delta that r2 has seen
//	r1 merge r2                join r2's whole state
//	r1 save                    keep r1's state, numbered from 0
//	r1 load 0                  join the state that was kept
//	r1 collect                 forget what is stable
//	r1 leave, r1 return        be cut off and not waited for, and meet the others again
//	r1 anew                    write under another ID from now on
//	r1 retire                  retire the IDs that nobody writes under any more
//	r1 store done              save to the tier; or late, lost, refused, failed, unheard
//	r1 evict k                 evict a key
//	r1 restore k r2            bring it back from another replica
//	r1 repair k r2             take what comparing with another brings
//	r1 release k               drop a clean entry from memory
//	r1 crash N                 begin again from the tier as of the save N before the last
//	r1 reopen                  save everything and begin again
//	r1 digest N                compare digests N seconds ahead
//	pass MS                    let time pass
//	r1 skew MS                 set r1's wall clock ahead
//	r1 want k string 5 until 9 say what a reader at r1 sees; "evicted" when it was
//	r1 want k hash f=v@9       of a field that expires
func Replay(script string, o Options) error {
	steps, err := parse(script)
	if err != nil {
		return err
	}
	return replay(o.withDefaults(), steps)
}

func parse(script string) (steps []step, err error) {
	for i, line := range strings.Split(script, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		p := parser{words: words}
		steps = append(steps, p.step())
		if p.err == nil && len(p.words) > 0 {
			p.err = fmt.Errorf("%q is too much", p.words[0])
		}
		if p.err != nil {
			return nil, fmt.Errorf("line %d, %q: %w", i+1, strings.TrimSpace(line), p.err)
		}
	}
	return steps, nil
}

// parser takes one line apart. The first error stays.
type parser struct {
	words []string
	err   error
}

func (p *parser) word() string {
	if len(p.words) == 0 {
		if p.err == nil {
			p.err = fmt.Errorf("a word is missing")
		}
		return ""
	}
	w := p.words[0]
	p.words = p.words[1:]
	return w
}

func (p *parser) int() int64 {
	w := p.word()
	n, err := strconv.ParseInt(w, 10, 64)
	if err != nil && p.err == nil {
		p.err = fmt.Errorf("%q is not a number", w)
	}
	return n
}

func (p *parser) amount() float64 {
	w := p.word()
	f, ok := crdt.ParseFloat(w)
	if !ok && p.err == nil {
		p.err = fmt.Errorf("%q is not an amount", w)
	}
	return f
}

func (p *parser) replica() int {
	w := p.word()
	n, err := strconv.Atoi(strings.TrimPrefix(w, "r"))
	if (err != nil || n < 1) && p.err == nil {
		p.err = fmt.Errorf("%q is not a replica", w)
	}
	return n - 1
}

// at reads an optional or required time.
func (p *parser) at(required bool) int64 {
	if !required && (len(p.words) == 0 || p.words[0] == "+") {
		return crdt.Never
	}
	if w := p.word(); w != "at" && p.err == nil {
		p.err = fmt.Errorf("%q is not \"at\"", w)
	}
	return epoch + p.int()
}

func (p *parser) step() (s step) {
	if p.words[0] == actionNames[passTime] {
		p.word()
		return step{action: passTime, millis: p.int()}
	}
	s.at = p.replica()
	name := p.word()
	s.action = doCommand
	for a, n := range actionNames {
		if n == name {
			s.action = a
		}
	}
	switch s.action {
	case doCommand:
		s.commands = []Command{p.command(name)}
		for len(p.words) > 0 && p.words[0] == "+" {
			p.word()
			s.commands = append(s.commands, p.command(p.word()))
		}
	case pullDelta:
		s.other, s.offset, s.count = p.replica(), int(p.int()), int(p.int())
	case catchUp, mergeState:
		s.other = p.replica()
	case storeChanges:
		s.count = p.outcome()
	case releaseKey, evictKey:
		s.key = p.word()
	case restoreKey, repairKey:
		s.key, s.other = p.word(), p.replica()
	case crash:
		s.other = int(min(max(p.int(), 0), math.MaxInt32))
	case sumUp:
		s.offset = int(p.int())
	case loadState:
		s.other = int(min(max(p.int(), 0), math.MaxInt32))
	case setSkew:
		s.millis = p.int()
	case expectValue:
		s.key = p.word()
		s.expect = strings.Join(p.words, " ")
		p.words = nil
	}
	return s
}

func (p *parser) command(name string) (c Command) {
	for v, n := range verbNames {
		if n == name && n != "" && v > 0 {
			c.Verb = Verb(v)
		}
	}
	if c.Verb == 0 && p.err == nil {
		p.err = fmt.Errorf("%q is neither a verb nor an action", name)
	}
	c.Key, c.At = p.word(), crdt.Never
	if c.Verb.hasField() {
		c.Field = p.word()
	}
	if c.Verb.counts() {
		c.Amount = float64(p.int())
	}
	switch {
	case c.Verb == Set || c.Verb == HSet || c.Verb == Fill || c.Verb.takesElements():
		c.Value = p.word()
	case c.Verb.isIncrement() || c.Verb == ZAdd:
		c.Amount = p.amount()
	}
	if c.Verb == Set || c.Verb == HSet || c.Verb == Fill || c.Verb == Expire || c.Verb == HExpire {
		c.At = p.at(c.Verb == Expire || c.Verb == HExpire)
	}
	return c
}

package crdttest

import (
	"math"
	"math/rand/v2"
	"strings"

	"github.com/atollcache/atoll/crdt"
)

// theme is the mix of verbs of one history. Most histories stay with one kind,
// so that its commands meet each other often.
type theme []Verb

var themes = []theme{
	{Set, Set, Incr, IncrFloat, Incr, Del, Expire, Persist, Invalidate},
	{Set, Expire, Persist, Expire, Set, Incr, Del},
	{Incr, Incr, Incr, Set, Del, Invalidate, Expire},
	{HSet, HSet, HDel, HIncr, HIncr, HIncrFloat, Del, Expire, Persist, Invalidate},
	{HIncr, HIncr, HDel, HSet, Expire, Del},
	{SAdd, SAdd, SRem, Del, Expire, Invalidate},
	{ZAdd, ZIncr, ZIncr, ZRem, Del, Expire, Persist, Invalidate},
	{Set, Incr, HSet, HIncr, HDel, SAdd, SRem, ZAdd, ZIncr, ZRem, Del, Del, Expire, Persist, Invalidate},
	{Set, HSet, SAdd, ZIncr, Incr, Del, Expire, HDel, SRem, ZRem},
}

// forgetful are further themes, of histories in which something is forgotten: of
// what waits for that, what one kind or expiry hides of another is the rarest.
var forgetful = []theme{
	{Set, HSet, HIncr, HDel, Expire},
	{Set, Incr, HSet, HIncr, HDel, Del, Expire, Persist},
	{HSet, HIncr, Expire, Expire, HDel},
	{Set, Set, Expire, Incr, Persist},
}

// listThemes are those of histories with lists.
var listThemes = []theme{
	{RPush, RPush, LPush, LPop, RPop, LBefore, LAfter, LSet, LRem, LTrim, LRotate, Del, Expire, Persist, Invalidate},
	{RPush, LPush, LBefore, LBefore, LAfter, LAfter, LPop, LSet},
	{RPush, RPush, LPop, LRotate, LPush, Expire, Invalidate},
	{LSet, LSet, LRem, RPush, LTrim, LAfter, Del},
	{RPush, LPop, LSet, LAfter, Set, HSet, SAdd, Del, Expire, Persist},
}

// hllThemes are those of histories with HyperLogLogs.
var hllThemes = []theme{
	{PFAdd, PFAdd, PFAdd, Del, Expire, Persist, Invalidate},
	{PFAdd, PFAdd, Set, SAdd, LPush, Del, Expire},
}

// visitors fall into two registers with different ranks, so that they meet.
var visitors = []string{"50148", "34616", "24007", "177121", "27607", "32351", "26710"}

// visits returns some visitors.
func (g *generator) visits() string {
	some := []string{}
	for range g.IntN(4) {
		some = append(some, visitors[g.IntN(len(visitors))])
	}
	if len(some) == 0 {
		return "-"
	}
	return strings.Join(some, ",")
}

// timed are the themes of histories in which fields expire.
var timed = []theme{
	{HSet, HSet, HExpire, HExpire, HPersist, HIncr, HIncr, HDel},
	{HSet, HExpire, HIncr, HIncr, HIncrFloat, HExpire, HDel, Del},
	{HSet, HExpire, HExpire, HIncr, HDel, Expire, Expire, Persist, Invalidate},
	{HSet, HSet, HExpire, HIncr, Set, SAdd, Expire, HPersist, Del},
	{HSet, HExpire, HExpire, HIncr, Expire},
}

var (
	keys   = []string{"k", "l"}
	fields = []string{"f", "g"}
	values = []string{"5", "-3", "10.5", "abc", "70", "0"}
)

// generator makes up the steps of a history.
type generator struct {
	*rand.Rand
	replicas int
	verbs    theme
	keys     []string
	wall     int64
	tick     int64 // time passes in multiples of it, so that moments meet
	lapse    int64 // what passes and expires is in multiples of it
	saves    int
	collect  bool
	retire   bool
	tier     bool
	fields   bool
	evicts   *rand.Rand // nil: nobody evicts
}

// generate returns the history of a seed: always the same one.
func generate(seed uint64, o Options) []step {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0x61746f6c6c)), replicas: o.Replicas, wall: epoch, collect: o.Collect, retire: o.Retire, tier: o.Tier != nil}
	if o.Evict {
		g.evicts = evictions(seed)
	}
	g.tick = 1 + 4*g.Int64N(3)
	g.lapse = g.tick
	if g.tier {
		g.lapse = lapses[g.IntN(len(lapses))]
	}
	g.verbs = themes[g.IntN(len(themes))]
	g.keys = keys[:1+g.IntN(len(keys))]
	if g.collect && g.IntN(2) == 0 {
		g.verbs, g.keys = forgetful[g.IntN(len(forgetful))], keys[:1]
	}
	switch o.About {
	case crdt.KindList:
		g.verbs, g.keys = listThemes[g.IntN(len(listThemes))], keys[:1]
	case crdt.KindHLL:
		g.verbs, g.keys = hllThemes[g.IntN(len(hllThemes))], keys[:1]
	}
	if g.fields = o.Fields; g.fields {
		g.verbs, g.keys = timed[g.IntN(len(timed))], keys[:1]
	}
	var steps []step
	if o.Fills {
		g.verbs = filling[g.IntN(len(filling))]
		steps = g.beginFills()
	}
	for r := range g.replicas {
		if g.IntN(2) == 0 {
			steps = append(steps, step{action: setSkew, at: r, millis: g.tick * (g.Int64N(5) - 2)})
		}
	}
	for len(steps) < o.Steps {
		steps = append(steps, g.step())
	}
	return steps
}

func (g *generator) step() step {
	s := step{}
	if g.evicts != nil && g.evict(&s) {
		return s
	}
	s = step{at: g.IntN(g.replicas), other: g.IntN(g.replicas)}
	if g.collect && g.forget(&s) || g.tier && g.store(&s) {
		return s
	}
	switch p := g.IntN(100); {
	case p < 45:
		s.action, s.commands = doCommand, g.commands()
	case p < 73:
		// Mostly the next one, sometimes an old one again or one too early.
		s.action, s.offset, s.count = pullDelta, max(g.IntN(6)-2, 0)-g.IntN(2), 1
		if g.IntN(3) == 0 {
			s.count = 2 + g.IntN(3)
		}
	case p < 80:
		s.action = catchUp
	case p < 86:
		s.action = mergeState
	case p < 90:
		s.action = saveState
		g.saves++
	case p < 95 && g.saves > 0:
		s.action, s.other = loadState, g.IntN(g.saves)
	default:
		s.action, s.millis = passTime, g.lapse*(1+g.Int64N(4))
		g.wall += s.millis
	}
	return s
}

// forget makes s, now and then, a step of a history in which something is
// forgotten: for that, time must pass and everybody must see the same.
func (g *generator) forget(s *step) bool {
	switch p := g.IntN(100); {
	case p < 14:
		s.action = collectStable
	case p < 20:
		s.action = catchUp
	case p < 24:
		s.action, s.millis = passTime, g.lapse*(1+g.Int64N(4))
		g.wall += s.millis
	case p < 26:
		s.action = leave
	case p < 29:
		s.action = comeBack
	case g.retire && p < 32:
		s.action = beginAnew
	case g.retire && p < 40:
		s.action = retireOver
	default:
		return false
	}
	return true
}

// commands returns those of one write: mostly one, sometimes a few of a verb that
// takes several fields.
func (g *generator) commands() []Command {
	first := g.command()
	all := []Command{first}
	if v := first.Verb; v.isCellRemoval() || v.isWrite() && v != Set && v != Fill {
		for g.IntN(4) == 0 {
			c := first
			g.fill(&c)
			c.At = first.At // One write has one time to live.
			all = append(all, c)
		}
	}
	return all
}

func (g *generator) command() Command {
	c := Command{Verb: g.verbs[g.IntN(len(g.verbs))], Key: g.keys[g.IntN(len(g.keys))], At: crdt.Never}
	g.fill(&c)
	return c
}

// fill chooses what comes after the key.
func (g *generator) fill(c *Command) {
	if c.Verb == PFAdd {
		c.Value = g.visits()
		return
	}
	if c.Verb.IsList() {
		*c = DrawList(g.Rand, c.Verb, c.Key)
		return
	}
	if c.Verb.hasField() {
		c.Field = fields[g.IntN(len(fields))]
	}
	switch c.Verb {
	case Set, HSet, Fill:
		c.Value = values[g.IntN(len(values))]
	case Incr, HIncr:
		c.Amount = float64(g.IntN(9) - 3)
	case IncrFloat, HIncrFloat, ZIncr:
		c.Amount = float64(g.IntN(33)-12) / 4
	case ZAdd:
		c.Amount = float64(g.IntN(20))
		if g.IntN(20) == 0 {
			c.Amount = math.Inf(1 - 2*g.IntN(2))
		}
	}
	if c.Verb == Expire || (c.Verb == Set || c.Verb == Fill) && g.IntN(3) == 0 {
		// Now and then at a time that has come.
		c.At = g.wall + g.lapse*g.Int64N(9) - g.Int64N(2)
	}
	if g.fields && (c.Verb == HExpire || c.Verb == HSet && g.IntN(3) == 0) {
		c.At = g.wall + g.lapse*g.Int64N(9) - g.Int64N(2)
	}
}

// ListVerbs are the commands on lists.
var ListVerbs = []Verb{LPush, RPush, LPop, RPop, LBefore, LAfter, LSet, LRem, LTrim, LRotate}

// DrawList draws the rest of a command on a list. Elements are few, so that pivots
// are found and equal ones are side by side.
func DrawList(r *rand.Rand, v Verb, key string) Command {
	c := Command{Verb: v, Key: key, At: crdt.Never}
	element := func() string { return string(rune('a' + r.IntN(4))) }
	switch c.Verb {
	case LPush, RPush:
		c.Value = element()
		for r.IntN(2) == 0 {
			c.Value += "," + element()
		}
	case LPop, RPop:
		c.Amount = float64(r.IntN(3))
	case LBefore, LAfter:
		c.Field, c.Value = element(), element()
	case LSet:
		c.Amount, c.Value = float64(r.IntN(7)-3), element()
	case LRem:
		c.Amount, c.Value = float64(r.IntN(5)-2), element()
	case LTrim:
		c.Amount = float64(r.IntN(13) - 5)
	}
	return c
}

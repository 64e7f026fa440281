package nodetest

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/atollcache/atoll/node/wire"
)

// fillStream is that from which is drawn what is filled: it is such that the seeds named
// in README.md are what they were before.
const fillStream = 0x66696c6c_0000004a

// around are the verbs that meet fills on the same keys.
var around = []string{"MISS", "MISS", "MISS", "MISS", "DEL", "DEL", "INVALIDATE", "SET", "INCRBY", "HSET", "PEXPIRE", "GET", "GET"}

// drawFills has clients of a fifth of the histories fill keys that are missing: they ask
// for a token, and most come back with a value some steps later.
func drawFills(p *plan, o Options) {
	r := rand.New(rand.NewPCG(p.seed, fillStream))
	if r.IntN(5) != 0 && !o.Fills || o.Lists || o.Memory {
		return
	}
	p.fills = true
	c := &p.cfg.Sync
	c.FillLead = pick(r, 60*ms, 300*ms, time.Second)
	c.FillFor = max(c.FillLead, pick(r, 500*ms, 2*time.Second, time.Minute))
	c.Misses = pick(r, 1, 1024, 1024, 1024)
	// What is noted of a sweep is in the log, which has room for both writes that one may make.
	c.LogBytes = max(c.LogBytes, 600)
	if d := p.disks; d != nil {
		// The bound of stamps must not end in step with the beats at which it is looked at.
		d.lead = max(d.lead, 2*d.every)
	}
	for i := range p.steps {
		// Who is so slow that the answers to what it asks lie with it untaken for longer than
		// it waits for them may run a request again, and with fills more is left out and comes
		// as a snapshot, which says nothing of requests.
		if s := &p.steps[i]; s.action == doSlow {
			s.lasts = min(s.lasts, p.waits.seen/4)
		}
	}
	m := &mix{}
	for _, s := range p.steps {
		if isOnAny(s) && !slices.Contains(m.keys, s.call.args[1]) {
			m.keys = append(m.keys, s.call.args[1])
		}
	}
	if len(m.keys) == 0 {
		return
	}
	steps := m.opening(p)
	var later []step // fills to come, by how many steps
	for _, s := range p.steps {
		if m.now += s.after; isOnAny(s) && r.IntN(6) > 0 {
			s.call.args = m.filled(r, pick(r, around...), s.call.args[1])
		}
		steps = append(steps, s)
		for len(later) > 0 && r.IntN(3) == 0 {
			steps, later = append(steps, later[0]), later[1:]
		}
		if s.action == doCommand && s.call.args[0] == "MISS" && r.IntN(5) > 0 {
			later = append(later, m.fill(r, p, s))
		}
	}
	p.steps = append(steps, later...)
}

// isOnAny reports whether a step is a command on a key that may be of any kind.
func isOnAny(s step) bool {
	return s.action == doCommand && len(s.call.args) > 1 && strings.HasPrefix(s.call.args[1], "k")
}

// opening returns the steps by which it becomes known that keys are filled.
func (m *mix) opening(p *plan) (out []step) {
	for _, x := range p.places {
		for _, key := range m.keys {
			s := step{call: clientStep{region: x.region, count: 1, args: []string{"MISS", key}}}
			if s.after = 2 * ms; len(out) == 0 {
				s.after = p.stagger*time.Duration(len(p.places)) + p.cfg.JoinWait + 500*ms
			}
			out = append(out, s)
		}
	}
	return append(out, step{action: doWait, after: time.Second})
}

// filled draws a command on a key that is filled now and then.
func (m *mix) filled(r *rand.Rand, verb, key string) []string {
	if verb == "SET" && r.IntN(4) == 0 {
		return []string{"SET", key, "5", "PX", strconv.Itoa(1 + r.IntN(300))}
	}
	return m.command(r, verb, key)
}

// fill draws how a client comes back with what it has loaded: mostly to the region that
// gave it the token.
func (m *mix) fill(r *rand.Rand, p *plan, miss step) step {
	s := miss
	s.after = time.Duration(r.Int64N(int64(20 * ms)))
	s.at, s.call.count = r.IntN(5), pick(r, 1, 1, 1, 2)
	s.call.token = pick(r, 0, 0, 0, 0, 1, 2)
	s.call.way = way(r.IntN(int(numWays)))
	of := miss.call.args[1]
	switch r.IntN(12) {
	case 0:
		s.call.region = p.places[r.IntN(len(p.places))].region
	case 1:
		of = pick(r, m.keys...)
	}
	m.next++
	s.call.args = []string{"FILL", miss.call.args[1], of, pick(r, "5", "f"+strconv.Itoa(m.next), "f"+strconv.Itoa(m.next))}
	if r.IntN(4) == 0 {
		s.call.args = append(s.call.args, pick(r, []string{"PX", strconv.Itoa(1 + r.IntN(400))}, []string{"EX", "1"})...)
	}
	return s
}

// bringToken puts the token that a client has of a key in the place of the key's name, and
// reports whether it has any.
func (c *call) bringToken() bool {
	had := c.w.loading[c.cmd.Args[2]]
	if len(had) == 0 {
		return false
	}
	c.cmd.Args[2] = had[max(0, len(had)-1-c.step.token)]
	return true
}

// missAgain is how often a client asks again when it has waited for who is loading a key.
const missAgain = 2

// missed takes the reply to MISS: the client keeps the token, or waits as it is told to.
func (c *call) missed(r wire.Reply) {
	w := c.w
	if r.Type != wire.TypeList || len(r.List) != 3 {
		if r.Type != wire.TypeError {
			w.broken("%v: reply %v", c.cmd.Args, r)
		}
		return
	}
	shows, token, wait := r.List[0].Type != wire.TypeNil, r.List[1].Text, time.Duration(r.List[2].Int)*ms
	if shows && token != "" || token != "" && wait != 0 || wait < 0 || wait > w.cfg.Sync.FillLead {
		w.broken("%v: reply %v", c.cmd.Args, r)
	}
	switch {
	case token != "":
		w.loading[c.cmd.Key()] = append(w.loading[c.cmd.Key()], token)
	case wait > 0 && c.step.asked < missAgain && !w.settling:
		s := step{at: c.nth, call: c.step}
		s.call.asked++
		s.call.count = 1
		w.after(wait+ms, func() { w.command(s) })
	}
}

// filled checks the reply to FILL: it says that the value was taken if it was.
func (c *call) filled(r wire.Reply) {
	w := c.w
	if r.Type == wire.TypeError {
		return
	}
	o := w.parts[w.cfg.Partitions.Of(c.cmd.Key())].byDot[r.Wrote]
	if r.Type != wire.TypeInt || (r.Int == 1) != (o != nil) || o != nil && !isFillOf(o, c.cmd.Args[2]) {
		w.broken("%v: reply %v of %v, which is %+v", c.cmd.Args, r, r.Wrote, o)
	}
}

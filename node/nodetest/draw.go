package nodetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// mix is what the commands of one history are drawn from.
type mix struct {
	verbs    []string
	keys     []string
	pinned   int // percent of commands on keys that nobody removes
	sessions int
	inside   int // percent of commands of a session
	big      int // percent of values that are long
	now      time.Duration
	next     int // numbers values and requests
}

// themes are verbs that meet on the same keys.
var themes = [][]string{
	{"INCRBY", "INCRBY", "INCRBY", "SET", "DEL", "GET"},
	{"SET", "SET", "DEL", "PEXPIRE", "PERSIST", "INCRBYFLOAT", "GET", "MSET", "MGET", "PTTL", "TYPE"},
	{"HSET", "HSET", "HDEL", "HINCRBY", "HINCRBYFLOAT", "DEL", "PEXPIRE", "PEXPIREAT", "HGETALL", "HGET", "HLEN", "HMGET", "HEXISTS"},
	{"HINCRBY", "HINCRBY", "HSET", "HDEL", "HGETALL"},
	{"SADD", "SADD", "SREM", "DEL", "SMEMBERS", "SISMEMBER", "SCARD"},
	{"ZADD", "ZINCRBY", "ZINCRBY", "ZREM", "DEL", "PEXPIRE", "ZRANGE", "ZSCORE", "ZCARD"},
	{"SET", "INCRBY", "INCRBYFLOAT", "HSET", "HINCRBY", "HDEL", "SADD", "SREM", "ZADD", "ZINCRBY", "ZREM", "DEL", "PEXPIRE", "PEXPIREAT",
		"PERSIST", "MSET", "MGET", "EXISTS", "GET", "HGETALL", "SMEMBERS", "ZRANGE", "PEXPIRETIME", "DEL"},
}

// pinned are keys that nobody removes and that do not expire, each of one kind,
// and the verbs on them.
var pinned = map[string][]string{
	"pin:string": {"SET", "GET", "GET", "INCRBYFLOAT"},
	"pin:count":  {"INCRBY", "GET", "GET"},
	"pin:hash":   {"HSET", "HGETALL", "HINCRBY"},
	"pin:set":    {"SADD", "SMEMBERS"},
	"pin:zset":   {"ZADD", "ZINCRBY", "ZRANGE"},
}

var pinnedKeys = []string{"pin:string", "pin:count", "pin:hash", "pin:set", "pin:zset"}

// maxSessions is how many sessions there are at most.
const maxSessions = 4

func drawSteps(r *rand.Rand, p *plan, n int) []step {
	weights := drawWeights(r, p)
	total := 0
	for _, w := range weights {
		total += w
	}
	m := &mix{
		verbs: themes[r.IntN(len(themes))], pinned: pick(r, 5, 20), sessions: 1 + r.IntN(maxSessions),
		inside: pick(r, 20, 60), big: pick(r, 0, 0, 10, 40),
	}
	for i := range pick(r, 2, 4, 8, 16) {
		m.keys = append(m.keys, "k"+strconv.Itoa(i))
	}
	pace := pick(r, 20*ms, 60*ms, 120*ms)
	steps := make([]step, 0, n)
	for range n {
		s := step{after: time.Duration(r.Int64N(int64(pace))), at: r.IntN(len(p.places)), other: r.IntN(len(p.places))}
		if len(steps) == 0 {
			s.after += pick(r, 0, time.Second)
		}
		x := r.IntN(total)
		for x >= weights[s.action] {
			x -= weights[s.action]
			s.action++
		}
		if s.action == doWait {
			s.after += pick(r, 300*ms, time.Second)
		}
		m.now += s.after
		drawDetails(r, p, m, &s)
		steps = append(steps, s)
	}
	return steps
}

// drawWeights returns how often each action is to happen in a history.
func drawWeights(r *rand.Rand, p *plan) [numActions]int {
	w := [numActions]int{doCommand: pick(r, 60, 120, 240), doWait: pick(r, 0, 4, 10), doAudit: 2,
		doStart: pick(r, 0, 2, 6), doLeave: pick(r, 0, 2, 4), doRestart: pick(r, 0, 2, 6)}
	if p.gentle {
		w[doStart], w[doLeave], w[doRestart] = pick(r, 2, 6), pick(r, 2, 6), pick(r, 0, 3, 8)
		return w
	}
	w[doCrash] = pick(r, 0, 0, 2, 5)
	w[doOutlive] = pick(r, 0, 0, 0, 2)
	w[doFreeze] = pick(r, 0, 0, 2, 5)
	w[doCut] = pick(r, 0, 0, 4, 8)
	w[doIsolate] = pick(r, 0, 0, 2, 4)
	w[doJump] = pick(r, 0, 0, 0, 3)
	w[doSlow] = pick(r, 0, 0, 3)
	w[doPause] = pick(r, 0, 0, 3)
	w[doDesert] = pick(r, 0, 0, 1)
	w[doSettle] = pick(r, 0, 1, 2)
	return w
}

// drawDetails fills in what the action of a step needs.
func drawDetails(r *rand.Rand, p *plan, m *mix, s *step) {
	// Shorter and longer than it takes to be suspected, forgotten, or left out.
	suspect, forget := p.cfg.Members.SuspectAfter, p.cfg.Members.ForgetAfter
	s.lasts = pick(r, suspect/2, suspect+100*ms, 2*suspect, 2*suspect, p.cfg.Sync.HorizonFor+200*ms, forget+500*ms)
	switch s.action {
	case doCommand:
		s.call = m.client(r, p.places[s.at].region)
		s.at = r.IntN(5)
	case doCrash:
		s.lasts = pick(r, 0, suspect/2, 2*suspect, time.Hour)
	case doRestart:
		s.lasts = pick(r, 0, 50*ms, 2*suspect)
	case doJump:
		s.by = pick[time.Duration](r, 2, 5, 20, -3, -20) * p.cfg.Sync.MaxSkew
	}
}

// client draws what a client does.
func (m *mix) client(r *rand.Rand, region string) clientStep {
	m.next++
	c := clientStep{region: region, way: way(r.IntN(int(numWays))), count: pick(r, 1, 1, 1, 1, 3)}
	if r.IntN(100) < m.inside {
		c.session = 1 + r.IntN(m.sessions)
	}
	if c.session > 0 && r.IntN(3) == 0 {
		key := fmt.Sprintf("own%d", c.session)
		c.args = pick(r, []string{"SET", key, "v" + strconv.Itoa(m.next)}, []string{"GET", key})
		c.count = 1
		return c
	}
	key, verbs := pick(r, m.keys...), m.verbs
	if r.IntN(100) < m.pinned {
		key = pick(r, pinnedKeys...)
		verbs = pinned[key]
	}
	c.args = m.command(r, pick(r, verbs...), key)
	c.request = uint64(m.next) << 8
	return c
}

// command draws the arguments of a verb on a key, and on others where it takes
// several.
func (m *mix) command(r *rand.Rand, verb, key string) []string {
	args := []string{verb, key}
	field := func() string { return pick(r, "f", "g", "h") }
	float := func() string { return strconv.FormatFloat(float64(r.IntN(33)-12)/4, 'f', -1, 64) }
	switch verb {
	case "SET":
		args = append(args, m.value(r, key))
		if !strings.HasPrefix(key, "pin:") {
			args = append(args, m.options(r)...)
		}
	case "MSET":
		args = append(args, m.value(r, key))
		for _, k := range m.others(r, key) {
			args = append(args, k, m.value(r, k))
		}
	case "DEL", "MGET", "EXISTS":
		args = append(args, m.others(r, key)...)
	case "INCRBY":
		args = append(args, strconv.Itoa(r.IntN(9)-3))
	case "INCRBYFLOAT":
		args = append(args, float())
	case "PEXPIRE":
		args = append(args, strconv.Itoa(r.IntN(600)-10))
	case "PEXPIREAT":
		args = append(args, strconv.FormatInt(epoch.Add(m.now).UnixMilli()+r.Int64N(1500)-100, 10))
	case "HSET":
		args = append(args, "f", m.value(r, key))
		for range r.IntN(3) {
			args = append(args, field(), m.value(r, key))
		}
	case "HINCRBY":
		args = append(args, field(), strconv.Itoa(r.IntN(9)-3))
	case "HINCRBYFLOAT":
		args = append(args, field(), float())
	case "HDEL", "HMGET", "SADD", "SREM":
		args = append(args, field())
		if r.IntN(3) == 0 {
			args = append(args, field())
		}
	case "HGET", "HEXISTS", "SISMEMBER", "ZSCORE":
		args = append(args, field())
	case "ZADD":
		args = append(args, strconv.Itoa(r.IntN(20)), field())
		if r.IntN(3) == 0 {
			args = append(args, float(), field())
		}
	case "ZINCRBY":
		args = append(args, float(), field())
	case "ZREM":
		args = append(args, field())
	case "ZRANGE":
		args = append(args, "0", "-1", "WITHSCORES")
	}
	return args
}

// value draws what is set: a number, or a text that nobody else sets.
func (m *mix) value(r *rand.Rand, key string) string {
	m.next++
	switch {
	case key == "pin:hash" || key == "pin:string":
		return strconv.Itoa(m.next)
	case r.IntN(100) < m.big:
		return strings.Repeat("x", 100+r.IntN(500))
	}
	return pick(r, "5", "-3", "10.5", "v"+strconv.Itoa(m.next))
}

// options draws those of SET.
func (m *mix) options(r *rand.Rand) []string {
	switch r.IntN(10) {
	case 0, 1:
		return []string{"PX", strconv.Itoa(1 + r.IntN(800))}
	case 2:
		return []string{"PXAT", strconv.FormatInt(epoch.Add(m.now).UnixMilli()+r.Int64N(2000)-100, 10)}
	case 3:
		return []string{"NX"}
	case 4:
		return []string{"XX", "PX", "300"}
	}
	return nil
}

// others returns up to two more keys, none of them twice.
func (m *mix) others(r *rand.Rand, key string) (out []string) {
	for range r.IntN(3) {
		if k := pick(r, m.keys...); k != key && !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	return out
}

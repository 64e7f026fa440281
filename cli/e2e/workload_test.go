package e2e

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Sizes of the workload.
const (
	clientsPerWay = 2                     // clients of each region by each way
	restBetween   = 40 * time.Millisecond // a client's mean rest between operations
	sharedKeys    = 3                     // counters, sets and hashes that all clients write
)

// workload is clients in every region that write and read at a bounded rate.
type workload struct {
	t       testing.TB
	w       *world
	seed    uint64
	history *history
	stopped chan struct{}
	running sync.WaitGroup
	acting  sync.RWMutex // read-locked by clients while they act
}

// startWorkload starts the clients.
func startWorkload(w *world, seed uint64) *workload {
	w.t.Helper()
	l := &workload{t: w.t, w: w, seed: seed, history: newHistory(), stopped: make(chan struct{})}
	n := uint64(0)
	for _, region := range w.topo.regions {
		for _, via := range []string{viaGo, viaPlain} {
			for i := range clientsPerWay {
				n++
				l.start(fmt.Sprintf("%s-%s-%d", region, via, i+1), region, via, n)
			}
		}
	}
	w.t.Cleanup(l.stop)
	return l
}

// stop stops the clients and returns when the last operation has ended.
func (l *workload) stop() {
	select {
	case <-l.stopped:
	default:
		close(l.stopped)
	}
	l.running.Wait()
}

// start starts one client, which calls its own region and, for reads in its
// session, any other.
func (l *workload) start(name, region, via string, n uint64) {
	l.t.Helper()
	c := &worker{of: l, name: name, region: region, via: via, rng: rand.New(rand.NewPCG(l.seed, n)), callers: map[string]caller{}, session: newSession()}
	for _, r := range l.w.topo.regions {
		called, err := dial(via, l.w.proxied(clientsOf(r), "client"), r, name+"-"+r)
		if err != nil {
			l.t.Fatalf("%s: %v", name, err)
		}
		c.callers[r] = called
	}
	l.running.Go(func() {
		defer c.close()
		for c.rest() {
			l.acting.RLock()
			c.act()
			l.acting.RUnlock()
		}
	})
}

// quiet runs f while no operation is under way.
func (l *workload) quiet(f func()) {
	l.acting.Lock()
	defer l.acting.Unlock()
	f()
}

// item is a member of a set or a field of a hash.
type item struct{ key, field string }

// worker is one client. It does one operation after the other.
type worker struct {
	of          *workload
	name        string
	region, via string
	rng         *rand.Rand
	callers     map[string]caller // by region

	session *session
	fresh   int    // names what this client has made up
	members []item // set members whose adding was acknowledged in this session
	fields  []item // the same of hash fields
	key     string // that this client alone sets
	value   int    // what it was set to, larger every time
	missed  int    // commands in a row that the session has made fail
}

func (c *worker) close() {
	for _, called := range c.callers {
		called.close()
	}
}

// rest waits a random time and reports whether to go on.
func (c *worker) rest() bool {
	t := time.NewTimer(time.Duration((0.5 + c.rng.Float64()) * float64(restBetween)))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.of.stopped:
		return false
	}
}

// act does one operation, or a write and the read that must see it.
func (c *worker) act() {
	shared := strconv.Itoa(c.rng.IntN(sharedKeys))
	switch p := c.rng.IntN(100); {
	case p < 25:
		c.do(c.region, newSession(), record{Verb: incr, Key: "counter:" + shared, N: 1 + c.rng.Int64N(3)})
	case p < 45:
		c.do(c.region, newSession(), record{Verb: once, Key: "once:" + shared, Field: c.name + ":" + c.next()})
	case p < 65:
		c.actOnSet("set:" + shared)
	case p < 80:
		c.actOnHash("hash:" + shared)
	default:
		c.actInSession()
	}
}

// next returns a name that this client has not used.
func (c *worker) next() string {
	c.fresh++
	return strconv.Itoa(c.fresh)
}

// do does an operation and records it.
func (c *worker) do(region string, s *session, r record) record {
	h := c.of.history
	r.Client, r.Via, r.Region, r.Start = c.name, c.via, region, h.now()
	read, err := c.callers[region].run(s, &r)
	r.End, r.Outcome = h.now(), outcomeOf(err)
	if err != nil {
		r.Err = err.Error()
	}
	if r.Verb == get {
		r.Value = read
	}
	h.add(r)
	return r
}

// actOnSet adds a member, or removes one that this session has added.
func (c *worker) actOnSet(key string) {
	if n := len(c.members); n > 0 && c.rng.IntN(3) == 0 {
		last := c.members[n-1]
		c.members = c.members[:n-1]
		c.keep(c.do(c.region, c.session, record{Verb: srem, Key: last.key, Field: last.field}))
		return
	}
	r := c.do(c.region, c.session, record{Verb: sadd, Key: key, Field: c.name + ":" + c.next()})
	if c.keep(r) {
		c.members = append(c.members, item{r.Key, r.Field})
	}
}

// actOnHash is the same for a hash.
func (c *worker) actOnHash(key string) {
	if n := len(c.fields); n > 0 && c.rng.IntN(3) == 0 {
		last := c.fields[n-1]
		c.fields = c.fields[:n-1]
		c.keep(c.do(c.region, c.session, record{Verb: hdel, Key: last.key, Field: last.field}))
		return
	}
	name := c.next()
	r := c.do(c.region, c.session, record{Verb: hset, Key: key, Field: c.name + ":" + name, Value: "value " + name})
	if c.keep(r) {
		c.fields = append(c.fields, item{r.Key, r.Field})
	}
}

// actInSession sets a key to a larger value and reads it in some region.
func (c *worker) actInSession() {
	if c.key == "" {
		c.key, c.value = "session:"+c.name+":"+c.next(), 0
	}
	c.value++
	wrote := c.do(c.region, c.session, record{Verb: set, Key: c.key, Value: strconv.Itoa(c.value)})
	if !c.keep(wrote) {
		// It may still happen, at any time: nothing more can be said of the key.
		c.key = ""
		return
	}
	regions := c.of.w.topo.regions
	read := record{Verb: get, Key: c.key, Want: wrote.Value}
	c.do(regions[c.rng.IntN(len(regions))], c.session, read)
}

// patience is how many writes in a row a session may fail.
const patience = 3

// keep reports whether an operation in the session was acknowledged. When the
// session goes on failing it begins a new one: what it waits for may have been
// lost with the node that acknowledged it.
func (c *worker) keep(r record) bool {
	if r.Outcome == acked {
		c.missed = 0
		return true
	}
	if c.missed++; c.missed >= patience {
		c.session, c.members, c.fields, c.key, c.missed = newSession(), nil, nil, "", 0
	}
	return false
}

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// outcome is what a client knows of an operation.
type outcome string

const (
	acked   outcome = "acked"   // answered: it has happened
	unknown outcome = "unknown" // an error that says that it may or may not have happened
	refused outcome = "refused" // an error that says that it has not happened
	broken  outcome = "broken"  // an error that no document knows
)

// verb is what an operation does.
type verb string

const (
	incr verb = "incr" // adds N to a key
	once verb = "once" // adds 1 to a field of a hash that nothing else adds to
	sadd verb = "sadd" // adds Field, which nothing else adds, to a set
	srem verb = "srem" // removes Field, whose adding the session has seen acknowledged
	hset verb = "hset" // sets Field, which nothing else sets, to Value
	hdel verb = "hdel" // removes Field, whose setting the session has seen acknowledged
	set  verb = "set"  // sets a key to Value; one session writes a key, larger values later
	get  verb = "get"  // reads a key, in the session that has written it
)

// record is one operation of one client.
type record struct {
	Client string // who asked
	Via    string // "go" or "plain": the Go client, or a NATS client alone
	Region string // which region was asked
	Verb   verb
	Key    string
	Field  string `json:",omitempty"`
	Value  string `json:",omitempty"` // written, or of a get the one read
	Want   string `json:",omitempty"` // of a get: what the session had written last
	N      int64  `json:",omitempty"`
	body   string // what is written where Value is its digest

	// Start and End are times since the beginning of the history.
	Start, End time.Duration

	Outcome outcome
	Err     string `json:",omitempty"`
}

// history is what all clients did and were told. It is safe for concurrent use.
type history struct {
	began time.Time

	mu      sync.Mutex
	records []record
	acked   map[place]int // operations by region and via, reads of other regions excluded
	doubts  []doubt
}

// place is a region and a way to reach it.
type place struct{ region, via string }

// doubt is a time in which something was done that lets a region's operations end
// in a way that the documents allow.
type doubt struct {
	region   string
	allowed  allowance
	from, to time.Duration
}

// allowance is what the documents allow.
type allowance uint8

const (
	// mayBeLost: a node was killed, and what it had acknowledged and not sent yet is
	// gone (README, "a node crashes").
	mayBeLost allowance = iota
	// mayBeRepeated: a node was cut off from its clients, and what it had run and not
	// answered may have been run by another one as well (command.API).
	mayBeRepeated
)

// sendTime is how long before a crash an acknowledged write may not have been sent
// yet. On an idle machine it is less than a millisecond.
const sendTime = 100 * time.Millisecond

func newHistory() *history { return &history{began: time.Now(), acked: map[place]int{}} }

// now returns the time since the beginning.
func (h *history) now() time.Duration { return time.Since(h.began) }

func (h *history) add(r record) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.records = append(h.records, r)
	if r.Outcome == acked {
		h.acked[place{r.Region, r.Via}]++
	}
}

// doubting runs f, which does something to a region's nodes, and notes what that
// allows of operations that were under way or had just ended.
func (h *history) doubting(region string, allowed allowance, f func()) {
	from := h.now()
	f()
	if allowed == mayBeLost {
		from -= sendTime
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.doubts = append(h.doubts, doubt{region, allowed, from, h.now()})
}

// allows reports whether the documents allow it of a record.
func (h *history) allows(a allowance, r record) bool {
	return slices.ContainsFunc(h.doubts, func(d doubt) bool {
		return d.allowed == a && d.region == r.Region && r.End >= d.from && r.Start <= d.to
	})
}

// done returns how many operations have been acknowledged, by region and way.
func (h *history) done() map[place]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	done := make(map[place]int, len(h.acked))
	for p, n := range h.acked {
		done[p] = n
	}
	return done
}

// thin says what has not been acknowledged even once, by each way: a check that has
// nothing to look at proves nothing.
func (h *history) thin() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	type kind struct {
		via  string
		verb verb
		away bool // asked in another region than the client's
	}
	missing := map[kind]bool{}
	for _, via := range []string{viaGo, viaPlain} {
		for _, v := range []verb{incr, once, sadd, srem, hset, hdel, set, get} {
			missing[kind{via, v, false}] = true
		}
		missing[kind{via, get, true}] = true
	}
	for _, r := range h.records {
		if r.Outcome == acked {
			delete(missing, kind{r.Via, r.Verb, !strings.HasPrefix(r.Client, r.Region+"-")})
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("not yet: %v", missing)
	}
	return nil
}

// summary says how many operations there were and what became of them.
func (h *history) summary() string {
	counts := map[string]int{}
	for _, r := range h.records {
		counts[fmt.Sprintf("%s %s %s", r.Via, r.Verb, r.Outcome)]++
	}
	var lines []string
	for name, n := range counts {
		lines = append(lines, fmt.Sprintf("%s %d", name, n))
	}
	slices.Sort(lines)
	return fmt.Sprintf("%d operations: %s", len(h.records), strings.Join(lines, ", "))
}

// slowest says for each region and way how long an acknowledged write took at most.
func (h *history) slowest() string {
	longest := map[place]record{}
	for _, r := range h.records {
		p := place{r.Region, r.Via}
		if was := longest[p]; r.Outcome == acked && r.Verb != get && r.End-r.Start > was.End-was.Start {
			longest[p] = r
		}
	}
	var lines []string
	for p, r := range longest {
		lines = append(lines, fmt.Sprintf("%s by %s %.2f s after %.1f s", p.region, p.via, (r.End-r.Start).Seconds(), r.Start.Seconds()))
	}
	slices.Sort(lines)
	return "slowest acknowledged writes: " + strings.Join(lines, ", ")
}

// write keeps the history in a file, a line of JSON for each record.
func (h *history) write(path string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriter(file)
	lines := json.NewEncoder(buffered)
	for _, r := range h.records {
		if err := lines.Encode(r); err != nil {
			_ = file.Close()
			return err
		}
	}
	if err := buffered.Flush(); err != nil {
		_ = file.Close()
		return err
	}
	return file.Close()
}

package resp

import (
	"context"
	"math/bits"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/atollcache/atoll/node/wire"
)

// stats counts what the server does.
type stats struct {
	connections, rejected, idled, cut, protocolErrors atomic.Int64
	commands, errors, denied                          atomic.Int64
	hits, misses                                      atomic.Int64 // of keys that were read
	published                                         atomic.Int64
	perSecond                                         atomic.Int64 // commands in the last second or so
	byEntry                                           []commandStats

	mu struct {
		sync.Mutex
		byError map[string]int64
	}
}

// commandStats counts one command's runs.
type commandStats struct {
	calls, micros, rejected, failed atomic.Int64
	took                            [32]atomic.Int64 // runs by the bits of their microseconds
}

// maxErrors bounds the kinds of errors that are counted each.
const maxErrors = 128

// ran counts so many runs of a command, each of which took so long.
func (s *stats) ran(e *entry, runs int64, took time.Duration) {
	s.commands.Add(runs)
	c := &s.byEntry[e.index]
	c.calls.Add(runs)
	micros := max(took.Microseconds(), 0)
	c.micros.Add(runs * micros)
	c.took[min(bits.Len64(uint64(micros)), len(c.took)-1)].Add(runs)
}

// ranAll counts the runs of a batch, those of one command one behind the other together:
// what all connections count in is dear.
func (s *stats) ranAll(entries []*entry, took time.Duration) {
	for from, i := 0, 1; i <= len(entries); i++ {
		if i == len(entries) || entries[i] != entries[from] {
			s.ran(entries[from], int64(i-from), took)
			from = i
		}
	}
}

// failed counts a run that gave an error.
func (s *stats) failed(e *entry, text string) {
	s.byEntry[e.index].failed.Add(1)
	s.erred(text)
}

// looks are what the commands of a batch that read have found.
type looks struct{ hits, misses int64 }

// found counts what a command has found, if it reads.
func (l *looks) found(e *entry, r *wire.Reply) {
	switch {
	case e.is&(writes|alone) != 0 || r.Type == wire.TypeError:
	case e.verb == "MGET":
		for i := range r.List {
			l.look(&r.List[i])
		}
	default:
		l.look(r)
	}
}

// look counts what one key was found to hold.
func (l *looks) look(r *wire.Reply) {
	if r.Type == wire.TypeNil {
		l.misses++
	} else {
		l.hits++
	}
}

// found counts what a batch has found.
func (s *stats) found(l looks) {
	if l.hits > 0 {
		s.hits.Add(l.hits)
	}
	if l.misses > 0 {
		s.misses.Add(l.misses)
	}
}

// refused counts a command that was not run; e is nil for one that there is not.
func (s *stats) refused(e *entry, text string) {
	if e != nil {
		s.byEntry[e.index].rejected.Add(1)
	}
	s.erred(text)
}

// erred counts an error by its code.
func (s *stats) erred(text string) {
	s.errors.Add(1)
	code, _, _ := strings.Cut(text, " ")
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.byError == nil {
		s.mu.byError = map[string]int64{}
	}
	if _, ok := s.mu.byError[code]; ok || len(s.mu.byError) < maxErrors {
		s.mu.byError[code]++
	}
}

// reset begins to count anew.
func (s *stats) reset() {
	for _, n := range []*atomic.Int64{&s.connections, &s.rejected, &s.idled, &s.cut, &s.commands, &s.errors, &s.published, &s.hits, &s.misses} {
		n.Store(0)
	}
	for i := range s.byEntry {
		c := &s.byEntry[i]
		for _, n := range []*atomic.Int64{&c.calls, &c.micros, &c.rejected, &c.failed} {
			n.Store(0)
		}
		for j := range c.took {
			c.took[j].Store(0)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.byError = nil
}

// sample returns what keeps perSecond until ctx ends.
func (s *stats) sample(ctx context.Context) func() {
	return func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		last, at := s.commands.Load(), time.Now()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-tick.C:
				n := s.commands.Load()
				if took := now.Sub(at).Seconds(); took > 0 {
					s.perSecond.Store(int64(float64(max(n-last, 0)) / took))
				}
				last, at = n, now
			}
		}
	}
}

// quantile returns a bound in microseconds that a share of the runs kept.
func (c *commandStats) quantile(q float64) int64 {
	total := int64(0)
	for i := range c.took {
		total += c.took[i].Load()
	}
	seen := int64(0)
	for i := range c.took {
		if seen += c.took[i].Load(); seen > 0 && float64(seen) >= q*float64(total) {
			return 1 << i
		}
	}
	return 0
}

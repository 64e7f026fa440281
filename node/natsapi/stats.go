package natsapi

import (
	"sync/atomic"

	"github.com/nats-io/nats.go/micro"

	"github.com/atollcache/atoll/sync/bulk"
)

// Stats is what a server has counted since it was made, and what it does now.
type Stats struct {
	Requests  uint64 // messages on the command subjects
	Commands  uint64 // commands run, those of the kv API included
	Malformed uint64 // messages on the command subjects that could not be read

	KV        uint64 // requests of the kv API
	KVErrors  uint64 // of those, answered with an error, refused ones included
	KVRefused uint64 // of those, refused because too many ran, or at the end
	KVFailed  uint64 // replies that NATS did not take

	Running      int // kv requests that run, now
	RunningBytes int // their bodies, now
	Do, Alt      int // partitions served as owner and as next replica, now

	Bulk bulk.Stats // of the server behind the command subjects
}

// counters are the live counterparts of Stats.
type counters struct {
	requests, commands, malformed     atomic.Uint64
	kv, kvErrors, kvRefused, kvFailed atomic.Uint64
}

// VerbStats is what the service's statistics hold for each endpoint of the kv
// API under "data", because requests are answered after NATS micro has seen
// their handler return: its own times mean nothing here.
type VerbStats struct {
	Requests  uint64 `json:"requests"`
	Errors    uint64 `json:"errors"`
	LastError string `json:"last_error,omitempty"`
	// MeanMicros is the mean time from arrival to reply, in microseconds.
	MeanMicros uint64 `json:"mean_us"`
}

// verbCounters are the live counterparts of VerbStats.
type verbCounters struct {
	requests, errors, nanos atomic.Uint64
	last                    atomic.Value // string
}

func (c *verbCounters) stats() VerbStats {
	s := VerbStats{Requests: c.requests.Load(), Errors: c.errors.Load()}
	s.LastError, _ = c.last.Load().(string)
	if s.Requests > 0 {
		s.MeanMicros = c.nanos.Load() / s.Requests / 1000
	}
	return s
}

// verbStats is the service's micro.StatsHandler.
func (k *kvServer) verbStats(e *micro.Endpoint) any {
	if c := k.counts[e.Name]; c != nil {
		return c.stats()
	}
	return nil
}

// Stats returns the counters at this moment. It does not block.
func (s *Server) Stats() Stats {
	c := &s.count
	out := Stats{
		Requests: c.requests.Load(), Commands: c.commands.Load(), Malformed: c.malformed.Load(),
		KV: c.kv.Load(), KVErrors: c.kvErrors.Load(), KVRefused: c.kvRefused.Load(), KVFailed: c.kvFailed.Load(),
	}
	out.Running, out.RunningBytes = s.kv.load()
	s.mu.Lock()
	defer s.mu.Unlock()
	out.Do, out.Alt = len(s.mu.doSubs), len(s.mu.altSubs)
	if s.mu.bulk != nil {
		out.Bulk = s.mu.bulk.Stats()
	}
	return out
}

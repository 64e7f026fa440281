package resp

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/atollcache/atoll/node/wire"
)

// sortedKeys returns the keys of a map in order.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

func (set *settings) value(name string) string {
	set.mu.Lock()
	defer set.mu.Unlock()
	return set.mu.values[name]
}

func infoCPU(_ *Server, w *infoWriter) {
	user, system := cpuTimes()
	w.put("used_cpu_sys", fmt.Sprintf("%.6f", system.Seconds()))
	w.put("used_cpu_user", fmt.Sprintf("%.6f", user.Seconds()))
}

// called returns the commands that have been called, by name.
func (s *Server) called() []*entry {
	var out []*entry
	s.table.each(func(e *entry) {
		c := &s.stats.byEntry[e.index]
		if c.calls.Load()+c.rejected.Load() > 0 {
			out = append(out, e)
		}
	})
	slices.SortFunc(out, func(a, b *entry) int { return strings.Compare(a.name, b.name) })
	return out
}

func infoCommands(s *Server, w *infoWriter) {
	for _, e := range s.called() {
		c := &s.stats.byEntry[e.index]
		calls, micros := c.calls.Load(), c.micros.Load()
		w.put("cmdstat_"+e.name, fmt.Sprintf("calls=%d,usec=%d,usec_per_call=%.2f,rejected_calls=%d,failed_calls=%d",
			calls, micros, float64(micros)/float64(max(calls, 1)), c.rejected.Load(), c.failed.Load()))
	}
}

func infoLatency(s *Server, w *infoWriter) {
	for _, e := range s.called() {
		c := &s.stats.byEntry[e.index]
		if c.calls.Load() > 0 {
			w.put("latency_percentiles_usec_"+e.name, fmt.Sprintf("p50=%d,p99=%d,p99.9=%d", c.quantile(0.5), c.quantile(0.99), c.quantile(0.999)))
		}
	}
}

// infoGeo says how the regions do, which Redis has nothing of.
func infoGeo(s *Server, w *infoWriter) {
	node := s.node.Node()
	w.put("region", node.Region)
	w.put("node", node.Name)
	w.put("ready", node.Ready)
	w.put("reason", node.Reason)
	w.put("keys_held", node.Keys)
	w.put("bytes_held", node.Bytes)
	if node.Clock != nil {
		w.put("clock", node.Clock.Standing)
		w.put("clock_offset", node.Clock.Offset)
	}
	for _, r := range s.regions() {
		heard := int64(-1)
		if r.Heard != nil {
			heard = time.Since(*r.Heard).Milliseconds()
		}
		w.put("region_"+r.Region, fmt.Sprintf("nodes=%d,silent=%d,heard_ms_ago=%d,behind=%d,lags=%d,paused_in=%t,paused_out=%t,held_bytes=%d",
			r.Nodes, r.Silent, heard, r.Behind, r.Lags, r.PausedIn, r.PausedOut, r.HeldBytes))
	}
	for _, name := range sortedKeys(node.Counters) {
		w.put(name, node.Counters[name])
	}
}

// regions asks the node how the regions do; it answers from what it knows.
func (s *Server) regions() (out []wire.RegionInfo) {
	ctx, cancel := context.WithTimeout(s.work, s.cfg.CommandTimeout)
	defer cancel()
	reply := s.node.Do(ctx, wire.Command{Args: []string{"REGIONS"}})[0]
	if json.Unmarshal([]byte(reply.Text), &out) != nil {
		return nil
	}
	return out
}

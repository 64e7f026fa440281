package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/atollcache/atoll/node/wire"
)

// TestNodeTable: what is not as it should be is said in words.
func TestNodeTable(t *testing.T) {
	now := time.Now()
	var b bytes.Buffer
	term := &terminal{out: &b}
	term.nodeTable([]wire.NodeInfo{
		{Name: "well", Heard: now, Ready: true, Skew: "0s", SkewWithin: "0s", Clock: &wire.ClockInfo{Standing: "in line", Peers: 2}},
		{Name: "wrong", Heard: now, Reason: "it refuses writes", Skew: "1h0m0s", SkewWithin: "3ms",
			Clock: &wire.ClockInfo{Standing: "out of line", Offset: "1h0m0s", Peers: 2}},
		{Name: "back", Heard: now, Skew: "-20ms", SkewWithin: "1ms", Clock: &wire.ClockInfo{Standing: "undecided", Peers: 1}},
		{Name: "set", Heard: now, Skew: "9ms", Clock: &wire.ClockInfo{Standing: "out of line", Offset: "0s"}},
		{Name: "mute", Heard: now, Unanswered: true, Reason: "it does not answer"},
	}, now)
	lines := strings.Split(b.String(), "\n")
	for i, want := range [][]string{
		{"CLOCK", "SKEW", "READY"},
		{"well", "in line", " 0s ±0s ", " yes"},
		{"wrong", "OUT OF LINE +1h0m0s", " +1h0m0s ±3ms ", " no: it refuses writes"},
		{"back", "undecided", " -20ms ±1ms "},
		{"set", "OUT OF LINE ", " +9ms "},
		{"mute", " ? ", " no: it does not answer"},
	} {
		for _, w := range want {
			if !strings.Contains(lines[i], w) {
				t.Errorf("line %d: want %q in %q", i, w, lines[i])
			}
		}
	}
}

// TestNodeTableMemory: how full nodes are is shown where one has a limit, and nowhere else.
func TestNodeTableMemory(t *testing.T) {
	now := time.Now()
	memory := func(limit, room, used int64) map[string]int64 {
		return map[string]int64{"max_memory": limit, "memory_room": room, "memory_used": used}
	}
	nodes := []wire.NodeInfo{
		{Name: "half", Heard: now, Ready: true, Counters: memory(2<<30, 1000, 512)},
		{Name: "over", Heard: now, Ready: true, Counters: memory(100<<20, 1000, 1200)},
		{Name: "free", Heard: now, Ready: true, Counters: memory(0, 0, 1200)},
		{Name: "mute", Heard: now, Unanswered: true},
	}
	table := func(nodes []wire.NodeInfo) []string {
		var b bytes.Buffer
		(&terminal{out: &b}).nodeTable(nodes, now)
		return strings.Split(b.String(), "\n")
	}
	lines := table(nodes)
	for i, want := range []string{" MEMORY ", " 51% of 2.0 GiB ", " 120% of 100.0 MiB ", " no limit ", " ? "} {
		if column := lines[i][strings.Index(lines[0], "SIZE")+4 : strings.Index(lines[0], "READY")]; !strings.Contains(column+" ", want) {
			t.Errorf("line %d: want %q in %q", i, want, lines[i])
		}
	}
	if lines := table(nodes[2:]); strings.Contains(lines[0], "MEMORY") {
		t.Errorf("nobody has a limit: want no column, have %q", lines[0])
	}
}

// TestRegionTable shows what waits for a region, and of how much it is left out.
func TestRegionTable(t *testing.T) {
	now := time.Now()
	since := now.Add(-2 * time.Hour)
	var b bytes.Buffer
	term := &terminal{out: &b}
	term.regionTable([]wire.RegionInfo{
		{Region: "eu", Silent: 2, HeldSince: &since, HeldKeys: 12, HeldBytes: 3 << 20, LeftOut: 7},
		{Region: "us", Here: true, Nodes: 2},
	}, now)
	lines := strings.Split(b.String(), "\n")
	for i, want := range []string{
		"REGION NODES SILENT HEARD MISSING HERE MISSING THERE WAITS FOR IT KEPT KEYS SIZE LEFT OUT FROM IT TO IT",
		"eu 0 2 0 0 2h0m0s ago 12 3.0 MiB 7 open open",
		"us * 2 0 0 0 – – – 0 – –",
	} {
		if have := strings.Join(strings.Fields(lines[i]), " "); have != want {
			t.Errorf("line %d:\nwant %s\nhave %s", i, want, have)
		}
	}
}

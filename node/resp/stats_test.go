package resp_test

import (
	"strings"
	"testing"

	"github.com/atollcache/atoll/node/resp"
)

// TestPipelineIsCounted: what is counted once for a pipeline is counted exactly, and is
// there for an INFO behind it, or within the same transaction.
func TestPipelineIsCounted(t *testing.T) {
	c := open(t, resp.Config{}).dial()
	get, miss, set, bad := encode("GET", "k"), encode("GET", "nope"), encode("SET", "k", "1"), encode("INCR", "k", "x")
	c.send(set + strings.Repeat(get, 20) + miss + set + get + bad + encode("INFO", "everything"))
	var all string
	for range 20 + 6 {
		all = c.read()
	}
	for _, line := range []string{
		"cmdstat_get:calls=22,", "cmdstat_set:calls=2,", "keyspace_hits:21", "keyspace_misses:1",
		"total_commands_processed:24",
	} {
		if !strings.Contains(all, line) {
			t.Errorf("after a pipeline: no %s in %s", line, all)
		}
	}
	c.send(encode("MULTI") + get + encode("INFO", "everything") + get + encode("EXEC"))
	for range 5 {
		all = c.read()
	}
	if !strings.Contains(all, "cmdstat_get:calls=23,") || !strings.Contains(all, "keyspace_hits:22") {
		t.Errorf("within a transaction: want 23 GETs and 22 hits, have %s", all)
	}
}

package resp_test

import (
	"strings"
	"testing"

	"github.com/atollcache/atoll/node/resp"
)

func TestClusterMode(t *testing.T) {
	c := open(t, resp.Config{ClusterMode: true}).dial()
	slots := c.do("CLUSTER SLOTS")
	if !strings.HasPrefix(slots, `[[0 8191 ["127.0.0.1" 7001 "`) || !strings.Contains(slots, ` [8192 16383 ["127.0.0.1" 7002 "`) ||
		strings.Count(slots, `"127.0.0.1" 7001`) != 2 {
		t.Errorf("CLUSTER SLOTS: have %s", slots)
	}
	id := strings.Trim(c.do("CLUSTER MYID"), `"`)
	if len(id) != 40 || !strings.Contains(slots, `7001 "`+id+`"`) {
		t.Errorf("CLUSTER MYID: have %s", id)
	}
	nodes := c.do("CLUSTER NODES")
	if !strings.Contains(nodes, id+" 127.0.0.1:7001@17001,eu-1 myself,master - 0 ") || !strings.Contains(nodes, " connected 8192-16383\\n") {
		t.Errorf("CLUSTER NODES: have %s", nodes)
	}
	if have := c.do("CLUSTER SHARDS"); !strings.HasPrefix(have, `[["slots" [0 8191] "nodes" [["id" "`+id+`" "ip" "127.0.0.1"`) {
		t.Errorf("CLUSTER SHARDS: have %s", have)
	}
	if have := c.do("CLUSTER INFO"); !strings.Contains(have, `cluster_state:ok\r\ncluster_slots_assigned:16384`) {
		t.Errorf("CLUSTER INFO: have %s", have)
	}
	if have := c.do("INFO cluster"); !strings.Contains(have, "cluster_enabled:1") {
		t.Errorf("INFO cluster: have %s", have)
	}
	c.want(
		"CLUSTER KEYSLOT foo", "12182",
		"CLUSTER COUNTKEYSINSLOT 5", "2",
		"CLUSTER GETKEYSINSLOT 5 1", `["a"]`,
		"CLUSTER COUNTKEYSINSLOT 99999", "(ERR Invalid slot)",
		"READONLY", "OK",
		"ASKING", "OK",
		"MSET a 1 b 2", "OK", // any node answers for any key
	)
}

func TestCommand(t *testing.T) {
	c := open(t, resp.Config{}).dial()
	c.want(
		"COMMAND INFO get nope", `[["get" 2 [readonly fast] 1 1 1 [@read @string @fast] [] [["flags" [RO ACCESS] "begin_search" ["type" "index" "spec" ["index" 1]] "find_keys" ["type" "range" "spec" ["lastkey" 0 "keystep" 1 "limit" 0]]]] []] nil]`,
		"COMMAND GETKEYS MSET a 1 b 2", `["a" "b"]`,
		"COMMAND GETKEYS PING", "(ERR The command has no key arguments)",
		"COMMAND GETKEYS NOPE a", "(ERR Invalid command specified)",
		"COMMAND LIST FILTERBY PATTERN mset*", `["mset" "msetnx"]`,
	)
	if have := c.do("COMMAND"); !strings.Contains(have, `["client|list" -2 `) || !strings.Contains(have, `["mset" -3 [write denyoom] 1 -1 2 `) {
		t.Errorf("COMMAND: have %.300s", have)
	}
	if have := c.do("COMMAND DOCS set"); !strings.Contains(have, `"summary" "Replace the key by a string`) {
		t.Errorf("COMMAND DOCS: have %s", have)
	}
	if have := c.do("CLIENT HELP"); !strings.Contains(have, "SETNAME connection-name") {
		t.Errorf("CLIENT HELP: have %s", have)
	}
}

func TestSlowLogAndLatency(t *testing.T) {
	c := open(t, resp.Config{Debug: true}).dial()
	c.want(
		"CONFIG SET slowlog-log-slower-than 5000 latency-monitor-threshold 5", "OK",
		"DEBUG SLEEP 0.02", "OK",
		"SLOWLOG LEN", "1",
		"LATENCY HISTORY nope", "[]",
	)
	if have := c.do("SLOWLOG GET"); !strings.Contains(have, `["DEBUG" "SLEEP" "0.02"]`) {
		t.Errorf("SLOWLOG GET: have %s", have)
	}
	if have := c.do("LATENCY LATEST"); !strings.HasPrefix(have, `[["command" `) {
		t.Errorf("LATENCY LATEST: have %s", have)
	}
	if have := c.do("LATENCY HISTOGRAM debug"); !strings.Contains(have, `["debug|sleep" ["calls" 1 "histogram_usec" [`) {
		t.Errorf("LATENCY HISTOGRAM: have %s", have)
	}
	c.want("CONFIG SET slowlog-log-slower-than 0", "OK", "gEt k", "nil", "CONFIG SET slowlog-log-slower-than -1", "OK")
	if have := c.do("SLOWLOG GET 1"); !strings.Contains(have, `["gEt" "k"]`) { // As it was sent.
		t.Errorf("SLOWLOG GET 1: have %s", have)
	}
	c.want("SLOWLOG RESET", "OK", "SLOWLOG LEN", "0", "LATENCY RESET", "1", "LATENCY LATEST", "[]")
}

func TestInfo(t *testing.T) {
	c := open(t, resp.Config{}).dial()
	c.want("SET k 1", "OK", "GET k", `"1"`, "GET nope", "nil", "NOPE", "(ERR unknown command 'NOPE', with args beginning with: )")
	all := c.do("INFO everything")
	for _, line := range []string{
		"redis_version:7.4.0", "connected_clients:1", "loading:0", "role:master", "keyspace_hits:1", "keyspace_misses:1",
		"db0:keys=3,expires=1,avg_ttl=0", "expired_keys:2", "region:eu", "cmdstat_get:calls=2,", "errorstat_ERR:count=1", "used_memory:", "used_cpu_user:",
	} {
		if !strings.Contains(all, line) {
			t.Errorf("INFO everything: no %s in %s", line, all)
		}
	}
	if have := c.do("INFO keyspace"); have != `"# Keyspace\r\ndb0:keys=3,expires=1,avg_ttl=0\r\n"` {
		t.Errorf("INFO keyspace: have %s", have)
	}
}

// CONFIG SET sets all that it is given, or nothing.
func TestConfigSetsAllOrNothing(t *testing.T) {
	c := open(t, resp.Config{}).dial()
	const failed = "(ERR CONFIG SET failed (possibly related to argument "
	c.want(
		"CONFIG SET slowlog-max-len 5 timeout x", failed+"'timeout') - argument couldn't be parsed into an integer)",
		"CONFIG GET slowlog-max-len timeout", `["slowlog-max-len" "128" "timeout" "0"]`,
		"CONFIG SET timeout 5 Timeout 6", failed+"'timeout') - duplicate parameter)",
		"CONFIG SET timeout 5 databases 2", failed+"'databases') - can't set immutable config)",
		"CONFIG GET timeout", `["timeout" "0"]`,
		// What is so already may be set.
		"CONFIG SET timeout 5 appendonly no databases 1", "OK",
		"CONFIG GET timeout", `["timeout" "5"]`,
		// Of layout, under either name.
		"CONFIG SET hash-max-ziplist-entries 7 list-max-listpack-size -1", "OK",
		"CONFIG GET hash-max-*-entries", `["hash-max-listpack-entries" "7" "hash-max-ziplist-entries" "7"]`,
		"CONFIG SET hash-max-listpack-entries -1", failed+"'hash-max-listpack-entries') - argument must be between 0 and 2147483647 inclusive)",
		"FUNCTION FLUSH", "OK",
		"FUNCTION LIST", "[]",
	)
}

// Clients that are set up to fail over take each node for a sentinel whose master it
// is itself.
func TestSentinel(t *testing.T) {
	c := open(t, resp.Config{SentinelMode: true}).dial()
	c.want(
		"SENTINEL get-master-addr-by-name any", `["127.0.0.1" "7001"]`,
		"SENTINEL replicas any", "[]",
		"SENTINEL ckquorum any", `OK 2 usable Sentinels. Quorum and failover authorization can be reached`,
		"SENTINEL failover any", "(ERR unknown subcommand 'failover'. Try SENTINEL HELP.)",
	)
	if have := c.do("SENTINEL MASTERS"); !strings.HasPrefix(have, `[["name" "test" "ip" "127.0.0.1" "port" "7001" "runid" `) || !strings.Contains(have, `"flags" "master"`) {
		t.Errorf("SENTINEL MASTERS: have %s", have)
	}
	if have := c.do("SENTINEL SENTINELS any"); !strings.HasPrefix(have, `[["name" "eu-2" "ip" "127.0.0.1" "port" "7002"`) {
		t.Errorf("SENTINEL SENTINELS: have %s", have)
	}
	c.do("HELLO 3")
	if have := c.do("SENTINEL MASTER any"); !strings.HasPrefix(have, `{"name" "any" "ip" "127.0.0.1"`) {
		t.Errorf("SENTINEL MASTER in RESP3: have %s", have)
	}
	plain := open(t, resp.Config{}).dial()
	plain.want("SENTINEL MASTERS", "(ERR unknown command 'SENTINEL', with args beginning with: 'MASTERS' )")
}

package node_test

import (
	"flag"
	"testing"

	"github.com/atollcache/atoll/node/command/redistest"
	"github.com/atollcache/atoll/node/resp"
)

var (
	agreeCommands = flag.Int("redis-commands", 3000, "how many commands to compare with redis-server over a connection")
	agreeSeed     = flag.Uint64("redis-seed", 1, "the seed of those commands")
)

// A node of three replies over its front door what redis-server replies.
func TestRedisServerAgrees(t *testing.T) {
	if !redistest.HasRedis(t) {
		return
	}
	rc := startRedis(t, resp.Config{}, 3, "eu")
	ours, err := redistest.Dial("tcp", rc.addrs["eu-2"])
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	report, err := redistest.Compare(redistest.StartRedis(t), ours, redistest.NewGenerator(*agreeSeed), *agreeCommands)
	if err != nil {
		t.Fatalf("seed %d: %v", *agreeSeed, err)
	}
	t.Logf("seed %d: %d commands, %d refused by both, allowed differences %v", *agreeSeed, report.Commands, report.Errors, report.Allowed)
}

package clienttest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/atollcache/atoll/node/resp"
)

// toolLimit is how long one call of a tool may take.
const toolLimit = time.Minute

// hasTool reports whether one of Redis's own tools is there.
func hasTool(t *testing.T, name string) bool {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		absent(t, "no %s: install the package redis-tools", name)
		return false
	}
	return true
}

// tool runs a tool against a node and returns what it says.
func tool(t *testing.T, addr, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), toolLimit)
	defer cancel()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(ctx, name, append([]string{"-h", host, "-p", port}, args...)...).CombinedOutput()
	return string(out), err
}

// redis-cli's ways to look at a server.
func TestRedisCLI(t *testing.T) {
	t.Parallel()
	if !hasTool(t, "redis-cli") {
		return
	}
	ns := startNodes(t, resp.Config{}, 2)
	c := redis.NewClient(&redis.Options{Addr: ns.addrs[1]})
	defer c.Close()
	for i := range 300 {
		if err := c.Set(t.Context(), fmt.Sprint("key:", i), strings.Repeat("y", i), 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.HSet(t.Context(), "h", "f", 1, "g", 2).Err(); err != nil {
		t.Fatal(err)
	}
	until(t, "SCAN, which may be a moment behind, lists all keys", func() error {
		out, err := tool(t, ns.addrs[0], "redis-cli", "--scan")
		if n := strings.Count(out, "\n"); err != nil || n != 301 {
			return fmt.Errorf("want 301 keys, have %d, %w", n, err)
		}
		return nil
	})
	for _, call := range []struct {
		args string
		want []string // all of them are in what it says
	}{
		{"PING", []string{"PONG"}},
		{"GET key:3", []string{"yyy"}},
		{"-3 HGETALL h", []string{"f", "g"}},
		{"--json HGETALL h", []string{`"f"`, `"1"`}},
		{"--csv MGET key:1 none", []string{`"y",NULL`}},
		{"-r 3 INCR n", []string{"1\n2\n3"}},
		{"-c GET key:2", []string{"yy"}},
		{"NOPE", []string{"ERR unknown command 'NOPE'"}},
		{"--scan --pattern key:29*", []string{"key:29\n", "key:299"}},
		{"--bigkeys", []string{"Biggest string found '\"key:299\"' has 299 bytes", "1 hashs with 2 fields"}},
		{"--memkeys", []string{"Biggest string found '\"key:299\"'"}},
		{"INFO keyspace", []string{"db0:keys="}},
		{"LATENCY DOCTOR", []string{""}},
		{"MEMORY DOCTOR", []string{""}},
		{"CLIENT LIST", []string{"cmd=client|list"}},
	} {
		out, err := tool(t, ns.addrs[0], "redis-cli", strings.Fields(call.args)...)
		if err != nil {
			t.Errorf("redis-cli %s: %v: %s", call.args, err, out)
		}
		for _, want := range call.want {
			if !strings.Contains(out, want) {
				t.Errorf("redis-cli %s: want %q in it, have %s", call.args, want, out)
			}
		}
	}
	// As with a Redis that does not count, and says so.
	if out, err := tool(t, ns.addrs[0], "redis-cli", "--hotkeys"); err == nil || !strings.Contains(out, "LFU maxmemory policy is not selected") {
		t.Errorf("redis-cli --hotkeys: have %s, %v", out, err)
	}
	cliPiped(t, ns.addrs[0])
	for _, mode := range []struct {
		args, want string
		after      func() error
	}{
		{"--stat -i 0.1", "requests", nil},
		{"--latency", "\n", nil}, // A line of four figures, where there is no terminal.
		{"--latency-history -i 1", "seconds range", nil},
		{"MONITOR", `"get" "watched"`, func() error { return c.Get(t.Context(), "watched").Err() }},
		{"SUBSCRIBE news", "hello", func() error { return c.Publish(t.Context(), "news", "hello").Err() }},
	} {
		addr := ns.addrs[0]
		if mode.after != nil { // MONITOR shows one node's commands.
			addr = ns.addrs[1]
		}
		cliUntil(t, addr, mode.args, mode.want, mode.after)
	}
}

// cliPiped gives redis-cli commands on its standard input.
func cliPiped(t *testing.T, addr string) {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	var raw strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&raw, "*3\r\n$3\r\nSET\r\n$%d\r\npipe:%d\r\n$1\r\nx\r\n", len(fmt.Sprint("pipe:", i)), i)
	}
	for _, call := range []struct{ args, input, want string }{
		{"--pipe", raw.String(), "errors: 0, replies: 1000"},
		{"-x SET from-stdin", "a text", "OK"},
		{"", "SET typed 1\nINCR typed\n", "OK\n2"},
	} {
		cmd := exec.Command("redis-cli", append([]string{"-p", port}, strings.Fields(call.args)...)...)
		cmd.Stdin = strings.NewReader(call.input)
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), call.want) {
			t.Errorf("redis-cli %s: want %q in it, have %s, %v", call.args, call.want, out, err)
		}
	}
}

// cliUntil runs redis-cli in a way that does not end until it has said something.
func cliUntil(t *testing.T, addr, args, want string, after func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), toolLimit)
	defer cancel()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, "redis-cli", append([]string{"-p", port}, strings.Fields(args)...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Wait() }() // It is killed.
	defer cancel()
	said := make(chan error, 1)
	go func() { said <- readUntil(out, want) }()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-said:
			if err != nil {
				t.Errorf("redis-cli %s: %v", args, err)
			}
			return
		case <-tick.C:
			if after != nil {
				if err := after(); err != nil && !errors.Is(err, redis.Nil) {
					t.Errorf("redis-cli %s: %v", args, err)
				}
			}
		}
	}
}

// readUntil reads until a text has come.
func readUntil(r io.Reader, want string) error {
	var all []byte
	buf := make([]byte, 4096)
	for !bytes.Contains(all, []byte(want)) {
		n, err := r.Read(buf)
		if all = append(all, buf[:n]...); err != nil && !bytes.Contains(all, []byte(want)) {
			return fmt.Errorf("want %q in it, have %q, %w", want, all, err)
		}
	}
	return nil
}

// redis-cli's look at a cluster.
func TestRedisCLICluster(t *testing.T) {
	t.Parallel()
	if !hasTool(t, "redis-cli") {
		return
	}
	ns := startNodes(t, resp.Config{ClusterMode: true}, 2)
	untilSlots(t, ns)
	out, err := tool(t, ns.addrs[0], "redis-cli", "--cluster", "info", ns.addrs[0])
	if err != nil || strings.Count(out, "slots") != 2 {
		t.Errorf("redis-cli --cluster info: have %s, %v", out, err)
	}
	out, err = tool(t, ns.addrs[1], "redis-cli", "--cluster", "call", ns.addrs[1], "PING")
	if err != nil || strings.Count(out, "PONG") != 2 {
		t.Errorf("redis-cli --cluster call: have %s, %v", out, err)
	}
}

// untilSlots waits until each of two nodes says that both own slots.
func untilSlots(t *testing.T, ns *nodes) {
	t.Helper()
	for _, addr := range ns.addrs {
		until(t, addr+" says that both nodes own slots", func() error {
			out, err := tool(t, addr, "redis-cli", "--cluster", "check", addr)
			if err != nil || !strings.Contains(out, "in 2 masters") || !strings.Contains(out, "All 16384 slots covered") {
				return fmt.Errorf("redis-cli --cluster check: have %s, %w", out, err)
			}
			return nil
		})
	}
}

// benchmarks are redis-benchmark's default tests, and the commands that each needs.
var benchmarks = []struct{ name, needs string }{
	{"ping_inline", "get"}, {"ping_mbulk", "get"}, {"set", "get"}, {"get", "get"}, {"incr", "get"}, {"lpush", "lpush"}, {"rpush", "lpush"},
	{"lpop", "lpush"}, {"rpop", "lpush"}, {"sadd", "sadd"}, {"hset", "hset"}, {"spop", "sadd"}, {"zadd", "zadd"}, {"zpopmin", "zadd"},
	{"lrange_100", "lpush"}, {"lrange_300", "lpush"}, {"lrange_500", "lpush"}, {"lrange_600", "lpush"}, {"mset", "get"},
}

func TestRedisBenchmark(t *testing.T) {
	t.Parallel()
	if !hasTool(t, "redis-benchmark") {
		return
	}
	for _, mode := range []struct {
		name string
		cfg  resp.Config
		args []string
	}{
		{"plain", resp.Config{}, []string{"-P", "8"}},
		{"cluster", resp.Config{ClusterMode: true}, []string{"--cluster", "--threads", "2"}},
	} {
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel()
			ns := startNodes(t, mode.cfg, 2)
			if mode.cfg.ClusterMode {
				untilSlots(t, ns)
			}
			var tests []string
			for _, b := range benchmarks {
				if strings.Contains(strings.Join(ns.has, " "), b.needs) {
					tests = append(tests, b.name)
				}
			}
			args := append([]string{"-n", "400", "-c", "10", "-r", "100", "--csv", "-t", strings.Join(tests, ",")}, mode.args...)
			out, err := tool(t, ns.addrs[0], "redis-benchmark", args...)
			if err != nil || strings.Contains(strings.ToLower(out), "error") {
				t.Fatalf("redis-benchmark: %v: %s", err, out)
			}
			// A line for each test, and one more before them.
			if lines := strings.Count(out, "\n\""); lines < len(tests) {
				t.Errorf("want figures of %d tests, have %d: %s", len(tests), lines, out)
			}
		})
	}
}

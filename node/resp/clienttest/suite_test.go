package clienttest_test

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/atollcache/atoll/node/resp"
)

// Redis's own test suite, in its mode for servers that it has not started. What is not
// run of it stands in node/command/redistest/SUITE.txt, with the reasons.

var redisSource = flag.String("redis-src", "", "where the source of Redis 7.0.15 is, whose test suite is run; none without it")

// suiteUnits are the suite's files that are about what Atoll has.
var suiteUnits = []string{
	"type/string", "type/incr", "type/hash", "type/set", "type/zset", "type/list", "type/list-2", "type/list-3", "hyperloglog", "bitops",
	"expire", "keyspace", "scan", "multi", "pubsub", "other", "protocol", "quit", "pause",
	"info-command", "slowlog", "latency-monitor",
}

// unitLimit is how long one of the files may take.
const unitLimit = 15 * time.Minute // Some seconds, on a machine with nothing else to do.

func TestRedisSuite(t *testing.T) {
	if *redisSource == "" {
		t.Log("not run: -redis-src says where the source of Redis is")
		return
	}
	if _, err := exec.LookPath("tclsh"); err != nil {
		t.Fatal("no tclsh: install the package tcl")
	}
	skip, err := filepath.Abs("../../command/redistest/SUITE.txt")
	if err != nil {
		t.Fatal(err)
	}
	ns := startNodes(t, resp.Config{}, 1)
	for _, unit := range suiteUnits {
		t.Run(unit, func(t *testing.T) { runUnit(t, ns.addrs[0], unit, skip) })
	}
}

// freePort returns a port that nobody listens at.
func freePort(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

// outcome is a line of the suite's output that says how a test went.
var outcome = regexp.MustCompile(`^\[(?:\x1b\[[0-9;]*m)?(ok|err|skip|ignore|exception)(?:\x1b\[[0-9;]*m)?\]: (.*)$`)

// runUnit runs one file of the suite.
func runUnit(t *testing.T, addr, unit, skip string) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), unitLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "tclsh", "tests/test_helper.tcl", "--host", host, "--port", port, "--single", "unit/"+unit, "--skipfile", skip,
		"--singledb", "--ignore-encoding", "--ignore-digest", "--durable", "--tags", "-needs:repl -needs:debug -needs:save -needs:config-maxmemory",
		"--baseport", strconv.Itoa(freePort(t)+32)) // It takes a port 32 below for itself.
	cmd.WaitDelay = 5 * time.Second
	cmd.Dir = *redisSource
	out, runErr := cmd.CombinedOutput()
	counts := map[string]int{}
	var failed strings.Builder
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		m := outcome.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		counts[m[1]]++
		if m[1] != "err" && m[1] != "exception" {
			continue
		}
		fmt.Fprintf(&failed, "%s\n", m[2])
		if lines.Scan() { // What was wrong.
			fmt.Fprintf(&failed, "\t%.300s\n", lines.Text())
		}
	}
	t.Logf("%s: %d passed, %d of our list and %d by their tags not run", unit, counts["ok"], counts["skip"], counts["ignore"])
	if counts["exception"] > 0 || counts["ok"] == 0 {
		failed.Write(out[max(0, len(out)-2000):])
	}
	if runErr != nil || failed.Len() > 0 || counts["ok"]+counts["skip"]+counts["ignore"] == 0 {
		t.Errorf("%v: want all to pass, failed are:\n%s", runErr, failed.String())
	}
}

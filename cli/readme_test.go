package cli_test

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
)

// step is a command that the README shows, with the output that it shows for it.
type step struct {
	line string
	want []string // lines; … stands for anything
}

// readmeSteps returns the commands of all console blocks in order.
func readmeSteps(t *testing.T) []step {
	t.Helper()
	b, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var steps []step
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(string(b), -1) {
		for _, line := range strings.Split(strings.TrimSuffix(block[1], "\n"), "\n") {
			if cmd, ok := strings.CutPrefix(line, "$ "); ok {
				steps = append(steps, step{line: cmd})
			} else {
				last := &steps[len(steps)-1]
				last.want = append(last.want, line)
			}
		}
	}
	return steps
}

// TestREADME runs what the README shows, in its order, and compares the output.
func TestREADME(t *testing.T) {
	_, d := startDev(t)
	url := d.Regions[0].NATS
	steps := readmeSteps(t)
	process.Lock()
	defer process.Unlock()
	top, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir()) // What it writes is the test's.
	t.Setenv("NATS_URL", url)
	ran := 0
	for _, s := range steps {
		words := shellWords(s.line)
		var have string
		switch words[0] {
		case "make", "bin/atoll": // The Makefile's verbs are run by CI, dev is running here.
			checkVerb(t, top, words)
			continue
		case "nats":
			have = runNATS(t, url, words)
		case "atoll":
			var code int
			var stderr string
			eventually(t, s, func() bool {
				code, have, stderr = atoll(t, words[1:]...)
				return code == 0 && matches(s.want, have)
			})
			if code != 0 {
				t.Errorf("%s: exit code %d: %s", s.line, code, stderr)
			}
		case "redis-cli", "redis-benchmark":
			ran := false
			eventually(t, s, func() bool {
				have, ran = runRedis(t, d, words)
				return !ran || matches(s.want, have)
			})
			if !ran {
				continue
			}
		default:
			t.Errorf("%s: nothing here runs %s", s.line, words[0])
		}
		ran++
		if !matches(s.want, have) {
			t.Errorf("%s: want %q, have %q", s.line, s.want, have)
		}
	}
	if ran < 10 {
		t.Errorf("README has %d commands to run, want at least 10", ran)
	}
}

// eventually repeats a read until it shows what it should: the README's reader
// types slower than a write takes to the next region. Writes run once.
func eventually(t *testing.T, s step, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for !done() && strings.Contains(s.line, " get ") && time.Now().Before(deadline) {
		<-time.After(20 * time.Millisecond)
	}
}

// checkVerb holds the README's make verbs against the Makefile.
func checkVerb(t *testing.T, top string, words []string) {
	t.Helper()
	if words[0] != "make" {
		return
	}
	cmd := exec.Command("make", "-n", words[1])
	cmd.Dir = top
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("make %s: %v: %s", words[1], err, out)
	}
}

// runRedis runs one of Redis's tools at the node that has the port which dev takes by
// default. Without the tool it reports false; where CI is set that is a failure.
func runRedis(t *testing.T, d dev, words []string) (string, bool) {
	t.Helper()
	path, err := exec.LookPath(words[0])
	switch {
	case err == nil:
	case os.Getenv("CI") != "":
		t.Fatalf("no %s: install the package redis-tools", words[0])
	default:
		t.Logf("not run: %v: there is no %s", words, words[0])
		return "", false
	}
	args := slices.Clone(words[1:])
	i := slices.Index(args, "-p") + 1
	port, err := strconv.Atoi(args[i])
	if err != nil || port < 7000 || (port-7000)/10 >= len(d.Regions) {
		t.Fatalf("%v: %q is none of dev's ports", words, args[i])
	}
	_, args[i], err = net.SplitHostPort(d.Regions[(port-7000)/10].RESP[(port-7000)%10])
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	if err != nil {
		t.Errorf("%v: %v", words, err)
	}
	return strings.TrimSuffix(string(out), "\n"), true
}

// runNATS does what the stock nats command does for the words given.
func runNATS(t *testing.T, url string, words []string) string {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	switch words[1] {
	case "req":
		msg, err := nc.Request(words[2], []byte(words[3]), 5*time.Second)
		if err != nil {
			t.Fatalf("%v: %v", words, err)
		}
		return string(msg.Data)
	case "micro":
		msg, err := nc.Request("$SRV.PING", nil, 5*time.Second)
		if err != nil {
			t.Fatalf("%v: %v", words, err)
		}
		var p micro.Ping
		if err := json.Unmarshal(msg.Data, &p); err != nil || p.Name != "atoll" {
			t.Fatalf("%v: have %s, %v", words, msg.Data, err)
		}
		return p.Name
	}
	t.Fatalf("%v: not known here", words)
	return ""
}

// matches reports whether output has the lines wanted, where … in a line stands
// for anything, a line of its own for any lines.
func matches(want []string, have string) bool {
	pattern := regexp.QuoteMeta(strings.Join(want, "\n"))
	pattern = strings.ReplaceAll(pattern, "…", "(?s:.*)")
	return regexp.MustCompile(`\A` + pattern + `\s*\z`).MatchString(have)
}

// shellWords splits a line at spaces, outside single quotes.
func shellWords(line string) []string {
	var words []string
	for _, m := range regexp.MustCompile(`'([^']*)'|(\S+)`).FindAllStringSubmatch(line, -1) {
		words = append(words, m[1]+m[2])
	}
	return words
}

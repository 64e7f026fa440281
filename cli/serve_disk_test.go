package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// serveIn starts a node with a data directory and returns where its NATS is.
func serveIn(t *testing.T, dir string, more ...string) (*background, string) {
	t.Helper()
	b, said := start(t, append([]string{"serve", "--json", "--log", "off", "--region", "eu", "--name", "eu-1", "--cluster", "prod",
		"--nats-listen", "127.0.0.1:0", "--data-dir", dir}, more...)...)
	var served struct{ NATS string }
	if err := json.Unmarshal([]byte(said), &served); err != nil {
		t.Fatalf("%s: %v", said, err)
	}
	return b, served.NATS
}

// TestServeKeeps: what a node has it has again when it is started again, and its
// directory is nobody else's.
func TestServeKeeps(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	for run, durability := range []string{"sync", "interval", "none"} {
		b, url := serveIn(t, dir, "--durability", durability)
		at := []string{"--cluster", "prod", "-s", url}
		if code, stdout, stderr := atoll(t, append([]string{"incr", "runs", "1"}, at...)...); code != 0 || strings.TrimSpace(stdout) != string(rune('1'+run)) {
			t.Errorf("run %d: want it counted, have exit code %d, %s%s", run, code, stdout, stderr)
		}
		code, _, stderr := atoll(t, "serve", "--log", "off", "--region", "eu", "--name", "eu-1", "--cluster", "prod", "--nats-listen", "127.0.0.1:0", "--data-dir", dir)
		if code != 3 || !strings.Contains(stderr, "in use") {
			t.Errorf("a second node in the directory: want exit code 3, have %d, %s", code, stderr)
		}
		if code := b.wait(); code != 0 {
			t.Errorf("run %d: want exit code 0, have %d\n%s", run, code, b.stderr.String())
		}
	}
	for what, args := range map[string][]string{"another node's": {"--name", "eu-2"}, "another region's": {"--region", "us"}} {
		all := append([]string{"serve", "--log", "off", "--region", "eu", "--name", "eu-1", "--cluster", "prod", "--nats-listen", "127.0.0.1:0", "--data-dir", dir}, args...)
		if code, _, stderr := atoll(t, all...); code != 3 || !strings.Contains(stderr, "not this node's store") || !strings.Contains(stderr, "hint: ") {
			t.Errorf("%s directory: want exit code 3, have %d, %s", what, code, stderr)
		}
	}
	refusedAs(t, dir)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--data-dir", file}, 3, file},
		{[]string{"--data-dir", dir, "--durability", "often"}, 2, "sync, interval or none"},
		{[]string{"--data-dir", dir, "--durability-interval", "1ms"}, 2, "at least 10ms"},
		{[]string{"--durability", "sync"}, 2, "--data-dir"},
	} {
		all := append([]string{"serve", "--log", "off", "--region", "eu", "--name", "eu-1", "--nats-listen", "127.0.0.1:0"}, c.args...)
		if code, _, stderr := atoll(t, all...); code != c.code || !strings.Contains(stderr, c.says) {
			t.Errorf("%q: want exit code %d and %q, have %d, %s", c.args, c.code, c.says, code, stderr)
		}
	}
}

// refusedAs changes what a node's directory says of itself, and back: nothing is opened
// that is not understood, and what is said tells what to do.
func refusedAs(t *testing.T, dir string) {
	t.Helper()
	path := filepath.Join(dir, "db", "ATOLL")
	was, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for says, text := range map[string]string{
		"written by a later version: run that version": strings.Replace(string(was), "version 1", "version 2", 1),
		"damaged: put the directory aside":             strings.Replace(string(was), "prod", "prof", 1),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, stderr := atoll(t, "serve", "--log", "off", "--region", "eu", "--name", "eu-1", "--cluster", "prod", "--nats-listen", "127.0.0.1:0", "--data-dir", dir)
		if code != 3 || !strings.Contains(stderr, says) || !strings.Contains(stderr, "hint: nothing in the directory has been changed") {
			t.Errorf("want exit code 3 and %q, have %d, %s", says, code, stderr)
		}
	}
	if err := os.WriteFile(path, was, 0o600); err != nil {
		t.Fatal(err)
	}
}

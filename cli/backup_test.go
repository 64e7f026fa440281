package cli_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestBackup runs the scripts that back a cluster up and restore it, there and into a
// cluster of one node that has nothing.
func TestBackup(t *testing.T) {
	b, d := startDev(t, "--regions", "us,eu", "--nodes", "2", "--wan", "10ms")
	empty, said := start(t, "serve", "--json", "--log", "off", "--region", "eu", "--name", "eu-1", "--cluster", "other",
		"--nats-listen", "127.0.0.1:0", "--data-dir", filepath.Join(t.TempDir(), "data"))
	var served struct{ NATS string }
	if err := json.Unmarshal([]byte(said), &served); err != nil {
		t.Fatalf("%s: %v", said, err)
	}
	t.Run("scripts", func(t *testing.T) {
		scripts(t, "testdata/backup", "NATS_URL="+d.Regions[0].NATS, "EU="+d.Regions[1].NATS, "EMPTY="+served.NATS)
	})
	for _, o := range []*background{empty, b} {
		if code := o.wait(); code != 0 {
			t.Errorf("want exit code 0, have %d\n%s", code, o.stderr.String())
		}
	}
}

// TestRestoreRefused: of what a cluster has forgotten too much about it takes nothing
// in, the answer is no and says what to do, and that does it.
func TestRestoreRefused(t *testing.T) {
	at := func(url string) []string { return []string{"--cluster", "prod", "-s", url} }
	serve := func() (*background, string) {
		t.Helper()
		return serveIn(t, filepath.Join(t.TempDir(), "data"))
	}
	run := func(want int, url string, args ...string) (stdout, stderr string) {
		t.Helper()
		code, stdout, stderr := atoll(t, append(args, at(url)...)...)
		if code != want {
			t.Errorf("%v: want exit code %d, have %d\n%s%s", args, want, code, stdout, stderr)
		}
		return stdout, stderr
	}
	one, url := serve()
	for i := range 5 {
		run(0, url, "set", fmt.Sprintf("{t}%d", i), "v")
	}
	dir := filepath.Join(t.TempDir(), "backup")
	run(0, url, "backup", dir)
	if code := one.wait(); code != 0 {
		t.Errorf("serve: want exit code 0, have %d", code)
	}
	two, url := serve()
	run(0, url, "set", "{t}x", "v")
	run(0, url, "invalidate", "{t}x")
	for end := time.Now().Add(20 * time.Second); ; <-time.After(100 * time.Millisecond) {
		now := filepath.Join(t.TempDir(), "now")
		run(0, url, "backup", now)
		b, err := os.ReadFile(filepath.Join(now, "MANIFEST"))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(string(b), `"horizon": "∅`) < 256 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("nothing was forgotten: nothing is tested")
		}
	}
	stdout, stderr := run(1, url, "restore", dir)
	for _, want := range []string{"restored 5 keys", "  5 are not there, and it is not known whether they were removed\n",
		"1 partition merged nothing: node eu/eu-1: older than what has been forgotten", "--as-new writes 5 keys anew"} {
		if !strings.Contains(stdout+stderr, want) {
			t.Errorf("refused: want %q in\n%s%s", want, stdout, stderr)
		}
	}
	run(1, url, "get", "{t}1")
	stdout, _ = run(0, url, "restore", dir, "--as-new")
	if !strings.Contains(stdout, "  5 written anew\n") {
		t.Errorf("as new: want 5 keys written anew, have\n%s", stdout)
	}
	run(0, url, "get", "{t}1")
	if code := two.wait(); code != 0 {
		t.Errorf("serve: want exit code 0, have %d", code)
	}
}

package clienttest_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/atollcache/atoll/node/resp"
)

const (
	jsSource  = "testdata/js"
	minNode   = 20 // node-redis 6 wants it
	npmTries  = 3
	npmPeriod = 2 * time.Second
)

// hasNode reports whether there is a Node.js to run programs with.
func hasNode(t *testing.T) bool {
	t.Helper()
	out, err := exec.Command("node", "--version").Output()
	if err != nil {
		absent(t, "no Node.js: install the packages nodejs and npm")
		return false
	}
	major, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(string(out)), "v"), ".")
	if n, err := strconv.Atoi(major); err != nil || n < minNode {
		absent(t, "Node.js is %s, the clients want %d or later", strings.TrimSpace(string(out)), minNode)
		return false
	}
	if _, err := exec.LookPath("npm"); err != nil {
		absent(t, "no npm: install the package of that name")
		return false
	}
	return true
}

// jsModules returns a directory with the packages of package-lock.json. They are
// installed once, in the user's cache, and again when the lock file changes.
func jsModules(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	lock, err := os.ReadFile(filepath.Join(jsSource, "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(lock)
	dir := filepath.Join(cache, "atoll-client-tests", hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	// What is half installed has another name.
	part, err := os.MkdirTemp(filepath.Dir(dir), "part-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(part)
	copyFiles(t, part, "package.json", "package-lock.json", ".npmrc")
	install(t, part)
	if err := os.Rename(part, dir); err != nil && !errors.Is(err, os.ErrExist) {
		if _, there := os.Stat(dir); there != nil { // Another process may have been quicker.
			t.Fatal(err)
		}
	}
	return dir
}

// install runs npm, again when the registry does not answer.
func install(t *testing.T, dir string) {
	t.Helper()
	var out []byte
	var err error
	for range npmTries {
		cmd := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
		cmd.Dir = dir
		if out, err = cmd.CombinedOutput(); err == nil {
			return
		}
		<-time.After(npmPeriod)
	}
	t.Fatalf("npm ci: %v: %s", err, out)
}

// copyFiles copies programs to where they are run.
func copyFiles(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		b, err := os.ReadFile(filepath.Join(jsSource, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// javaScript returns a program of testdata/js, in a directory of its own beside which
// it finds its packages.
func javaScript(t *testing.T, command, steps []string) program {
	t.Helper()
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(jsModules(t), "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	copyFiles(t, dir, "harness.mjs", command[0])
	return program{command: append([]string{"node"}, command...), dir: dir, steps: steps}
}

// inJavaScript are the programs of testdata/js, with what the nodes are told to be.
var inJavaScript = []struct {
	name    string
	program []string
	cfg     resp.Config
	steps   []string
}{
	{"node-redis", []string{"node-redis.mjs"}, resp.Config{}, steps("connect", commandSteps, "tracking", "reconnect")},
	{"node-redis cluster", []string{"node-redis-many.mjs", "cluster"}, resp.Config{ClusterMode: true}, manySteps},
	{"node-redis sentinel", []string{"node-redis-many.mjs", "sentinel"}, resp.Config{SentinelMode: true}, manySteps},
	{"ioredis", []string{"ioredis.mjs"}, resp.Config{}, steps("connect", commandSteps, "monitor", "reconnect")},
	{"ioredis cluster", []string{"ioredis-many.mjs", "cluster"}, resp.Config{ClusterMode: true}, manySteps},
	{"ioredis sentinel", []string{"ioredis-many.mjs", "sentinel"}, resp.Config{SentinelMode: true}, manySteps},
	{"express-session", []string{"express-session.mjs"}, resp.Config{}, steps("connect", "sessions", "touch", "expiry", "reconnect", "logout")},
	{"cache-manager", []string{"cache-manager.mjs"}, resp.Config{}, steps("set and get", "expiry", "wrap", "invalidate", "reconnect")},
}

// manySteps are what a client of several nodes works through.
var manySteps = steps("connect", "commands", "transactions", "messages", "reconnect")

func TestJavaScript(t *testing.T) {
	t.Parallel()
	if !hasNode(t) {
		return
	}
	jsModules(t)
	for _, p := range inJavaScript {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			javaScript(t, p.program, p.steps).run(t, startNodes(t, p.cfg, 2))
		})
	}
}

package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/atollcache/atoll/cli"
	"github.com/atollcache/atoll/testdata"
)

// background is a command that runs until it is stopped.
type background struct {
	t      testing.TB
	stop   context.CancelFunc
	code   chan int
	stderr bytes.Buffer // readable after wait
}

// start runs a command in this process and returns when it says that it is
// ready, with what it said so far.
func start(t testing.TB, args ...string) (*background, string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	b := &background{t: t, stop: stop, code: make(chan int, 1)}
	r, w := io.Pipe()
	go func() {
		b.code <- cli.Run(ctx, append([]string{"atoll"}, args...), strings.NewReader(""), w, &b.stderr)
		_ = w.Close()
	}()
	t.Cleanup(stop)
	var said strings.Builder
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		if lines.Text() == "ready" || strings.Contains(lines.Text(), `"ready":true`) {
			go func() { _, _ = io.Copy(io.Discard, r) }()
			return b, said.String()
		}
	}
	t.Fatalf("%v: not ready, exit code %d\n%s%s", args, <-b.code, said.String(), b.stderr.String())
	return nil, ""
}

// wait stops the command and returns its exit code.
func (b *background) wait() int {
	b.t.Helper()
	b.stop()
	select {
	case code := <-b.code:
		return code
	case <-time.After(30 * time.Second):
		b.t.Fatal("the command does not end")
		return 0
	}
}

// dev is what `atoll dev --json` says.
type dev struct {
	Cluster string
	Regions []struct {
		Region, NATS string
		Nodes, RESP  []string
	}
	Ready bool
}

// startDev runs `atoll dev` on free ports.
func startDev(t testing.TB, args ...string) (*background, dev) {
	t.Helper()
	b, said := start(t, append([]string{"dev", "--json", "--log", "off", "--nats-port", "0"}, args...)...)
	var d dev
	if err := json.Unmarshal([]byte(said), &d); err != nil {
		t.Fatalf("%s: %v", said, err)
	}
	return b, d
}

// atoll runs a command in this process.
func atoll(t testing.TB, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = cli.Run(t.Context(), append([]string{"atoll"}, args...), strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// TestCluster runs the scripts that need a cluster, all against one.
func TestCluster(t *testing.T) {
	b, d := startDev(t, "--regions", "us,eu", "--nodes", "2", "--wan", "10ms")
	vars := []string{"ATOLL_COMPLETE_WAIT=10s", "NATS_URL=" + d.Regions[0].NATS, "EU=" + d.Regions[1].NATS, "TOWNS=" + towns(t, 20)}
	t.Run("data", func(t *testing.T) { scripts(t, "testdata/data", vars...) })
	t.Run("links", func(t *testing.T) { scripts(t, "testdata/links", vars...) })
	if code := b.wait(); code != 0 {
		t.Errorf("dev: want exit code 0, have %d\n%s", code, b.stderr.String())
	}
	if have := b.stderr.String(); have != "" {
		t.Errorf("dev: want nothing on standard error, have %s", have)
	}
	if code, _, stderr := atoll(t, "get", "k", "-s", d.Regions[0].NATS); code != 3 {
		t.Errorf("after dev: want exit code 3, have %d: %s", code, stderr)
	}
}

// towns returns the name of a compressed file of some towns.
func towns(t testing.TB, n int) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "towns.jsonl.zst")
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfterN(testdata.Towns, "\n", n+1)[:n]
	if err := os.WriteFile(file, z.EncodeAll([]byte(strings.Join(lines, "")), nil), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestDev looks at what dev says for people, and at a port that is taken.
func TestDev(t *testing.T) {
	b, said := start(t, "dev", "--regions", "left,right", "--nats-port", "0", "--wan", "0")
	for _, want := range []string{"cluster dev in memory", "REGION  NATS", "left    nats://127.0.0.1:", "left-1", "\nTry\n", "\nready\n"} {
		if !strings.Contains(said, want) {
			t.Errorf("dev: want %q in\n%s", want, said)
		}
	}
	_, port, _ := strings.Cut(said, "nats://127.0.0.1:")
	port, _, _ = strings.Cut(port, " ")
	code, stdout, stderr := atoll(t, "dev", "--nats-port", port)
	if code != 3 || stdout != "" || !strings.Contains(stderr, "port "+port+" is in use") || !strings.Contains(stderr, "hint: ") {
		t.Errorf("dev on a taken port: want exit code 3, have %d\n%s%s", code, stdout, stderr)
	}
	if code := b.wait(); code != 0 {
		t.Errorf("dev: want exit code 0, have %d\n%s", code, b.stderr.String())
	}
}

// TestServe runs two nodes of one region, the second on the first one's NATS.
func TestServe(t *testing.T) {
	one, said := start(t, "serve", "--json", "--log", "off", "--region", "eu", "--name", "eu-1", "--cluster", "prod", "--nats-listen", "127.0.0.1:0")
	var served struct{ Node, Region, Cluster, NATS string }
	if err := json.Unmarshal([]byte(said), &served); err != nil || served.Node != "eu-1" || served.Cluster != "prod" {
		t.Fatalf("%s: %v", said, err)
	}
	two, said := start(t, "serve", "--log", "off", "--region", "eu", "--name", "eu-2", "--cluster", "prod", "--nats", served.NATS, "--zone", "b")
	if want := "node eu-2 of region eu, cluster prod, at " + served.NATS + "\nready\n"; said != want {
		t.Errorf("want %q, have %q", want, said)
	}
	at := []string{"--cluster", "prod", "-s", served.NATS}
	for _, c := range [][]string{{"set", "k", "v"}, {"get", "k"}, {"ring"}} {
		code, stdout, stderr := atoll(t, append(c, at...)...)
		// The ring has just changed: without a session the new owner may be asked
		// before it has heard from the former one.
		for end := time.Now().Add(10 * time.Second); c[0] == "get" && code == 1 && time.Now().Before(end); {
			<-time.After(10 * time.Millisecond)
			code, stdout, stderr = atoll(t, append(c, at...)...)
		}
		if code != 0 {
			t.Errorf("%v: exit code %d\n%s%s", c, code, stdout, stderr)
		}
	}
	for _, b := range []*background{two, one} {
		if code := b.wait(); code != 0 {
			t.Errorf("serve: want exit code 0, have %d\n%s", code, b.stderr.String())
		}
	}
}

// TestDemo takes the tour.
func TestDemo(t *testing.T) {
	code, stdout, stderr := atoll(t, "demo", "--json")
	var have struct {
		Held    bool
		Seconds float64
		Claims  []struct {
			Claim, Why string
			Held       bool
		}
	}
	if err := json.Unmarshal([]byte(stdout), &have); err != nil || code != 0 || !have.Held || len(have.Claims) < 15 {
		t.Fatalf("exit code %d, %v\n%s%s", code, err, stdout, stderr)
	}
	if have.Seconds > 60 {
		t.Errorf("want less than a minute, have %.0f s", have.Seconds)
	}
}

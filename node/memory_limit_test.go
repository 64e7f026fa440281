package node_test

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/node/core"
)

var (
	memoryLimit  = flag.Int64("memory-limit", 96<<20, "bytes that the node of TestMemoryLimit may have")
	memoryData   = flag.Int64("memory-data", 60<<20, "bytes of values that are written to it")
	memoryWithin = flag.Duration("memory-within", 8*time.Minute, "longest time for it")
)

// memoryConstant is how many bytes more than a tenth beyond the limit a process may have:
// what a test's process, with its NATS server, has of its own.
const memoryConstant = 24 << 20

// memoryChild names the directory in which the process is the node of TestMemoryLimit.
const memoryChild = "ATOLL_TEST_MEMORY"

// TestMemoryLimit writes more than a node may keep in memory to one with a data directory,
// in a process of its own, reads all of it back and looks at what the process had.
// `make bench-memory` does it with five times a gibibyte.
func TestMemoryLimit(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), *memoryWithin)
	defer cancel()
	cmd := exec.CommandContext(ctx, withoutRace(ctx, t), "-test.run=^TestMemoryLimitChild$", "-test.v",
		fmt.Sprintf("-memory-limit=%d", *memoryLimit), fmt.Sprintf("-memory-data=%d", *memoryData))
	cmd.Env = append(os.Environ(), memoryChild+"="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	most, ok := lineOf(out, "resident at most ")
	if want := *memoryLimit + *memoryLimit/10 + memoryConstant; !ok || most > want {
		t.Errorf("limit %d: want at most %d bytes resident, have %d\n%s", *memoryLimit, want, most, out)
	}
	t.Logf("%s", out)
}

// withoutRace returns a program of these tests that is not slowed, nor made larger, by the
// race detector: this one, or one that is built for it.
func withoutRace(ctx context.Context, t *testing.T) string {
	t.Helper()
	if !raceEnabled {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		return self
	}
	path := filepath.Join(t.TempDir(), "node.test")
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // As atoll is built.
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go test -c: %v\n%s", err, out)
	}
	return path
}

// lineOf returns the number that follows a text in the output of a process.
func lineOf(out []byte, text string) (int64, bool) {
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		if _, rest, ok := strings.Cut(lines.Text(), text); ok {
			n, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}

// TestMemoryLimitChild is the process that TestMemoryLimit looks at, and nothing elsewhere.
func TestMemoryLimitChild(t *testing.T) {
	dir := os.Getenv(memoryChild)
	if dir == "" {
		return
	}
	c := newCluster(t, func(cfg *node.Config) {
		cfg.Memory = node.MemoryConfig{Limit: *memoryLimit, Policy: core.AllKeys, Runtime: func(n int64) { debug.SetMemoryLimit(n) }}
		cfg.Disk = node.DiskConfig{Dir: dir}
	})
	m := c.startOne("eu", "eu-1")
	t.Logf("begun: resident %d, of it files %d", status(t, "VmRSS"), status(t, "RssFile"))
	sizes := []int{100, 1000, 10_000}
	n := int(*memoryData / ((100 + 1000 + 10_000) / 3))
	each(t, n, func(i int) error {
		_, err := m.Set(t.Context(), key(i), text(i, sizes))
		for slow := 0; err != nil && slow < 100; slow++ { // The disk may be anybody's.
			<-time.After(100 * time.Millisecond)
			_, err = m.Set(t.Context(), key(i), text(i, sizes))
		}
		return err
	})
	var rt runtime.MemStats
	runtime.ReadMemStats(&rt)
	t.Logf("written: %d keys, resident %d, heap %d, runtime %d less %d, %+v", n, status(t, "VmRSS"), rt.HeapAlloc, rt.Sys, rt.HeapReleased, m.Memory())
	each(t, n, func(i int) error {
		have, ok, err := m.Get(t.Context(), key(i))
		if want := text(i, sizes); err != nil || !ok || have != want {
			return fmt.Errorf("key %d: want %.20q, have %.20q, %t, %v", i, want, have, ok, err)
		}
		return nil
	})
	t.Logf("read: resident %d, %+v", status(t, "VmRSS"), m.Memory())
	fmt.Printf("resident at most %d\n", status(t, "VmHWM"))
}

func key(i int) string { return fmt.Sprintf("key:%012d", i) }

// text returns the value of a key: of one of some sizes, and of nothing but that key.
func text(i int, sizes []int) string {
	r := rand.New(rand.NewPCG(uint64(i), 1))
	b := make([]byte, sizes[i%len(sizes)])
	for j := range b {
		b[j] = 'a' + byte(r.Uint32()%26)
	}
	return string(b)
}

// each calls f for the numbers below n, a few at a time.
func each(t *testing.T, n int, f func(i int) error) {
	t.Helper()
	var wg sync.WaitGroup
	const workers = 16
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n && !t.Failed(); i += workers {
				if err := f(i); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// status returns a figure of the process, in bytes.
func status(t *testing.T, name string) int64 {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	n, ok := lineOf(b, name+":")
	if !ok {
		t.Fatalf("/proc/self/status has no %s", name)
	}
	return n << 10
}

package evict_test

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/maypok86/otter/v2"
)

var (
	// Not "trace": that is a flag of go test, which writes to the file that it names.
	trace     = flag.String("oltp", "testdata/oltp.lis.zst", "the trace that TestOLTP reads, in the format of the ARC traces, zstd-compressed")
	withOtter = flag.Bool("otter", false, "TestWorkloads says what otter reaches too")
)

var oltpSizes = []int{250, 500, 1000, 2000, 5000, 10000}

// readTrace returns the requests of a trace: a line says first block, number of
// blocks, and two more numbers.
func readTrace(t testing.TB, path string) []string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	requests, err := parseTrace(z)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return requests
}

func parseTrace(r io.Reader) (requests []string, err error) {
	names := map[int]string{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		var first, n int
		if _, err := fmt.Sscan(lines.Text(), &first, &n); err != nil {
			return nil, fmt.Errorf("line %q: %w", lines.Text(), err)
		}
		for i := first; i < first+n; i++ {
			if names[i] == "" {
				names[i] = name(i)
			}
			requests = append(requests, names[i])
		}
	}
	return requests, lines.Err()
}

// newOtter returns a cache of otter's that does its maintenance at once.
func newOtter(size int) func(key string) bool {
	o := otter.Must(&otter.Options[string, int]{MaximumSize: size, Executor: func(f func()) { f() }})
	return func(key string) bool {
		_, ok := o.GetIfPresent(key)
		if !ok {
			o.Set(key, 0)
		}
		o.CleanUp()
		return ok
	}
}

func TestOLTP(t *testing.T) {
	requests := readTrace(t, *trace)
	t.Logf("%d requests of %s", len(requests), *trace)
	for _, size := range oltpSizes {
		want := ratio(newOtter(size), requests)
		line := fmt.Sprintf("%5d entries: otter %.2f %%", size, want)
		for _, partitions := range []int{1, 256} {
			have := ratio(newCache(int64(size*entryBytes), partitions).access, requests)
			line += fmt.Sprintf(", %d partitions %.2f %%", partitions, have)
			if have < want-0.5 {
				t.Errorf("%d entries in %d partitions: want at least otter's %.2f %% of hits less half a point, have %.2f %%", size, partitions, want, have)
			}
		}
		t.Log(line)
	}
}

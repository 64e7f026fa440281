package redistest_test

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/atollcache/atoll/node/command/redistest"
)

// PFADD, PFCOUNT and PFMERGE reply what Redis replies, from one element to a million
// and whatever the elements are: hash, registers and estimator are the same.
func TestHyperLogLogsAgreeWithRedis(t *testing.T) {
	if !redistest.HasRedis(t) {
		return
	}
	theirs, ours := redistest.StartRedis(t), redistest.NewMemory(*seed)
	both := func(args ...string) int64 {
		t.Helper()
		want, err := theirs.Do(args...)
		if err != nil {
			t.Fatal(err)
		}
		have, err := ours.Do(args...)
		if err != nil || have.Kind != want.Kind || have.Int != want.Int || have.Text != want.Text {
			t.Fatalf("seed %d: %.60q of %d words: Redis replies %v, Atoll %v, %v", *seed, args, len(args), want, have, err)
		}
		return have.Int
	}
	r := rand.New(rand.NewPCG(*seed, 9))
	element := func() string {
		b := make([]byte, r.IntN(40)) // Every length of the hash's last word.
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return string(b)
	}
	added, size := 0, 1
	for added < 1_000_000 {
		add := []string{"PFADD", "h" + strconv.Itoa(r.IntN(3))}
		for range size {
			add = append(add, element())
		}
		both(add...)
		both("PFCOUNT", add[1])
		both("PFCOUNT", "h0", "h1", "none", "h2")
		if r.IntN(10) == 0 {
			both("PFMERGE", "m", "h0", "none", "h1")
			both("PFCOUNT", "m")
		}
		added += size
		size = min(size+size/8+1, 30_000)
	}
	both("PFMERGE", "m", "h0", "h1")
	both("COPY", "h2", "c")
	if n := both("PFCOUNT", "c", "m"); n < 900_000 || n > 1_100_000 {
		t.Errorf("seed %d: about a million elements are estimated to be %d", *seed, n)
	}
}

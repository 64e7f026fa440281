package e2e

import (
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

var (
	restartKeys   = flag.Int("restart-keys", 20_000, "keys that the servers of TestRestart have, of 16 bytes each, with values of 100")
	restartRounds = flag.Int("restart-rounds", 2, "how often TestRestart starts each of them again")
	restartCold   = flag.Bool("restart-cold", false, "start them half of the times with nothing of any file in memory, which takes root; for measuring")
)

// Bounds of TestRestart.
const (
	restartChecks  = 20_000 // keys that are read after each start, at most
	restartBatch   = 1000   // commands on their way at a time
	restartWriters = 2
	restartTries   = 600 // of a batch, when a server says that it has too much to do
)

// TestRestart fills a node that has a data directory, and a redis-server where there is
// one, stops them, starts them again and looks when they answer the first read, and
// whether what they answer then is right. It wants nothing of the times: `make
// bench-restart` prints them, with ten million keys.
func TestRestart(t *testing.T) {
	t.Parallel()
	if _, err := group.id(); err != nil {
		t.Fatal(err)
	}
	servers := []*restarted{restartedAtoll(t)}
	if path := redisServer(t); path != "" {
		servers = append(servers, restartedRedis(t, path))
	}
	for _, s := range servers {
		s.measure()
	}
	t.Logf("%d keys of 16 bytes, values of 100; from the start of the process to\n%s", *restartKeys, restartTable(servers))
}

// restarted is a server that is stopped and started again.
type restarted struct {
	*process
	t      *testing.T
	addr   string
	dir    string
	random *rand.Rand
	halt   func() // ends it so that it has kept everything

	loading, stopping time.Duration
	bytes             int64 // of its directory
	starts            []restartTimes
}

// restartTimes are those of one start, since the process was begun.
type restartTimes struct {
	cold        bool
	read, write time.Duration // until a key was read, and until one was written
}

func restartedAtoll(t *testing.T) *restarted {
	s := newRestarted(t)
	s.process = newProcess(t, logDir(t), "atoll", `"ready":true`, atollProgram(t), "serve", "--json", "--cluster", clusterName, "--region", "eu",
		"--name", "eu-1", "--nats-listen", loopback(freePort(t)), "--resp-addr", s.addr, "--data-dir", s.dir)
	s.halt = s.stop
	return s
}

func restartedRedis(t *testing.T, path string) *restarted {
	s := newRestarted(t)
	_, port := splitPort(t, s.addr)
	s.process = newProcess(t, logDir(t), "redis-server", "Ready to accept connections", path,
		"--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", s.dir)
	s.halt = s.saveAndEnd
	return s
}

func newRestarted(t *testing.T) *restarted {
	return &restarted{t: t, dir: t.TempDir(), addr: loopback(freePort(t)), random: rand.New(rand.NewPCG(1, 2))}
}

// saveAndEnd ends a redis-server, which writes all that it has to a file before.
func (s *restarted) saveAndEnd() {
	c, err := dialRedis(s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.close()
	// It answers by going away, which takes as long as the file does.
	c.put("SHUTDOWN", "SAVE")
	if err := c.flush(); err != nil {
		s.t.Fatal(err)
	}
	select {
	case <-s.ended:
	case <-time.After(restartWithin):
		s.t.Fatalf("redis-server: has not ended %v after SHUTDOWN", restartWithin)
	}
}

// measure fills the server, and starts it again as often as it is to be.
func (s *restarted) measure() {
	s.t.Helper()
	s.start()
	began := time.Now()
	s.load()
	s.loading = time.Since(began)
	s.checkAll()
	began = time.Now()
	s.halt()
	s.stopping, s.bytes = time.Since(began), s.size()
	s.t.Logf("%s: filled in %s, stopped in %s", s.name, inMillis(s.loading), inMillis(s.stopping))
	for i := range *restartRounds {
		cold := *restartCold && i%2 == 0
		if cold {
			dropCaches(s.t)
		}
		began := time.Now()
		s.launch()
		c, times := s.firstRead(began)
		times.cold = cold
		s.starts = append(s.starts, times)
		s.t.Logf("%s: started, first read after %s", s.name, inMillis(times.read))
		s.check(c)
		c.close()
		s.checkAll()
		s.halt()
	}
}

// firstRead returns when the server has given a value and taken one, with the
// connection. It may refuse to answer before; what it answers must be right.
func (s *restarted) firstRead(began time.Time) (*redisConn, restartTimes) {
	s.t.Helper()
	i := s.random.IntN(*restartKeys)
	var times restartTimes
	var c *redisConn
	attempt := func() (err error) {
		if c == nil {
			if c, err = dialRedis(s.addr); err != nil {
				return err
			}
		}
		if times.read == 0 {
			value, err := c.do("GET", restartKey(i))
			if refused := errReply(""); errors.As(err, &refused) {
				return err
			}
			if err != nil || value != restartValue(i) {
				s.t.Fatalf("%s: GET %s: want %q, have %q, %v", s.name, restartKey(i), restartValue(i), value, err)
			}
			times.read = time.Since(began)
		}
		if _, err := c.do("SET", restartKey(i), restartValue(i)); err != nil {
			return err
		}
		times.write = time.Since(began)
		return nil
	}
	for err := attempt(); err != nil; err = attempt() {
		if time.Since(began) > restartWithin {
			s.t.Fatalf("%s: no answer within %v: %v", s.name, restartWithin, err)
		}
		<-time.After(time.Millisecond)
	}
	return c, times
}

// load writes all keys.
func (s *restarted) load() {
	s.t.Helper()
	var wg sync.WaitGroup
	for w := range restartWriters {
		wg.Go(func() {
			c, err := dialRedis(s.addr)
			if err != nil {
				s.t.Error(err)
				return
			}
			defer c.close()
			for from := w * restartBatch; from < *restartKeys && err == nil; from += restartWriters * restartBatch {
				err = c.setAll(from, min(from+restartBatch, *restartKeys))
			}
			if err != nil {
				s.t.Errorf("%s: %v", s.name, err)
			}
		})
	}
	wg.Wait()
	if s.t.Failed() {
		s.t.FailNow()
	}
}

// setAll writes the keys from (inclusive) to (exclusive).
func (c *redisConn) setAll(from, to int) error {
	var refused error
	for range restartTries {
		for i := from; i < to; i++ {
			c.put("SET", restartKey(i), restartValue(i))
		}
		if err := c.flush(); err != nil {
			return err
		}
		refused = nil
		for range to - from {
			_, err := c.reply()
			if reply := errReply(""); err != nil && !errors.As(err, &reply) {
				return err
			} else if err != nil {
				refused = err
			}
		}
		if refused == nil {
			return nil
		}
		<-time.After(100 * time.Millisecond)
	}
	return refused
}

// checkAll reads keys on a connection of its own.
func (s *restarted) checkAll() {
	s.t.Helper()
	c, err := dialRedis(s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.close()
	s.check(c)
	if have, err := c.do("DBSIZE"); err != nil || have != strconv.Itoa(*restartKeys) {
		s.t.Errorf("%s: DBSIZE: want %d, have %q, %v", s.name, *restartKeys, have, err)
	}
}

// check reads many keys, all where there are few, and one that there is not.
func (s *restarted) check(c *redisConn) {
	s.t.Helper()
	order := make([]int, restartBatch)
	for checked := 0; checked < min(*restartKeys, restartChecks); checked += len(order) {
		for j := range order {
			if order[j] = s.random.IntN(*restartKeys); *restartKeys <= restartChecks {
				order[j] = (checked + j) % *restartKeys
			}
			c.put("GET", restartKey(order[j]))
		}
		c.put("GET", restartKey(*restartKeys))
		if err := c.flush(); err != nil {
			s.t.Fatalf("%s: %v", s.name, err)
		}
		for _, i := range order {
			if value, err := c.reply(); err != nil || value != restartValue(i) {
				s.t.Fatalf("%s: GET %s: want %q, have %q, %v", s.name, restartKey(i), restartValue(i), value, err)
			}
		}
		if value, err := c.reply(); !errors.Is(err, errNil) {
			s.t.Fatalf("%s: GET %s: want nothing, have %q, %v", s.name, restartKey(*restartKeys), value, err)
		}
	}
}

func restartKey(i int) string { return fmt.Sprintf("key:%012d", i) }

// restartValue returns the 100 bytes of a key, of which a compressor finds half.
func restartValue(i int) string {
	var b [56]byte
	r := rand.NewPCG(uint64(i), 1)
	for j := 0; j < len(b); j += 8 {
		for k, n := 0, r.Uint64(); k < 8; k, n = k+1, n>>8 {
			b[j+k] = byte(n)
		}
	}
	return hex.EncodeToString(b[:50])
}

// size returns the bytes of the files that the server has left.
func (s *restarted) size() (bytes int64) {
	err := filepath.WalkDir(s.dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			info, e := d.Info()
			if err = e; e == nil {
				bytes += info.Size()
			}
		}
		return err
	})
	if err != nil {
		s.t.Error(err)
	}
	return bytes
}

// dropCaches has the kernel forget what it knows of files, programs included.
func dropCaches(t testing.TB) {
	t.Helper()
	if err := exec.Command("sync").Run(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0); err != nil {
		t.Fatalf("-restart-cold needs root on Linux: %v", err)
	}
}

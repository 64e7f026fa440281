package redistest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// HasRedis reports whether there is a redis-server to start. Without one the test
// compares nothing and says so; where CI is set it fails.
func HasRedis(t testing.TB) bool {
	t.Helper()
	_, err := exec.LookPath("redis-server")
	switch {
	case err == nil:
		return true
	case os.Getenv("CI") != "":
		t.Fatal("no redis-server: install the package of that name")
	}
	t.Log("no redis-server: nothing is compared; install the package of that name")
	return false
}

// StartRedis starts a redis-server of its own, empty and without a disk, and
// connects to it. It ends with the test.
func StartRedis(t testing.TB) *Client {
	t.Helper()
	dir, err := os.MkdirTemp("", "redis") // A socket's path must be short.
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	socket := filepath.Join(dir, "s")
	cmd := exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--dir", dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Error(err)
		}
		<-ended
	})
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); ; {
		if c, err := Dial("unix", socket); err == nil {
			t.Cleanup(func() { _ = c.Close() })
			return c
		}
		select {
		case <-tick.C:
		case err := <-ended:
			ended <- err
			t.Fatalf("redis-server has ended: %v", err)
		case <-deadline:
			t.Fatalf("redis-server does not answer within %v", patience)
		}
	}
}

package e2e

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"

	// What the processes are built from, so that a result of these tests is not
	// taken from go test's cache when it has changed.
	_ "github.com/atollcache/atoll/cli"
)

var (
	long = flag.Bool("long", false, "run every scenario, as make e2e does")
	seed = flag.Uint64("seed", 0, "seed of the workload; 0 draws one")
	logs = flag.String("logs", "", "directory to keep logs and histories in")
)

// reaperVariable marks the process that cleans up, and names the directory that it
// removes.
const reaperVariable = "ATOLL_E2E_REAPER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(reaperVariable); dir != "" {
		reap(dir)
		return
	}
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "atoll-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	built.dir, built.atoll = dir, sync.OnceValues(buildAtoll)
	defer group.end()
	return m.Run()
}

// reap waits until the tests are gone, however they went, and ends every process
// that they have started: all are in its group.
func reap(dir string) {
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = os.RemoveAll(dir)
	killOwnGroup()
}

// reaper is the process that cleans up, seen from the tests. It keeps the group
// alive that everything is started in.
type reaper struct {
	cmd   *exec.Cmd
	stdin io.Closer
}

var group reaper

// id returns the process group that everything is started in.
func (r *reaper) id() (int, error) {
	if r.cmd != nil {
		return r.cmd.Process.Pid, nil
	}
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), reaperVariable+"="+built.dir)
	inGroup(cmd, 0)
	if r.stdin, err = cmd.StdinPipe(); err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("start the process that cleans up: %w", err)
	}
	r.cmd = cmd
	return cmd.Process.Pid, nil
}

// end ends what is left of the group.
func (r *reaper) end() {
	if r.cmd == nil {
		return
	}
	_ = r.stdin.Close()
	_ = r.cmd.Wait() // It was killed, by itself.
	r.cmd = nil
}

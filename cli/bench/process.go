package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// endWait is how long a process may take to end when it is told to.
const endWait = 15 * time.Second

// maxErrors bounds what is kept of a process's standard error, its end.
const maxErrors = 1 << 20

// process is a program that was started for a run.
type process struct {
	cmd    *exec.Cmd
	errors *tail
	ended  chan struct{} // closed when it has ended
	remove string        // a directory to remove then; empty: none
	abrupt bool          // it keeps nothing, and takes its time to leave
}

// tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if extra := t.buf.Len() + len(p) - maxErrors; extra > 0 {
		t.buf.Next(extra)
	}
	return t.buf.Write(p)
}

// String returns what is kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}

// startProcess starts a program in an environment with more variables. When ready
// is not nil the program's first JSON document is read into it.
func startProcess(ctx context.Context, ready any, env []string, program string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(program, args...), errors: &tail{}, ended: make(chan struct{})}
	p.cmd.Stderr = p.errors
	p.cmd.Env = append(os.Environ(), env...)
	var read func() error
	if ready != nil {
		out, err := p.cmd.StdoutPipe()
		if err != nil {
			return nil, err
		}
		read = func() error { return json.NewDecoder(out).Decode(ready) }
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	heard := make(chan error, 1)
	go func() {
		if read != nil {
			heard <- read()
		}
		_ = p.cmd.Wait() // How it ended shows in what it answers.
		close(p.ended)
	}()
	if read == nil {
		return p, nil
	}
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	var err error
	select {
	case err = <-heard:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		_ = p.cmd.Process.Kill() // It may have ended by itself.
		<-p.ended
		return nil, fmt.Errorf("start %s %s: %w: %s", program, strings.Join(args, " "), err, strings.TrimSpace(p.errors.String()))
	}
	return p, nil
}

// close tells the process to end, and ends it if it does not.
func (p *process) close() error {
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil || p.abrupt {
		_ = p.cmd.Process.Kill() // It may have ended by itself.
	}
	select {
	case <-p.ended:
	case <-time.After(endWait):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	if p.remove == "" {
		return nil
	}
	return os.RemoveAll(p.remove)
}

// pid returns the process's ID.
func (p *process) pid() int { return p.cmd.Process.Pid }

// freePort returns a port of the loopback address that nobody listened on just now.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// residentBytes returns the memory that the system has given a process.
func residentBytes(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, errors.New("no VmRSS in the process's status")
}

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Times to wait for processes. They are long because the machine may be busy.
const (
	startWithin = 30 * time.Second
	stopWithin  = 40 * time.Second // atoll serve takes up to 30 s to leave
)

// logTail is how many lines of each log a failed test shows.
const logTail = 15

// process is a program that can be started, ended in every way, and started
// again. It is used by one goroutine.
type process struct {
	t     testing.TB
	name  string
	path  string
	args  []string
	ready string // what it says when it is ready
	log   string // path of what it says, from all its lives

	cmd   *exec.Cmd
	ended chan struct{} // closed when this life has ended
	err   error         // how, readable then
}

// newProcess returns a process that is not running. It ends with the test, which
// shows its log when it has failed.
func newProcess(t testing.TB, dir, name, ready, path string, args ...string) *process {
	p := &process{t: t, name: name, path: path, args: args, ready: ready, log: filepath.Join(dir, name+".log")}
	_ = os.Remove(p.log) // Of an earlier run that kept its logs.
	t.Cleanup(func() {
		if p.running() {
			p.kill()
		}
		if t.Failed() {
			p.showLog()
		}
	})
	return p
}

// start starts the process and returns when it is ready.
func (p *process) start() {
	p.t.Helper()
	said := p.launch()
	select {
	case <-said.found:
	case <-p.ended:
		p.t.Fatalf("%s: ended before it was ready: %v", p.name, p.err)
	case <-time.After(startWithin):
		p.t.Fatalf("%s: not ready after %v", p.name, startWithin)
	}
}

// launch starts the process and does not wait.
func (p *process) launch() *watcher {
	p.t.Helper()
	pgid, err := group.id()
	if err != nil {
		p.t.Fatal(err)
	}
	file, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		p.t.Fatal(err)
	}
	said := &watcher{to: file, text: p.ready, found: make(chan struct{})}
	cmd := exec.Command(p.path, p.args...)
	cmd.Stdout, cmd.Stderr = said, said
	cmd.Env = append(os.Environ(), "LOG_LEVEL=info") // toxiproxy's, which traces otherwise.
	inGroup(cmd, pgid)
	if err := cmd.Start(); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
	p.cmd, p.ended = cmd, make(chan struct{})
	go func(ended chan struct{}) {
		p.err = cmd.Wait()
		_ = file.Close()
		close(ended)
	}(p.ended)
	return said
}

func (p *process) running() bool {
	if p.cmd == nil {
		return false
	}
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// kill ends the process at once, as kill -9 does, and returns when it is gone.
func (p *process) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("%s: kill: %v", p.name, err)
	}
	<-p.ended
}

// stop asks the process to end and wants it to do so in time and without an error.
func (p *process) stop() {
	p.t.Helper()
	if err := terminate(p.cmd.Process.Pid); err != nil {
		p.t.Fatalf("%s: terminate: %v", p.name, err)
	}
	select {
	case <-p.ended:
	case <-time.After(stopWithin):
		p.t.Fatalf("%s: has not ended %v after SIGTERM", p.name, stopWithin)
	}
	if p.err != nil {
		p.t.Errorf("%s: after SIGTERM want exit code 0, have %v", p.name, p.err)
	}
}

// freeze stops the process where it stands: it keeps its connections and answers
// nothing. thaw lets it go on.
func (p *process) freeze() { p.signal(freeze) }
func (p *process) thaw()   { p.signal(thaw) }

func (p *process) signal(send func(pid int) error) {
	p.t.Helper()
	if err := send(p.cmd.Process.Pid); err != nil {
		p.t.Fatalf("%s: signal: %v", p.name, err)
	}
}

// neverSaid wants the process's log not to hold a text.
func (p *process) neverSaid(text string) {
	p.t.Helper()
	said, err := os.ReadFile(p.log)
	if err != nil {
		p.t.Error(err)
	}
	if bytes.Contains(said, []byte(text)) {
		p.t.Errorf("%s: want it never to say %q, but it has", p.name, text)
	}
}

// showLog writes the end of the process's log to the test's.
func (p *process) showLog() {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return // It has never been started.
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	if more := len(lines) - logTail; more > 0 {
		lines = append([]string{fmt.Sprintf("… %d lines before", more)}, lines[more:]...)
	}
	p.t.Logf("log of %s:\n  %s", p.name, strings.Join(lines, "\n  "))
}

// watcher passes on what is written and says when a text has been.
type watcher struct {
	mu    sync.Mutex
	to    *os.File
	text  string
	seen  []byte // until the text is found
	found chan struct{}
	done  bool
}

// Write implements io.Writer.
func (w *watcher) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.done {
		w.seen = append(w.seen, b...)
		if bytes.Contains(w.seen, []byte(w.text)) {
			w.done, w.seen = true, nil
			close(w.found)
		}
	}
	return w.to.Write(b)
}

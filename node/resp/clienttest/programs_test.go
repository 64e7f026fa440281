package clienttest_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// programLimit is how long a program may take.
const programLimit = 3 * time.Minute

// absent says that something is missing that a test needs. Where CI is set that is a
// failure, elsewhere the test says that it was not run.
func absent(t testing.TB, format string, args ...any) {
	t.Helper()
	text := fmt.Sprintf(format, args...)
	if os.Getenv("CI") != "" {
		t.Fatal(text)
	}
	t.Logf("not run: %s", text)
}

// program is a client in another language that works through steps and says so, line
// by line: "step NAME" when one is done, "ask stop N" and "ask start N" to have a node
// stopped and started, to which it is answered "done", and in the end "finished".
type program struct {
	command []string
	dir     string
	steps   []string // all that it is to take, in order
}

// run runs a program against nodes and fails the test unless it takes all its steps.
func (p program) run(t *testing.T, ns *nodes) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), programLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.command[0], p.command[1:]...)
	cmd.Dir, cmd.Env = p.dir, append(append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1"), ns.env()...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	have, said := p.serve(t, ns, stdout, stdin)
	if err := cmd.Wait(); err != nil || !slices.Equal(have, append(p.want(ns), "finished")) {
		t.Fatalf("%v: %v\nwant steps %q\nhave steps %q\nit said:\n%s%s", p.command, err, p.want(ns), have, said, stderr.String())
	}
}

// serve does what the program asks for until its output ends, and returns the steps
// that it took and what else it said.
func (p program) serve(t *testing.T, ns *nodes, stdout io.Reader, stdin io.Writer) (steps []string, said string) {
	t.Helper()
	var other strings.Builder
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		verb, rest, _ := strings.Cut(lines.Text(), " ")
		switch verb {
		case "step":
			steps = append(steps, rest)
		case "finished":
			steps = append(steps, verb)
		case "ask":
			if err := ns.obey(rest); err != nil {
				t.Errorf("%v asked for %q: %v", p.command, rest, err)
			}
			if _, err := fmt.Fprintln(stdin, "done"); err != nil {
				t.Errorf("%v: answer %q: %v", p.command, rest, err)
			}
		default:
			other.WriteString(lines.Text() + "\n")
		}
	}
	if err := lines.Err(); err != nil {
		t.Errorf("%v: %v", p.command, err)
	}
	return steps, other.String()
}

// obey stops or starts a node.
func (ns *nodes) obey(what string) error {
	verb, number, _ := strings.Cut(what, " ")
	i, err := strconv.Atoi(number)
	if err != nil || i < 0 || i >= len(ns.addrs) {
		return fmt.Errorf("no node %q", number)
	}
	switch verb {
	case "stop":
		ns.halt(i)
		return nil
	case "start":
		return ns.start(i)
	}
	return fmt.Errorf("%q is neither stop nor start", verb)
}

// commandSteps are the families of commands that each client works through.
var commandSteps = []string{"strings", "keys", "hashes", "field expiry", "sets", "sorted sets", "lists", "hyperloglog", "transactions", "pipelines", "scan", "messages"}

// needs says by which command a step's family is known, of steps that need one.
var needs = map[string]string{"field expiry": "hexpire", "lists": "lpush", "hyperloglog": "pfadd"}

// want returns the steps for which the nodes have the commands.
func (p program) want(ns *nodes) []string {
	return slices.DeleteFunc(slices.Clone(p.steps), func(s string) bool {
		return needs[s] != "" && !slices.Contains(ns.has, needs[s])
	})
}

// steps joins names and lists of steps.
func steps(parts ...any) []string {
	var all []string
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			all = append(all, p)
		case []string:
			all = append(all, p...)
		}
	}
	return all
}

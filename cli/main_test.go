package cli_test

import (
	"context"
	"flag"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/atollcache/atoll/cli"
)

// update rewrites the expected output in the scripts; review it as a diff.
var update = flag.Bool("update", false, "rewrite the expected output in testdata")

// TestMain lets scripts, and the shells that they start, run the program as a
// process of its own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"atoll": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		context.AfterFunc(ctx, stop)
		os.Exit(cli.Run(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr))
	}})
}

// scripts runs the scripts of a directory. Beside testscript's own commands they
// have
//
//	code N atoll ARGUMENT... [< FILE]
//
// which runs the program in this process and demands an exit code. vars are added
// to the scripts' environment.
func scripts(t *testing.T, dir string, vars ...string) {
	t.Helper()
	dir, err := filepath.Abs(dir) // The directory changes while scripts run.
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		UpdateScripts:       *update,
		Setup: func(e *testscript.Env) error {
			e.Vars = append(e.Vars, vars...)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": code},
	})
}

// environment is what the program reads of it.
var environment = []string{
	"ATOLL_COMPLETE_WAIT", "NATS_URL", "NATS_CONTEXT", "NATS_TIMEOUT", "NATS_CREDS", "NATS_USER", "NATS_TOKEN", "ATOLL_REGION", "ATOLL_CLUSTER",
	"XDG_CONFIG_HOME", "HOME", "NO_COLOR", "CLICOLOR_FORCE", "COLUMNS", "TERM",
}

// process guards what scripts share: this process's environment and directory.
var process sync.Mutex

func code(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || args[1] != "atoll" {
		ts.Fatalf("usage: code N atoll argument... [< file]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	args = args[1:]
	var stdin io.Reader = strings.NewReader("")
	if n := len(args); n > 2 && args[n-2] == "<" {
		stdin = strings.NewReader(ts.ReadFile(args[n-1]))
		args = args[:n-2]
	}
	process.Lock()
	defer process.Unlock()
	for _, name := range environment {
		defer restore(name)()
		if value := ts.Getenv(name); value != "" || name == "NATS_URL" {
			ts.Check(os.Setenv(name, value))
		} else {
			ts.Check(os.Unsetenv(name))
		}
	}
	home, err := os.Getwd()
	ts.Check(err)
	ts.Check(os.Chdir(ts.MkAbs(".")))
	defer func() { ts.Check(os.Chdir(home)) }()
	if have := cli.Run(context.Background(), args, stdin, ts.Stdout(), ts.Stderr()); have != want {
		ts.Fatalf("exit code: want %d, have %d\n%s%s", want, have, ts.Stdout(), ts.Stderr())
	}
}

// restore returns what gives a variable of the environment its present value back.
func restore(name string) func() {
	value, ok := os.LookupEnv(name)
	return func() {
		if ok {
			_ = os.Setenv(name, value)
		} else {
			_ = os.Unsetenv(name)
		}
	}
}

// TestLocal runs what needs no cluster. The port is one that nobody listens on.
func TestLocal(t *testing.T) {
	scripts(t, "testdata/local", "NATS_URL=nats://127.0.0.1:1")
}

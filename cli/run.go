package cli

import (
	"context"
	"io"
	"slices"

	"github.com/urfave/cli/v2"
)

// verbs returns all commands, in the order of the help.
func verbs() []verb {
	return []verb{
		getVerb(), setVerb(), delVerb(), invalidateVerb(), incrVerb(), mgetVerb(), msetVerb(), missVerb(), fillVerb(),
		expireVerb(), ttlVerb(), persistVerb(),
		hsetVerb(), hgetVerb(), hgetallVerb(), hdelVerb(), hincrbyVerb(),
		saddVerb(), sremVerb(), smembersVerb(),
		zaddVerb(), zrangeVerb(), zincrbyVerb(), zremVerb(),
		scanVerb(), loadVerb(), backupVerb(), restoreVerb(),
		inspectVerb(), verifyVerb(), regionsVerb(), nodesVerb(), ringVerb(), linkVerb(), benchVerb(),
		devVerb(), serveVerb(), demoVerb(),
		completionVerb(), versionVerb(),
	}
}

// Run is the program: it runs the command line args, whose first word is the
// program's name, and returns the exit code. It returns when the command has
// ended; for dev and serve that is after ctx is done and everything is stopped.
// It reads the environment and the contexts of the nats CLI, and uses no other
// stream than the three given.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	t := newTerminal(stdin, stdout, stderr)
	app := newApp(t)
	if len(args) > 1 && args[1] == completeWord {
		complete(ctx, t, app, args[2:])
		return exitDone
	}
	if len(args) > 0 {
		args = args[1:]
	}
	// Errors before the flags are known should be in the form asked for, too.
	asJSON := slices.ContainsFunc(args, func(w string) bool { return w == "--json" || w == "-j" })
	t.configure(asJSON, slices.Contains(args, "--no-color"))
	if err := dispatch(ctx, t, app, args); err != nil {
		return t.fail(explain(err))
	}
	return exitDone
}

// newApp describes the program for urfave/cli.
func newApp(t *terminal) *cli.App {
	app := &cli.App{
		Name: "atoll", HideHelp: true, HideHelpCommand: true, HideVersion: true,
		Reader: t.in, Writer: t.out, ErrWriter: t.err,
		ExitErrHandler: func(*cli.Context, error) {}, // Run reports errors and chooses the exit code.
		OnUsageError:   usageError,
	}
	for _, v := range verbs() {
		app.Commands = append(app.Commands, v.command(t))
	}
	return app
}

// dispatch runs a command line, or helps.
func dispatch(ctx context.Context, t *terminal, app *cli.App, words []string) error {
	if slices.Equal(words, []string{"--version"}) {
		words = []string{"version"}
	}
	l, err := parseLine(app.Commands, clientFlags(), words)
	if err != nil {
		return err
	}
	c := l.command()
	switch {
	case c == nil:
		t.help(app)
		return nil
	case l.help:
		t.helpCommand(l.path)
		return nil
	case len(c.Subcommands) > 0:
		return usagef("atoll %s needs one of %s", c.Name, listNames(c.Subcommands)).withHint("`atoll %s --help` says more", c.Name)
	}
	return app.RunContext(ctx, l.words(app.Name))
}

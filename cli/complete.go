package cli

import (
	"context"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/atollcache/atoll/node/command"
)

// completeWord is the word with which the completion scripts call the program:
// the words of the command line follow, the one to complete last. Each candidate
// comes back on a line, its description after a tab; the line ":files" asks for
// names of files. What goes wrong gives no candidates.
const completeWord = "__complete"

// Bounds of completion with what is in a cluster.
const (
	completeBudget = 200 * time.Millisecond // unless ATOLL_COMPLETE_WAIT says otherwise
	completeKeys   = 100
)

// budget returns how long completion waits for the cluster.
func budget() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("ATOLL_COMPLETE_WAIT")); err == nil {
		return d
	}
	return completeBudget
}

// candidates is what can stand in one place.
type candidates struct {
	words []string // with descriptions after tabs
	files bool
	live  string // KEY or REGION: the cluster knows
}

// complete writes the candidates for the last of words.
func complete(ctx context.Context, t *terminal, app *cli.App, words []string) {
	if len(words) == 0 {
		words = []string{""}
	}
	before, word := words[:len(words)-1], words[len(words)-1]
	if word == `""` {
		word = ""
	}
	l, can, prefix := place(app, before, word)
	word = strings.TrimPrefix(word, prefix)
	if can.files {
		t.printf(":files\n")
		return
	}
	if can.live != "" {
		can.words = live(ctx, app, l, can.live, word)
	}
	for _, w := range can.words {
		if strings.HasPrefix(w, word) {
			t.printf("%s%s\n", prefix, w)
		}
	}
}

// place returns the command line so far, what can stand where word does, and the
// part of word that stays as it is.
func place(app *cli.App, before []string, word string) (line, candidates, string) {
	ended := slices.Contains(before, "--")
	if n := len(before); n > 0 && !ended && isFlag(before[n-1]) && !strings.Contains(before[n-1], "=") {
		l, err := parseLine(app.Commands, clientFlags(), before[:n-1])
		if f := findFlag(l.flagsNow(clientFlags()), before[n-1]); err == nil && f != nil && takesValue(f) {
			return l, valueOf(f), ""
		}
	}
	l, err := parseLine(app.Commands, clientFlags(), before)
	if err != nil {
		return l, candidates{}, ""
	}
	if name, _, ok := strings.Cut(word, "="); ok && isFlag(name) && !ended {
		if f := findFlag(l.flagsNow(clientFlags()), name); f != nil && takesValue(f) {
			return l, valueOf(f), name + "="
		}
	}
	switch {
	case isFlag(word) && !ended, word == "-":
		return l, candidates{words: flagWordsOf(l.flagsNow(clientFlags()))}, ""
	case l.needsName():
		return l, candidates{words: commandWords(app, l)}, ""
	}
	return l, argOf(l.command(), len(l.args)), ""
}

func findFlag(flags []cli.Flag, word string) cli.Flag {
	name := strings.TrimLeft(word, "-")
	for _, f := range flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

func takesValue(f cli.Flag) bool {
	_, isBool := f.(*cli.BoolFlag)
	return !isBool
}

// valueOf returns what a flag takes, by the word that stands for it in the help.
func valueOf(f cli.Flag) candidates {
	_, placeholder, _ := strings.Cut(flagPair(f)[0], " ")
	if i := strings.LastIndexByte(placeholder, ' '); i >= 0 {
		placeholder = placeholder[i+1:]
	}
	return candidates{files: placeholder == "FILE", live: liveKind(placeholder)}
}

// argOf returns what an argument is, by the command's usage.
func argOf(c *cli.Command, i int) candidates {
	words := strings.Fields(strings.NewReplacer("[", " ", "]", " ").Replace(c.ArgsUsage))
	if i >= len(words) && len(words) > 0 && strings.HasSuffix(words[len(words)-1], "...") {
		i = len(words) - 1
	}
	if i >= len(words) {
		return candidates{}
	}
	placeholder := strings.TrimSuffix(words[i], "...")
	if placeholder == "SHELL" {
		return candidates{words: shellNames()}
	}
	return candidates{files: placeholder == "FILE" || placeholder == "DIR", live: liveKind(placeholder)}
}

func liveKind(placeholder string) string {
	if placeholder == "KEY" || placeholder == "REGION" {
		return placeholder
	}
	return ""
}

func flagWordsOf(flags []cli.Flag) []string {
	var words []string
	for _, f := range flags {
		words = append(words, "--"+f.Names()[0]+"\t"+flagPair(f)[1])
	}
	return append(words, "--help\tsay more")
}

func commandWords(app *cli.App, l line) []string {
	commands := app.Commands
	if c := l.command(); c != nil {
		commands = c.Subcommands
	}
	var words []string
	for _, c := range commands {
		if !c.Hidden {
			words = append(words, c.Name+"\t"+c.Usage)
		}
	}
	return words
}

// live asks the cluster that the command line names.
func live(ctx context.Context, app *cli.App, l line, kind, prefix string) []string {
	ctx, cancel := context.WithTimeout(ctx, budget())
	defer cancel()
	var words []string
	leaf := l.command()
	if leaf == nil { // A flag in front of the command.
		leaf = app.Command("scan")
		l.path = []*cli.Command{leaf}
	}
	leaf.Action = func(c *cli.Context) error {
		k := &call{Context: c} // It writes nothing.
		defer k.close()
		var err error
		words, err = k.liveWords(ctx, kind, prefix)
		return err
	}
	_ = app.RunContext(ctx, l.words(app.Name)) // No cluster, no candidates.
	return slices.DeleteFunc(words, func(w string) bool {
		return strings.ContainsFunc(w, func(r rune) bool { return r <= ' ' || strings.ContainsRune("\"'`$\\!&|;<>()*?[]{}#~\x7f", r) })
	})
}

func (c *call) liveWords(ctx context.Context, kind, prefix string) ([]string, error) {
	api, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	var words []string
	if kind == "REGION" {
		regions, err := api.Regions(ctx)
		for _, r := range regions {
			words = append(words, r.Region)
		}
		return words, err
	}
	for key, err := range api.Scan(ctx, command.ScanOptions{Match: globEscape(prefix) + "*"}) {
		if err != nil || len(words) == completeKeys {
			return words, err
		}
		words = append(words, key)
	}
	return words, nil
}

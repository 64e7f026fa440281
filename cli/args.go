package cli

import (
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

// line is a command line taken apart.
type line struct {
	path  []*cli.Command // the command and, where it has one, its subcommand
	flags []string       // flags with their values, as they were written
	args  []string       // arguments
	help  bool           // -h, --help, or the word help in front
}

// command returns the innermost command, nil where none was named.
func (l line) command() *cli.Command {
	if len(l.path) == 0 {
		return nil
	}
	return l.path[len(l.path)-1]
}

// words returns the command line in the one order that urfave/cli understands:
// flags before arguments. The program's name comes first.
func (l line) words(program string) []string {
	words := []string{program}
	for _, c := range l.path {
		words = append(words, c.Name)
	}
	words = append(words, l.flags...)
	words = append(words, "--")
	return append(words, l.args...)
}

// parseLine takes the words after the program's name apart.
//
// The first word that is no flag names the command, the next one its subcommand
// where the command has some. A word that begins with - is a flag, unless it is
// "-" alone, looks like a negative number, or comes after "--". A flag that takes
// a value takes the next word, whatever that looks like.
func parseLine(commands []*cli.Command, globals []cli.Flag, words []string) (line, error) {
	var l line
	flags := globals
	for len(words) > 0 {
		w := words[0]
		words = words[1:]
		switch {
		case w == "--":
			rest, err := l.name(commands, words)
			l.args = append(l.args, rest...)
			return l, err
		case w == "-h" || w == "--help":
			l.help = true
		case isFlag(w):
			n, err := flagWords(flags, w, words)
			if err != nil {
				return l, err
			}
			l.flags = append(append(l.flags, w), words[:n]...)
			words = words[n:]
		case l.needsName():
			if err := l.push(commands, w); err != nil {
				return l, err
			}
			flags = l.flagsNow(globals)
		default:
			l.args = append(l.args, w)
		}
	}
	return l, nil
}

// name takes what is still missing of the command's name from words that follow
// "--", and returns the rest.
func (l *line) name(commands []*cli.Command, words []string) ([]string, error) {
	for len(words) > 0 && l.needsName() {
		if err := l.push(commands, words[0]); err != nil {
			return nil, err
		}
		words = words[1:]
	}
	return words, nil
}

// needsName reports whether the next word that is no flag names a command.
func (l *line) needsName() bool {
	c := l.command()
	return c == nil || len(c.Subcommands) > 0
}

// push takes a word as the name of a command.
func (l *line) push(commands []*cli.Command, word string) error {
	if word == "help" && len(l.path) == 0 {
		l.help = true
		return nil
	}
	prefix := "atoll "
	if c := l.command(); c != nil {
		commands = c.Subcommands
		prefix += c.Name + " "
	}
	for _, c := range commands {
		if c.HasName(word) {
			l.path = append(l.path, c)
			return nil
		}
	}
	f := usagef("there is no command %q", strings.TrimSpace(prefix+word))
	if near := nearest(word, commands); near != "" {
		return f.withHint("did you mean `%s%s`?", prefix, near)
	}
	return f.withHint("`%s--help` lists the commands", prefix)
}

// flagsNow returns the flags that may come next. While the command is not named
// yet, these are the ones that all take, and those of all it may turn out to be.
func (l *line) flagsNow(globals []cli.Flag) []cli.Flag {
	c := l.command()
	if c == nil {
		return globals
	}
	if len(c.Subcommands) == 0 {
		return c.Flags
	}
	flags := slices.Clone(globals)
	for _, sub := range c.Subcommands {
		flags = append(flags, sub.Flags...)
	}
	return flags
}

// flagWords returns how many of the words that follow belong to flag w.
func flagWords(flags []cli.Flag, w string, rest []string) (int, error) {
	name, _, hasValue := strings.Cut(strings.TrimLeft(w, "-"), "=")
	for _, f := range flags {
		if !slices.Contains(f.Names(), name) {
			continue
		}
		if _, isBool := f.(*cli.BoolFlag); isBool || hasValue {
			return 0, nil
		}
		if len(rest) == 0 {
			return 0, usagef("flag %s needs a value", w)
		}
		return 1, nil
	}
	f := usagef("there is no flag %s here", strings.SplitN(w, "=", 2)[0])
	if near := nearestFlag(name, flags); near != "" {
		return 0, f.withHint("did you mean --%s? Put -- before an argument that begins with -", near)
	}
	return 0, f.withHint("put -- before an argument that begins with -, such as `atoll set k -- %s`", w)
}

// isFlag reports whether a word is meant as a flag.
func isFlag(w string) bool {
	return len(w) > 1 && w[0] == '-' && !isNumber(w)
}

// isNumber reports whether a word is a number such as -5, -.5, -1e9 or -inf.
func isNumber(w string) bool {
	_, err := strconv.ParseFloat(w, 64)
	return err == nil
}

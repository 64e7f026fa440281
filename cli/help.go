package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

// groups are the groups of commands with what they are for.
var groups = [...]struct{ name, about string }{
	{groupData, "read and write"},
	{groupSee, "look inside"},
	{groupRun, "run clusters"},
	{groupSetup, "set up this program"},
}

// help writes what the program is and can do.
func (t *terminal) help(app *cli.App) {
	t.printf("atoll: a cache in many regions, each of which answers by itself\n\n")
	t.examples([]string{
		"atoll dev                    a cluster of three regions on this machine",
		"atoll set greeting hello     write in the region that is near",
		"atoll -R eu get greeting     read in another",
		"atoll inspect greeting       what it holds, and why",
	})
	for _, g := range groups {
		t.printf("\n%s  %s\n", t.paint(bold, g.name), t.paint(faint, g.about))
		var pairs [][2]string
		for _, c := range app.Commands {
			if c.Category == g.name && !c.Hidden {
				pairs = append(pairs, [2]string{c.Name, c.Usage})
			}
		}
		t.pairs(pairs)
	}
	t.flagHelp("Flags of every command that talks to a cluster", clientFlags(), flagsCommon)
	t.flagHelp("Connection, as for the nats CLI", clientFlags(), flagsConnection)
	t.printf("\nExit codes: 0 done, 1 the answer is no, 2 bad usage, 3 could not reach or timed out.\n")
	t.printf("`atoll COMMAND --help` says more about a command.\n")
}

// helpCommand writes what one command does, examples first.
func (t *terminal) helpCommand(path []*cli.Command) {
	names := []string{"atoll"}
	for _, c := range path {
		names = append(names, c.Name)
	}
	c := path[len(path)-1]
	t.examples(strings.Split(c.UsageText, "\n"))
	usage := strings.Join(names, " ")
	if len(c.Subcommands) > 0 {
		usage += " " + strings.ReplaceAll(listNames(c.Subcommands), ", ", "|")
	}
	if c.ArgsUsage != "" {
		usage += " " + c.ArgsUsage
	}
	t.printf("\n%s %s [flags]\n", t.paint(bold, "Usage:"), usage)
	t.printf("\n%s.\n", upperFirst(c.Usage))
	if c.Description != "" {
		t.printf("\n%s\n", c.Description)
	}
	if len(c.Subcommands) > 0 {
		var pairs [][2]string
		for _, s := range c.Subcommands {
			pairs = append(pairs, [2]string{s.Name, s.Usage})
		}
		t.printf("\n%s\n", t.paint(bold, "Commands"))
		t.pairs(pairs)
	}
	t.flagHelp("Flags", c.Flags, "")
	for _, f := range c.Flags {
		if f.Names()[0] == "server" {
			t.printf("\nAlso --server, --region, --json and the others that `atoll --help` lists.\n")
		}
	}
}

// examples writes examples, each a command and, after two or more spaces, what
// it does.
func (t *terminal) examples(lines []string) {
	var pairs [][2]string
	for _, l := range lines {
		command, about, _ := strings.Cut(l, "  ")
		pairs = append(pairs, [2]string{command, strings.TrimSpace(about)})
	}
	t.printf("%s\n", t.paint(bold, "Examples"))
	t.pairs(pairs)
}

// flagHelp writes the flags of one category under a title.
func (t *terminal) flagHelp(title string, flags []cli.Flag, category string) {
	var pairs [][2]string
	for _, f := range flags {
		if c, ok := f.(cli.CategorizableFlag); ok && c.GetCategory() == category {
			pairs = append(pairs, flagPair(f))
		}
	}
	if len(pairs) > 0 {
		t.printf("\n%s\n", t.paint(bold, title))
		t.pairs(pairs)
	}
}

// flagPair returns how a flag is written and what it does. The word in backquotes
// in its usage stands for its value.
func flagPair(f cli.Flag) [2]string {
	doc, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return [2]string{f.Names()[0], ""}
	}
	left := ""
	for _, n := range f.Names()[1:] {
		left += "-" + n + ", "
	}
	left += "--" + f.Names()[0]
	usage := doc.GetUsage()
	if i, j := strings.Index(usage, "`"), strings.LastIndex(usage, "`"); i < j {
		left += " " + usage[i+1:j]
		usage = strings.ReplaceAll(usage, "`", "")
	}
	var extra []string
	if env := doc.GetEnvVars(); len(env) > 0 {
		extra = append(extra, env[0])
	}
	if d := defaultOf(doc); d != "" {
		extra = append(extra, "default "+d)
	}
	if len(extra) > 0 {
		usage += " (" + strings.Join(extra, ", ") + ")"
	}
	return [2]string{left, usage}
}

// defaultOf returns a flag's default where that says something.
func defaultOf(f cli.DocGenerationFlag) string {
	if s, ok := f.(*cli.StringFlag); ok {
		if s.DefaultText != "" {
			return s.DefaultText
		}
		return s.Value
	}
	switch v := f.GetValue(); {
	case !f.TakesValue(), v == "", v == "0", v == "0s":
		return ""
	default:
		return v
	}
}

// pairs writes two columns, the first indented and padded.
func (t *terminal) pairs(rows [][2]string) {
	width := 0
	for _, r := range rows {
		width = max(width, len(r[0]))
	}
	for _, r := range rows {
		left := fmt.Sprintf("%-*s", width, r[0])
		t.printf("%s\n", strings.TrimRight("  "+t.paint(cyan, left)+"  "+r[1], " "))
	}
}

func examplesText(lines []string) string { return strings.Join(lines, "\n") }

// exampleCommand returns the command of an example without what it does.
func exampleCommand(line string) string {
	command, _, _ := strings.Cut(line, "  ")
	return command
}

// listNames returns the names of commands for a sentence.
func listNames(commands []*cli.Command) string {
	var names []string
	for _, c := range commands {
		names = append(names, c.Name)
	}
	return strings.Join(names, ", ")
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

package scenario

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/atollcache/atoll/node/resp/proto"
)

// ErrSyntax is wrapped by the error for a file that breaks the form.
var ErrSyntax = errors.New("not a scenario")

// Rules and Types are what a heading may name. "order" is the promise that cause
// comes before effect, "redis" what Redis promises to the clients of one region.
var (
	Rules = []string{"R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9", "R10", "R11", "L1", "L2", "H1", "H2", "order", "redis"}
	Types = []string{"string", "counter", "hash", "set", "zset", "list", "hyperloglog", "field"}
)

// MaxAdvance bounds how far one step sets the clocks forward.
const MaxAdvance = 7 * 24 * time.Hour

var (
	heading = regexp.MustCompile(`^== ([A-Za-z0-9,]+) ([a-z,]+): (\S.*)$`)
	typed   = regexp.MustCompile(`^([a-z0-9,]+)>(?: (.*))?$`)
	client  = regexp.MustCompile(`^([a-z]+)([1-9]?)$`)
)

// parser is what is known while a file is read.
type parser struct {
	file    string
	regions []string
	line    int
	out     []Scenario
	command *Step // the one whose reply is being read
	cut     bool  // some regions are cut off from each other
	apart   bool  // and no region is left that connects them
}

// Parse reads the scenarios of a file, for regions of these names. It accepts
// nothing that it does not know. Errors wrap [ErrSyntax] and begin with FILE:LINE.
func Parse(file, text string, regions []string) ([]Scenario, error) {
	p := &parser{file: file, regions: regions}
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		p.line = i + 1
		if err := p.read(line); err != nil {
			return nil, err
		}
	}
	p.line++
	if err := p.end(); err != nil {
		return nil, err
	}
	if len(p.out) == 0 {
		return nil, p.errorf("no heading such as == R1 string: title")
	}
	return p.out, nil
}

func (p *parser) errorf(format string, args ...any) error {
	return fmt.Errorf("%s:%d: %w: %s", p.file, p.line, ErrSyntax, fmt.Sprintf(format, args...))
}

// read takes in one line.
func (p *parser) read(line string) error {
	switch {
	case strings.TrimRight(line, " \t\r") != line:
		return p.errorf("the line ends with a space")
	case line == "" || strings.HasPrefix(line, "#"):
		return p.reply()
	case strings.HasPrefix(line, "=="):
		return p.begin(line)
	}
	word, rest, _ := strings.Cut(line, " ")
	step, isStep := steps[word]
	if m := typed.FindStringSubmatch(line); m != nil || isStep {
		if err := p.reply(); err != nil {
			return err
		}
		if len(p.out) == 0 {
			return p.errorf("a step before the first heading")
		}
		s := Step{Line: p.line, Text: line}
		var err error
		if isStep {
			err = step(p, &s, rest)
		} else {
			err = p.typed(&s, m[1], m[2])
		}
		if err != nil {
			return err
		}
		last := &p.out[len(p.out)-1]
		last.Steps = append(last.Steps, s)
		if !isStep {
			p.command = &last.Steps[len(last.Steps)-1]
		}
		return nil
	}
	return p.replied(line)
}

// begin reads a heading.
func (p *parser) begin(line string) error {
	if err := p.end(); err != nil {
		return err
	}
	m := heading.FindStringSubmatch(line)
	if m == nil {
		return p.errorf("want a heading such as == R1,R4 hash,set: title, have %q", line)
	}
	s := Scenario{File: p.file, Line: p.line, Rules: strings.Split(m[1], ","), Types: strings.Split(m[2], ","), Title: m[3]}
	for _, r := range s.Rules {
		if !slices.Contains(Rules, r) {
			return p.errorf("no rule is called %q: there are %s", r, strings.Join(Rules, ", "))
		}
	}
	for _, t := range s.Types {
		if !slices.Contains(Types, t) {
			return p.errorf("no type is called %q: there are %s", t, strings.Join(Types, ", "))
		}
	}
	for _, o := range p.out {
		if o.Title == s.Title {
			return p.errorf("line %d has the same title", o.Line)
		}
	}
	p.out, p.cut, p.apart = append(p.out, s), false, false
	return nil
}

// end ends a scenario.
func (p *parser) end() error {
	if err := p.reply(); err != nil || len(p.out) == 0 {
		return err
	}
	last := p.out[len(p.out)-1]
	if len(last.Steps) == 0 || last.Steps[len(last.Steps)-1].Op != Command {
		return p.errorf("%q does not end with a command: nothing would be compared", last.Title)
	}
	if p.cut {
		return p.errorf("%q ends while the regions are cut off from each other", last.Title)
	}
	return nil
}

// reply ends the reply that is being read.
func (p *parser) reply() error {
	err := p.endReply()
	p.command = nil
	return err
}

// endReply checks that the reply, or what it may be instead, is there.
func (p *parser) endReply() error {
	if p.command != nil && (p.command.Want == nil || p.command.Want[len(p.command.Want)-1].Text == "") {
		return p.errorf("no reply below %q of line %d", p.command.Text, p.command.Line)
	}
	return nil
}

// replied reads a line of a reply.
func (p *parser) replied(line string) error {
	if p.command == nil {
		return p.errorf("neither a step nor a reply below a command: %q", line)
	}
	if line == "or" {
		if err := p.endReply(); err != nil {
			return err
		}
		p.command.Want = append(p.command.Want, Reply{})
		return nil
	}
	if p.command.Want == nil {
		p.command.Want = []Reply{{}}
	}
	w := &p.command.Want[len(p.command.Want)-1]
	text, raw := strings.CutPrefix(line, "~ ")
	switch {
	case w.Text != "" && w.Raw != raw:
		return p.errorf("a reply is given either with or without ~")
	case w.Text == "":
		w.Text, w.Raw = text, raw
	case raw:
		w.Text += anything + text
	default:
		w.Text += "\n" + text
	}
	return nil
}

// typed reads what clients type.
func (p *parser) typed(s *Step, who, command string) error {
	for name := range strings.SplitSeq(who, ",") {
		if name == "all" {
			for _, r := range p.regions {
				s.At = append(s.At, Client{r, 1})
			}
			continue
		}
		m := client.FindStringSubmatch(name)
		if m == nil || !slices.Contains(p.regions, m[1]) {
			return p.errorf("no region is called %q: there are %s, and all", name, strings.Join(p.regions, ", "))
		}
		c := Client{m[1], 1}
		if m[2] != "" {
			c.Node = int(m[2][0] - '0')
		}
		s.At = append(s.At, c)
	}
	r := proto.NewReader(strings.NewReader(command+"\r\n"), proto.Limits{}, nil)
	if err := r.Fill(); err != nil {
		return p.errorf("read the command: %v", err)
	}
	args, ok, err := r.Next()
	if err != nil {
		return p.errorf("the command: %v", err)
	}
	if !ok || len(args) == 0 {
		return p.errorf("no command behind %s>", who)
	}
	s.Args = slices.Clone(args)
	return nil
}

package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/term"
)

// defaultWidth is the width of output whose terminal does not say.
const defaultWidth = 80

// terminal is where a command reads and writes, and what that can show.
type terminal struct {
	in       io.Reader
	out, err io.Writer
	json     bool // the command line asked for JSON
	outTTY   bool
	errTTY   bool
	outColor bool
	errColor bool
	width    int // columns of out
}

// newTerminal looks at the streams and the environment. What the command line
// says is set later, by configure.
func newTerminal(stdin io.Reader, stdout, stderr io.Writer) *terminal {
	t := &terminal{in: stdin, out: stdout, err: stderr, width: defaultWidth}
	t.outTTY, t.errTTY = isTerminal(stdout), isTerminal(stderr)
	if f, ok := stdout.(*os.File); ok && t.outTTY {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			t.width = w
		}
	}
	if w, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && w > 0 {
		t.width = w
	}
	t.configure(false, false)
	return t
}

// configure sets what the command line says.
func (t *terminal) configure(asJSON, noColor bool) {
	t.json = asJSON
	force := os.Getenv("CLICOLOR_FORCE")
	forced := force != "" && force != "0"
	off := noColor || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" && !forced
	t.outColor = !off && (t.outTTY || forced) && !asJSON
	t.errColor = !off && (t.errTTY || forced) && !asJSON
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// printf writes text for people to standard output.
func (t *terminal) printf(format string, args ...any) { fmt.Fprintf(t.out, format, args...) }

// note writes a remark to standard error; none with --json, which is for
// programs.
func (t *terminal) note(format string, args ...any) {
	if !t.json {
		fmt.Fprintf(t.err, format+"\n", args...)
	}
}

// document writes v as JSON, with line breaks on a terminal.
func (t *terminal) document(v any) error {
	enc := json.NewEncoder(t.out)
	enc.SetEscapeHTML(false)
	if t.outTTY {
		enc.SetIndent("", "  ")
	}
	return enc.Encode(v)
}

// record writes v as one line of JSON of many.
func (t *terminal) record(v any) error {
	enc := json.NewEncoder(t.out)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// style is how text looks on a terminal: an SGR parameter.
type style string

// The styles. Their meaning never rests on colour alone, and none relies on the
// difference of red and green.
const (
	bold   style = "1"
	faint  style = "2"
	red    style = "31"
	yellow style = "33"
	cyan   style = "36"
)

// paint styles text for standard output, if that shows colour.
func (t *terminal) paint(s style, text string) string { return paint(t.outColor, s, text) }

func paint(on bool, s style, text string) string {
	if !on || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// fail writes what went wrong to standard error and returns the exit code.
func (t *terminal) fail(f *failure) int {
	switch {
	case f.err == nil:
	case t.json:
		enc := json.NewEncoder(t.err)
		enc.SetEscapeHTML(false)
		_ = enc.Encode(struct {
			Error string `json:"error"`
			Hint  string `json:"hint,omitempty"`
			Code  int    `json:"code"`
		}{f.err.Error(), f.hint, f.code})
	default:
		fmt.Fprintf(t.err, "%s %s\n", paint(t.errColor, red, "error:"), readable(f.err.Error()))
		if f.hint != "" {
			fmt.Fprintf(t.err, "%s %s\n", paint(t.errColor, cyan, "hint:"), readable(f.hint))
		}
	}
	return f.code
}

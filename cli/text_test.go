package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/atollcache/atoll/node/wire"
)

func TestTextInJSON(t *testing.T) {
	for in, want := range map[string]string{
		"":            `""`,
		"a <b> & ç":   `"a <b> & ç"`,
		"\xff\x00":    `{"base64":"/wA="}`,
		"line\nbreak": `"line\nbreak"`,
	} {
		var b bytes.Buffer
		term := &terminal{out: &b}
		if err := term.record(object{"v": text(in)}); err != nil {
			t.Fatal(err)
		}
		if have := b.String(); have != `{"v":`+want+"}\n" {
			t.Errorf("%q:\nwant %s\nhave %s", in, want, have)
		}
		// What load reads is what --json writes.
		var back struct{ V loadText }
		if err := json.Unmarshal(b.Bytes(), &back); err != nil || string(back.V) != in {
			t.Errorf("%q: read back as %q, %v", in, string(back.V), err)
		}
	}
}

func TestHashDocument(t *testing.T) {
	var b bytes.Buffer
	err := (&terminal{out: &b}).record(hashDocument("k", map[string]string{"a": "1", "\xff": "2"}))
	want := `{"fields":{"a":"1"},"key":"k","more_fields":[{"field":{"base64":"/w=="},"value":"2"}]}` + "\n"
	if err != nil || b.String() != want {
		t.Errorf("want %shave %s%v", want, b.String(), err)
	}
}

func TestReadable(t *testing.T) {
	for in, want := range map[string]string{
		"plain":         "plain",
		"ünï\tcode\n":   "ünï\tcode\n",
		"\x1b[31mred":   `"\x1b[31mred"`,
		"\xff":          `"\xff"`,
		"a\x00":         `"a\x00"`,
		"\u202eevil":    `"\u202eevil"`,
		"back\rto left": `"back\rto left"`,
	} {
		if have := readable(in); have != want {
			t.Errorf("%q: want %s, have %s", in, want, have)
		}
	}
	for in, want := range map[string]string{"": `""`, " a": `" a"`, "a b": "a b", "a\nb": `"a\nb"`} {
		if have := oneLine(in); have != want {
			t.Errorf("oneLine %q: want %s, have %s", in, want, have)
		}
	}
}

func TestValue(t *testing.T) {
	for _, c := range []struct {
		tty  bool
		in   string
		want string
	}{
		{false, "\xffraw\x00", "\xffraw\x00"},
		{false, "no line break", "no line break"},
		{true, "a line break", "a line break\n"},
		{true, "just one\n", "just one\n"},
		{true, "\x1b[2J", "\"\\x1b[2J\"\n"},
	} {
		var b bytes.Buffer
		if err := (&terminal{out: &b, outTTY: c.tty}).value(c.in); err != nil || b.String() != c.want {
			t.Errorf("%q, terminal %v: want %q, have %q, %v", c.in, c.tty, c.want, b.String(), err)
		}
	}
}

func TestTable(t *testing.T) {
	tb := &table{header: []string{"NAME", "N ", "X"}}
	tb.add("a", "1", "")
	tb.add("longer ∥", "100", "")
	for _, c := range []struct {
		name string
		term terminal
		want string
	}{
		{"piped", terminal{width: 80}, "NAME        N  X\na           1\nlonger ∥  100\n"},
		{"colour", terminal{width: 80, outColor: true}, "\x1b[1mNAME    \x1b[0m  \x1b[1m  N\x1b[0m  \x1b[1mX\x1b[0m\na           1\nlonger ∥  100\n"},
		{"terminal", terminal{width: 80, outTTY: true}, "╭──────────┬─────╮\n│ NAME     │   N │\n├──────────┼─────┤\n│ a        │   1 │\n│ longer ∥ │ 100 │\n╰──────────┴─────╯\n"},
		{"narrow terminal", terminal{width: 10, outTTY: true}, "NAME        N\na           1\nlonger ∥  100\n"},
	} {
		var b bytes.Buffer
		c.term.out = &b
		c.term.table(tb)
		if b.String() != c.want {
			t.Errorf("%s:\nwant\n%shave\n%s", c.name, c.want, b.String())
		}
	}
}

func TestTerminalReadsTheEnvironment(t *testing.T) {
	for _, c := range []struct {
		env     map[string]string
		noColor bool
		json    bool
		color   bool
	}{
		{nil, false, false, false}, // no terminal
		{map[string]string{"CLICOLOR_FORCE": "1"}, false, false, true},
		{map[string]string{"CLICOLOR_FORCE": "0"}, false, false, false},
		{map[string]string{"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, false, false, false},
		{map[string]string{"CLICOLOR_FORCE": "1"}, true, false, false},
		{map[string]string{"CLICOLOR_FORCE": "1"}, false, true, false},
	} {
		for _, name := range []string{"CLICOLOR_FORCE", "NO_COLOR", "TERM"} {
			t.Setenv(name, c.env[name])
		}
		t.Setenv("COLUMNS", "123")
		term := newTerminal(strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{})
		term.configure(c.json, c.noColor)
		if term.outColor != c.color || term.errColor != c.color || term.width != 123 {
			t.Errorf("%v --no-color=%v --json=%v: want colour %v, have %v and %v, width %d",
				c.env, c.noColor, c.json, c.color, term.outColor, term.errColor, term.width)
		}
	}
}

func TestHuman(t *testing.T) {
	for in, want := range map[int]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 3 << 20: "3.0 MiB", 1 << 50: "1024.0 TiB"} {
		if have := humanBytes(in); have != want {
			t.Errorf("%d: want %s, have %s", in, want, have)
		}
	}
	for in, want := range map[time.Duration]string{
		1234567 * time.Nanosecond: "1ms", 12345 * time.Millisecond: "12.3s", 90*time.Second + 400*time.Millisecond: "1m30s", -time.Second: "-1s",
	} {
		if have := short(in); have != want {
			t.Errorf("%v: want %s, have %s", in, want, have)
		}
	}
}

func TestProgressLine(t *testing.T) {
	for _, c := range []struct {
		read, size int64
		want       string
	}{
		{0, 0, "500 keys, 250 keys/s"},
		{250, 1000, "█████░░░░░░░░░░░░░░░  25%  500 keys, 250 keys/s  6s left"},
		{2000, 1000, "████████████████████ 100%  500 keys, 250 keys/s  0s left"},
	} {
		if have := progressLine(500, c.read, c.size, 2*time.Second); have != c.want {
			t.Errorf("%d of %d:\nwant %s\nhave %s", c.read, c.size, c.want, have)
		}
	}
}

func TestExplain(t *testing.T) {
	for _, c := range []struct {
		err  error
		code int
		hint string
	}{
		{&wire.Error{Code: wire.CodeBadRequest, Text: "ERR x"}, exitUsage, ""},
		{&wire.Error{Code: wire.CodeWrongType, Text: "WRONGTYPE"}, exitUsage, "inspect"},
		{&wire.Error{Code: wire.CodeTooLarge}, exitUsage, ""},
		{&wire.Error{Code: wire.CodeOverload}, exitUnreachable, "busy"},
		{&wire.Error{Code: wire.CodeTimeout}, exitUnreachable, "may or may not"},
		{&wire.Error{Code: wire.CodeUnavailable}, exitUnreachable, "--region"},
		{&wire.Error{Code: wire.CodeForbidden}, exitUnreachable, "Permissions"},
		{fmt.Errorf("command: %w", &wire.Error{Code: wire.CodeForbidden}), exitUnreachable, "--creds"},
		{&wire.Error{Code: wire.CodeInternal}, exitUnreachable, ""},
		{no("there is none"), exitNo, ""},
	} {
		f := explain(c.err)
		if f.code != c.code || !strings.Contains(f.hint, c.hint) || (c.hint == "") != (f.hint == "") {
			t.Errorf("%v: want code %d and a hint with %q, have %d and %q", c.err, c.code, c.hint, f.code, f.hint)
		}
	}
}

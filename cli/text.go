package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// text is a byte string in JSON output: a string where it is UTF-8, and
// {"base64": "…"} where it is not.
type text string

// MarshalJSON implements json.Marshaler.
func (s text) MarshalJSON() ([]byte, error) {
	if !utf8.ValidString(string(s)) {
		return json.Marshal(struct {
			Base64 []byte `json:"base64"`
		}{[]byte(s)})
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(string(s))
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func texts(ss []string) []text {
	out := make([]text, len(ss))
	for i, s := range ss {
		out[i] = text(s)
	}
	return out
}

// readable returns s as it can be shown on a terminal: as it is when everything
// in it is printable or white space, quoted otherwise. What a stranger wrote must
// not command the terminal.
func readable(s string) string {
	bad := func(r rune) bool {
		return r == utf8.RuneError || !unicode.IsPrint(r) && r != '\n' && r != '\t'
	}
	if strings.ContainsFunc(s, bad) {
		return strconv.Quote(s)
	}
	return s
}

// oneLine returns s as it can stand in a line or a cell: quoted when it is empty,
// has white space at an end, a line break, or what is not printable.
func oneLine(s string) string {
	if s == "" || strings.TrimSpace(s) != s || strings.ContainsAny(s, "\n\t\"") || readable(s) != s {
		return strconv.Quote(s)
	}
	return s
}

// clip shortens s to n columns, counting a rune as one.
func clip(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	runes := []rune(s)
	return string(runes[:max(n-1, 0)]) + "…"
}

// value writes one value: its bytes when piped, readable and with a line break on
// a terminal.
func (t *terminal) value(s string) error {
	if t.outTTY {
		s = readable(s)
		if !strings.HasSuffix(s, "\n") {
			s += "\n"
		}
	}
	_, err := io.WriteString(t.out, s)
	return err
}

// line writes one of many values, each on a line of its own: its bytes when
// piped, on one line in any case on a terminal.
func (t *terminal) line(s string) error {
	if t.outTTY {
		s = oneLine(s)
	}
	_, err := io.WriteString(t.out, s+"\n")
	return err
}

package scenario

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/atollcache/atoll/node/resp/proto"
)

// Print returns a reply as redis-cli prints it on a terminal, without the end of
// its last line.
func Print(v proto.Value) string { return printed(v, "") }

// printed is Print for a reply inside another: all its lines but the first begin
// with prefix.
func printed(v proto.Value, prefix string) string {
	if v.Null {
		return "(nil)"
	}
	switch v.Kind {
	case '-', '!':
		return "(error) " + v.Text
	case '+', '=', '(':
		return v.Text
	case ':':
		return "(integer) " + strconv.FormatInt(v.Int, 10)
	case ',':
		return "(double) " + v.Text
	case '#':
		return "(" + strconv.FormatBool(v.Int == 1) + ")"
	case '$':
		return quote(v.Text)
	}
	return printedList(v, prefix)
}

func printedList(v proto.Value, prefix string) string {
	mark, name, each := ')', "array", 1
	switch v.Kind {
	case '%':
		mark, name, each = '#', "hash", 2
	case '~':
		mark, name = '~', "set"
	case '>':
		mark, name = '>', "push"
	}
	if len(v.List) == 0 {
		return "(empty " + name + ")"
	}
	width := len(strconv.Itoa(len(v.List) / each))
	inner := prefix + strings.Repeat(" ", width+2)
	var lines []string
	for i := 0; i+each <= len(v.List); i += each {
		line := fmt.Sprintf("%*d%c %s", width, i/each+1, mark, printed(v.List[i], inner))
		if each == 2 {
			line += " => "
			if value := v.List[i+1]; len(value.List) > 2 || len(value.List) == 2 && value.Kind != '%' {
				line += "\n" + inner
			}
			line += printed(v.List[i+1], inner)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n"+prefix)
}

// quote returns bytes as redis-cli does: ASCII that can be printed as it is, the
// rest escaped.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '\\', '"':
			b.WriteByte('\\')
			b.WriteByte(c)
		case '\n':
			b.WriteString(`\n`)
		case '\r':
			b.WriteString(`\r`)
		case '\t':
			b.WriteString(`\t`)
		case '\a':
			b.WriteString(`\a`)
		case '\b':
			b.WriteString(`\b`)
		default:
			if c >= ' ' && c <= '~' {
				b.WriteByte(c)
			} else {
				fmt.Fprintf(&b, `\x%02x`, c)
			}
		}
	}
	b.WriteByte('"')
	return b.String()
}

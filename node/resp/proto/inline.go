package proto

import "strings"

// readInline reads a command that a person has typed: words in one line, quoted
// where they hold other bytes. It reports whether there is a line; an empty one
// leaves no words.
func (r *Reader) readInline() (bool, error) {
	line, ok, err := r.line('\n', 1, "too big inline request")
	if !ok {
		return false, err
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	words, ok := splitWords(line)
	if !ok {
		return false, malformed("unbalanced quotes in request")
	}
	for _, w := range words {
		r.add([]byte(w))
	}
	return true, nil
}

// splitWords splits a line into words as a shell does, roughly: 'as it is' and
// "with \n \r \t \b \a \xff and any other byte escaped". It reports false when a
// quote is not closed, or something follows it directly.
func splitWords(line []byte) ([]string, bool) {
	var words []string
	for i := 0; ; {
		for i < len(line) && isSpace(line[i]) {
			i++
		}
		if i == len(line) || line[i] == 0 {
			return words, true
		}
		word, n, ok := readWord(line[i:])
		if !ok {
			return nil, false
		}
		words = append(words, word)
		i += n
	}
}

// readWord reads one word and returns how many bytes it took.
func readWord(line []byte) (word string, n int, ok bool) {
	var w strings.Builder
	for n < len(line) {
		switch c := line[n]; {
		case isSpace(c) || c == 0:
			return w.String(), n, true
		case c == '"' || c == '\'':
			used, closed := readQuoted(&w, line[n:])
			n += used
			if !closed || n < len(line) && !isSpace(line[n]) {
				return "", n, false
			}
			return w.String(), n, true
		default:
			w.WriteByte(c)
			n++
		}
	}
	return w.String(), n, true
}

// readQuoted reads up to the quote that closes the first byte's.
func readQuoted(w *strings.Builder, b []byte) (n int, closed bool) {
	quote := b[0]
	for n = 1; n < len(b); n++ {
		c := b[n]
		switch {
		case c == quote:
			return n + 1, true
		case c != '\\' || n+1 == len(b):
			w.WriteByte(c)
		case quote == '\'':
			if b[n+1] == '\'' {
				c = '\''
				n++
			}
			w.WriteByte(c)
		default:
			n += readEscape(w, b[n+1:])
		}
	}
	return n, false
}

// readEscape reads what follows a backslash.
func readEscape(w *strings.Builder, b []byte) int {
	if b[0] == 'x' && len(b) > 2 {
		high, ok1 := hexDigit(b[1])
		low, ok2 := hexDigit(b[2])
		if ok1 && ok2 {
			w.WriteByte(high<<4 | low)
			return 3
		}
	}
	c := b[0]
	if i := strings.IndexByte("nrtba", c); i >= 0 {
		c = "\n\r\t\b\a"[i]
	}
	w.WriteByte(c)
	return 1
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

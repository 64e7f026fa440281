package region

import (
	"fmt"
	"strings"
)

// A key becomes the end of a subject term by term: dots separate the key's terms
// as they do a subject's, so that subscriptions and permissions by prefix work
// as NATS users expect. Of the other bytes, those in [A-Za-z0-9_/=:@~+-] stand
// for themselves and every other one is written as '%' and two upper-case
// hexadecimal digits. An empty term is written as "%-", which no other term
// encodes to; so "" is "%-", "a." is "a.%-", and ".." is "%-.%-.%-".
const (
	emptyTerm  = "%-"
	headerTerm = "%~" // stands for a key that travels in a header
	upperHex   = "0123456789ABCDEF"
)

const (
	// MaxSubject is the longest subject in bytes that Subjects builds. A server
	// closes the connection of a client whose protocol line is longer than 4096
	// bytes, and that line also holds the reply subject, and on its way between
	// servers the names of accounts and queues.
	MaxSubject = 1024

	// maxSubjectPrefix covers "atoll.", two names of MaxName, and the words and
	// dots between them.
	maxSubjectPrefix = 128

	// MaxSubjectKey is the longest encoded key in bytes that is put in a subject.
	MaxSubjectKey = MaxSubject - maxSubjectPrefix

	// MaxSubjectTerms is the highest number of terms of such a key: matching a
	// subject costs a server time and memory for each of its terms.
	MaxSubjectTerms = 32
)

// EncodeKey returns the key as it stands in a subject. It never is empty, holds
// no wildcard, space or control byte, and no empty term.
func EncodeKey(key string) string { return string(AppendKey(nil, key)) }

// AppendKey appends the encoded key to b.
func AppendKey(b []byte, key string) []byte {
	start := len(b)
	for i := range len(key) {
		switch c := key[i]; {
		case c == '.':
			b = append(endTerm(b, start), '.')
			start = len(b)
		case isKeyByte(c):
			b = append(b, c)
		default:
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return endTerm(b, start)
}

// endTerm ends the term that began at start.
func endTerm(b []byte, start int) []byte {
	if len(b) == start {
		b = append(b, emptyTerm...)
	}
	return b
}

// DecodeKey returns the key that EncodeKey encoded. It returns ErrKey for
// anything that EncodeKey does not return, so that a key has one subject only.
func DecodeKey(encoded string) (string, error) {
	key := make([]byte, 0, len(encoded))
	for i, term := range strings.Split(encoded, ".") {
		if i > 0 {
			key = append(key, '.')
		}
		var ok bool
		if key, ok = decodeTerm(key, term); !ok {
			return "", fmt.Errorf("%w: term %d, %.40q; keep A-Za-z0-9_/=:@~+-, write other bytes as %%XX in upper case and an empty term as %q", ErrKey, i+1, term, emptyTerm)
		}
	}
	return string(key), nil
}

// decodeTerm appends a decoded term to key.
func decodeTerm(key []byte, term string) ([]byte, bool) {
	if term == emptyTerm {
		return key, true
	}
	for i := 0; i < len(term); i++ {
		c := term[i]
		if c != '%' {
			if !isKeyByte(c) {
				return nil, false
			}
			key = append(key, c)
			continue
		}
		if i+2 >= len(term) {
			return nil, false
		}
		high, low := strings.IndexByte(upperHex, term[i+1]), strings.IndexByte(upperHex, term[i+2])
		if high < 0 || low < 0 {
			return nil, false
		}
		b := byte(high<<4 | low)
		if isKeyByte(b) || b == '.' {
			return nil, false
		}
		key = append(key, b)
		i += 2
	}
	return key, term != ""
}

// FitsSubject reports whether the key, encoded, is short enough for a subject. A
// key that does not fit travels in a header.
func FitsSubject(key string) bool {
	if len(key) > MaxSubjectKey || strings.Count(key, ".") >= MaxSubjectTerms {
		return false
	}
	// Room for any such key, so that nothing is allocated.
	var encoded [3*MaxSubjectKey + MaxSubjectTerms*len(emptyTerm)]byte
	return len(AppendKey(encoded[:0], key)) <= MaxSubjectKey
}

// isKeyByte reports whether c stands for itself in a subject.
func isKeyByte(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	}
	return strings.IndexByte("_/=:@~+-", c) >= 0
}

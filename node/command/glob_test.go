package command

import (
	"strings"
	"testing"
	"time"
)

func TestGlob(t *testing.T) {
	for _, test := range []struct {
		pattern, yes, no string // texts, separated by spaces; "_" is the empty one
	}{
		{"", "_", "a"},
		{"*", "_ a abc", ""},
		{"**", "_ a abc", ""},
		{"?", "a ?", "_ ab"},
		{"a", "a", "A _ ab"},
		{"h?llo", "hello hallo", "hllo heello"},
		{"h*llo", "hllo heeeello h*llo", "hell ahllo"},
		{"*a*b*", "ab xaxbx aab", "ba a b _"},
		{"*aab", "aaab aab", "aaba"},
		{"h[ae]llo", "hello hallo", "hillo hllo"},
		{"h[^e]llo", "hallo hbllo h^llo", "hello hllo"},
		{"h[a-c]", "ha hb hc", "hd h- h"},
		{"h[c-a]", "ha hb hc", "hd"},
		{"[a-]", "a", "-"}, // the range runs to the bracket, which does not close
		{"[]", "", "_ ] ["},
		{"[^]", "a ]", "_ ab"},
		{"[a", "a", "b [a"},
		{"[^", "a ^", "_"},
		{"[", "", "[ _"},
		{`\*`, "*", `a \*`},
		{`\?\[`, "?[", "a["},
		{`[\]]`, "]", `\`},
		{`[\a-c]`, "a - c", "b"},
		{`a\`, `a\`, "a"},
		{"user:*:name", "user:1:name user::name user:1:2:name", "user:1:names"},
		{"\xff?", "\xff\xfe", "\xff"},
	} {
		g := NewGlob(test.pattern)
		for want, texts := range map[bool]string{true: test.yes, false: test.no} {
			for _, text := range strings.Fields(texts) {
				text = strings.TrimPrefix(text, "_")
				if have := g.Match(text); have != want {
					t.Errorf("%q of %q: want %t, have %t", test.pattern, text, want, have)
				}
			}
		}
	}
	if !NewGlob("a*c").Match("a\n\x00 c") {
		t.Errorf("a*c does not match every byte")
	}
}

// Patterns that take a backtracking matcher for ever.
func TestGlobIsFast(t *testing.T) {
	text := strings.Repeat("a", 1<<16)
	start := time.Now()
	for _, pattern := range []string{
		strings.Repeat("a*", 30) + "b",
		strings.Repeat("*a", 30) + "b",
		strings.Repeat("*?", 100) + "b",
		strings.Repeat("*[a-z]", 100) + "b",
		strings.Repeat("*", 1<<16) + "b",
	} {
		if NewGlob(pattern).Match(text) {
			t.Errorf("%.20s…: matches what it does not", pattern)
		}
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("pathological patterns: took %v", took)
	}
}

// recursive is the definition of a match without classes, as short as it can be.
func recursive(p, text string) bool {
	switch {
	case p == "":
		return text == ""
	case p[0] == '*':
		return recursive(p[1:], text) || text != "" && recursive(p, text[1:])
	}
	return text != "" && (p[0] == '?' || p[0] == text[0]) && recursive(p[1:], text[1:])
}

func TestGlobAgainstDefinition(t *testing.T) {
	var words func(alphabet string, n int) []string
	words = func(alphabet string, n int) []string {
		if n == 0 {
			return []string{""}
		}
		out := words(alphabet, n-1)
		for _, w := range out {
			if len(w) == n-1 {
				for _, c := range alphabet {
					out = append(out, w+string(c))
				}
			}
		}
		return out
	}
	texts := words("ab", 5)
	for _, pattern := range words("ab*?", 5) {
		g := NewGlob(pattern)
		for _, text := range texts {
			if have, want := g.Match(text), recursive(pattern, text); have != want {
				t.Fatalf("%q of %q: want %t, have %t", pattern, text, want, have)
			}
		}
	}
}

func FuzzGlob(f *testing.F) {
	f.Add("a[^b-\\", "abc")
	f.Add("[\\", "\\")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		NewGlob(pattern).Match(text)
		literal := NewGlob(quoteGlob(text))
		if !literal.Match(text) || literal.Match(text+"x") {
			t.Fatalf("%q, quoted: does not match only itself", text)
		}
	})
}

// quoteGlob escapes every byte.
func quoteGlob(text string) string {
	var b strings.Builder
	for i := range len(text) {
		b.WriteByte('\\')
		b.WriteByte(text[i])
	}
	return b.String()
}

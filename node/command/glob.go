package command

// Glob is a pattern of SCAN's MATCH, by Redis's rules:
//
//   - any bytes, also none
//     ?       one byte
//     [a-z]   one byte of a class; [^a-z] one outside it; \ escapes inside
//     \x      the byte x, whatever it is
//     x       the byte x
//
// A class that is not closed ends with the pattern, and a \ at the very end
// stands for itself. Bytes are compared as they are: there is no case folding
// and no UTF-8.
//
// Unlike Redis's own, matching takes no more than len(pattern) times len(text)
// steps whatever the pattern, because only the last * seen ever has to be tried
// again: a match that uses an earlier * differently could be moved to the later.
type Glob struct {
	items []globItem
	all   bool // "*", the usual one
}

// globItem matches one byte, or any number for a star.
type globItem struct {
	kind  globKind
	b     byte      // of a literal
	class [4]uint64 // of a class: a bit for each byte that matches
}

type globKind uint8

const (
	globLiteral globKind = iota
	globAny
	globClass
	globStar
)

// NewGlob prepares a pattern. Every pattern is legal.
func NewGlob(pattern string) Glob {
	var g Glob
	for i := 0; i < len(pattern); {
		var item globItem
		switch c := pattern[i]; c {
		case '*':
			item.kind = globStar
			i++
			if n := len(g.items); n > 0 && g.items[n-1].kind == globStar {
				continue
			}
		case '?':
			item.kind = globAny
			i++
		case '[':
			item.kind = globClass
			item.class, i = parseClass(pattern, i+1)
		default:
			if c == '\\' && i+1 < len(pattern) {
				i++
			}
			item.b = pattern[i]
			i++
		}
		g.items = append(g.items, item)
	}
	g.all = len(g.items) == 1 && g.items[0].kind == globStar
	return g
}

// parseClass reads a class from behind its bracket, and returns where the pattern
// goes on.
func parseClass(p string, i int) (class [4]uint64, next int) {
	negate := i < len(p) && p[i] == '^'
	if negate {
		i++
	}
	for ; i < len(p) && p[i] != ']'; i++ {
		switch {
		case p[i] == '\\' && i+1 < len(p):
			i++
			setBits(&class, p[i], p[i])
		case i+2 < len(p) && p[i+1] == '-':
			setBits(&class, min(p[i], p[i+2]), max(p[i], p[i+2]))
			i += 2
		default:
			setBits(&class, p[i], p[i])
		}
	}
	if negate {
		for j := range class {
			class[j] = ^class[j]
		}
	}
	return class, min(i+1, len(p))
}

func setBits(class *[4]uint64, from, to byte) {
	for b := int(from); b <= int(to); b++ {
		class[b/64] |= 1 << (b % 64)
	}
}

// Match reports whether the whole text matches.
func (g Glob) Match(text string) bool {
	if g.all {
		return true
	}
	item, at := 0, 0
	star, from := -1, 0 // the last star seen, and where what it takes ends
	for at < len(text) {
		switch {
		case item < len(g.items) && g.items[item].kind == globStar:
			star, from = item, at
			item++
		case item < len(g.items) && g.items[item].matches(text[at]):
			item++
			at++
		case star >= 0:
			from++
			item, at = star+1, from
		default:
			return false
		}
	}
	for item < len(g.items) && g.items[item].kind == globStar {
		item++
	}
	return item == len(g.items)
}

func (it *globItem) matches(b byte) bool {
	switch it.kind {
	case globLiteral:
		return it.b == b
	case globClass:
		return it.class[b/64]&(1<<(b%64)) != 0
	}
	return true
}

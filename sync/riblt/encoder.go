package riblt

// An Encoder produces the symbols of one set in order. It keeps 24 bytes per
// item, and needs for the next symbols only the steps that they add; [Symbols]
// keeps nothing and starts anew each time.
type Encoder struct {
	keys    keys
	entries []entry
	next    int // index of the symbol to produce next
}

// NewEncoder returns an Encoder of an empty set. The seed is the Decoder's.
func NewEncoder(seed uint64) *Encoder { return &Encoder{keys: newKeys(seed)} }

// Add adds an item that is not in the set yet: one added twice makes symbols that
// no Decoder can use. All items come before the first call of Next, as symbols
// already produced would lack them: Add panics after it.
func (e *Encoder) Add(item uint64) {
	if e.next > 0 {
		panic("riblt: Encoder.Add after Next")
	}
	e.entries = append(e.entries, e.keys.entry(item))
}

// Next returns the n symbols that follow those returned before. Any split into
// calls yields the same symbols; each call looks at every item once.
func (e *Encoder) Next(n int) []Symbol {
	symbols := make([]Symbol, max(0, n))
	apply(symbols, e.next, e.entries, 1)
	e.next += len(symbols)
	return symbols
}

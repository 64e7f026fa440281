package riblt

import "fmt"

// A Decoder finds the difference between a remote set, of which it is given the
// symbols, and the local one, of which it is given the items. Without local items
// it takes what [Subtract] returns, and then "remote" is the first set and
// "local" the second.
//
// It takes 24 bytes per local item, 24 per symbol and about 60 per item found.
type Decoder struct {
	keys    keys
	limit   int
	symbols []Symbol // what is left when local and found items are taken out
	local   []entry
	found   map[uint64]struct{}
	remote  []entry // found: in the remote set only
	missing []entry // found: in the local set only
	pure    []int   // indices of symbols that may hold one item, still to be looked at
	done    bool
	err     error
}

// NewDecoder returns a Decoder of symbols with this seed, for a difference of at
// most limit items. A limit of 0 finds out only whether the sets are equal. The
// limit bounds what a hostile peer can make the Decoder do: it takes at most
// [MaxSymbols] of it.
func NewDecoder(seed uint64, limit int) *Decoder {
	return &Decoder{keys: newKeys(seed), limit: min(max(0, limit), MaxIndex/4), found: make(map[uint64]struct{})}
}

// MaxSymbols returns how many symbols a Decoder with this limit takes before it
// gives up with [ErrLimit]. A difference as large as the limit needs more about
// once in 30,000 times; with a new seed it is found.
func MaxSymbols(limit int) int { return 256 + 2*min(max(0, limit), MaxIndex/4) }

// AddLocal adds an item of the local set that was not added yet. All local items
// come before the first call of AddSymbols: AddLocal panics after it.
func (d *Decoder) AddLocal(item uint64) {
	if len(d.symbols) > 0 {
		panic("riblt: Decoder.AddLocal after AddSymbols")
	}
	d.local = append(d.local, d.keys.entry(item))
}

// AddSymbols takes the symbols that follow those of earlier calls, the first of
// the first call being symbol 0, and finds what can be found. The symbols stay as
// they are and are not kept. An error wraps [ErrLimit] or [ErrContradiction] and
// is final: later calls return it again.
func (d *Decoder) AddSymbols(symbols []Symbol) error {
	if d.err == nil {
		d.done = false
		d.err = d.add(symbols)
	}
	return d.err
}

func (d *Decoder) add(symbols []Symbol) error {
	from := len(d.symbols)
	room := MaxSymbols(d.limit) - from
	d.symbols = append(d.symbols, symbols[:min(len(symbols), room)]...)
	fresh := d.symbols[from:]
	apply(fresh, from, d.local, -1)
	apply(fresh, from, d.remote, -1)
	apply(fresh, from, d.missing, 1)
	for i := range fresh {
		d.look(from + i)
	}
	if err := d.peel(); err != nil {
		return err
	}
	return d.judge()
}

// look remembers a symbol if it seems to hold exactly one item.
func (d *Decoder) look(i int) {
	if d.isPure(d.symbols[i]) {
		d.pure = append(d.pure, i)
	}
}

func (d *Decoder) isPure(s Symbol) bool {
	return (s.Count == 1 || s.Count == -1) && s.Check == d.keys.checksum(s.Sum)
}

// peel takes items out until no symbol holds exactly one. It ends because no item
// is taken out twice and no more than the limit in all.
func (d *Decoder) peel() error {
	for len(d.pure) > 0 {
		last := len(d.pure) - 1
		i := d.pure[last]
		d.pure = d.pure[:last]
		// Its item may have been found in another symbol meanwhile.
		if s := d.symbols[i]; d.isPure(s) {
			if err := d.take(i, s.Sum, s.Count); err != nil {
				return err
			}
		}
	}
	return nil
}

// take takes an item out of all symbols, having found it alone in symbol i.
func (d *Decoder) take(i int, item uint64, count int64) error {
	if _, again := d.found[item]; again {
		return fmt.Errorf("%w: item %x shows twice, at last in symbol %d", ErrContradiction, item, i)
	}
	if len(d.found) == d.limit {
		return fmt.Errorf("%w: more than %d items", ErrLimit, d.limit)
	}
	d.found[item] = struct{}{}
	x, seen := d.keys.entry(item), false
	for uint64(x.next) < uint64(len(d.symbols)) {
		at := int(x.next)
		seen = seen || at == i
		d.symbols[at].add(&x, -count)
		d.look(at)
		x.step()
	}
	if !seen {
		return fmt.Errorf("%w: item %x does not belong in symbol %d", ErrContradiction, item, i)
	}
	if count > 0 {
		d.remote = append(d.remote, x)
	} else {
		d.missing = append(d.missing, x)
	}
	return nil
}

// judge decides whether all is found, or that it never will be.
func (d *Decoder) judge() error {
	if len(d.symbols) == 0 {
		return nil
	}
	// Every item is in symbol 0: when that is empty, so is what is left to find.
	first := d.symbols[0]
	if first.Sum == 0 && first.Check == 0 {
		for i, s := range d.symbols {
			if s != (Symbol{}) {
				return fmt.Errorf("%w: nothing is left to find, but symbol %d is not empty", ErrContradiction, i)
			}
		}
		d.done = true
		return nil
	}
	left := int64(d.limit - len(d.found))
	if first.Count > left || first.Count < -left {
		return fmt.Errorf("%w: the sets differ in size by %d, with %d of at most %d items found",
			ErrLimit, first.Count, len(d.found), d.limit)
	}
	if len(d.symbols) == MaxSymbols(d.limit) {
		return fmt.Errorf("%w: %d items are not all found in %d symbols", ErrLimit, d.limit, len(d.symbols))
	}
	return nil
}

// Done reports whether the difference is found: Remote and Local are complete. It
// is false before the first symbol, and true after one when the sets are equal.
func (d *Decoder) Done() bool { return d.done }

// Remote returns the items that only the remote set has, in no useful order, in
// a new slice. Before Done, and after an error, these are the ones found so far;
// after [ErrContradiction] they may be wrong.
func (d *Decoder) Remote() []uint64 { return items(d.remote) }

// Local returns the items that only the local set has, as Remote does.
func (d *Decoder) Local() []uint64 { return items(d.missing) }

func items(entries []entry) []uint64 {
	out := make([]uint64, len(entries))
	for i, x := range entries {
		out[i] = x.item
	}
	return out
}

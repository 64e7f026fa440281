package riblt_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/atollcache/atoll/sync/riblt"
)

// single returns the symbol that holds only this item.
func single(seed, item uint64) riblt.Symbol { return encoder(seed, []uint64{item}).Next(1)[0] }

// TestContradictions: symbols that no two sets have are an error as soon as they
// show it, not an endless hunt and not a wrong answer.
func TestContradictions(t *testing.T) {
	const seed, limit = 3, 1000
	x := single(seed, 42)
	minus := riblt.Symbol{Sum: x.Sum, Check: x.Check, Count: -1}
	honest := encoder(seed, []uint64{42}).Next(100)
	changed := func(change func([]riblt.Symbol)) []riblt.Symbol {
		out := slices.Clone(honest)
		change(out)
		return out
	}
	for name, symbols := range map[string][]riblt.Symbol{
		"an item in the first symbol only":     append([]riblt.Symbol{x}, make([]riblt.Symbol, 99)...),
		"an item in every symbol":              slices.Repeat([]riblt.Symbol{x}, 100),
		"an item here and there by turns":      slices.Repeat([]riblt.Symbol{x, minus}, 50),
		"an item that is not in symbol 0":      append([]riblt.Symbol{{}}, honest[1:]...),
		"nothing, a hundred times":             {{Count: 100}},
		"nothing, minus once":                  {{Count: -1}},
		"an item where it does not belong":     outOfPlace(seed),
		"empty but for the last":               changed(func(s []riblt.Symbol) { s[99].Sum ^= 1 }),
		"empty but for a check":                changed(func(s []riblt.Symbol) { s[50].Check ^= 1 << 31 }),
		"empty but for a count":                changed(func(s []riblt.Symbol) { s[50].Count++ }),
		"symbols out of order":                 changed(slices.Reverse[[]riblt.Symbol]),
		"symbols that start behind the first":  honest[1:],
		"a difference taken with the same set": changed(func(s []riblt.Symbol) { copy(s[1:], riblt.Subtract(honest, honest)) }),
	} {
		for _, batch := range []int{1, 7, 100} {
			d := riblt.NewDecoder(seed, limit)
			err := addAll(d, symbols, batch)
			if !errors.Is(err, riblt.ErrContradiction) || d.Done() {
				t.Errorf("%s, in batches of %d: want %v, have %v, done %v", name, batch, riblt.ErrContradiction, err, d.Done())
			}
		}
	}
}

// outOfPlace returns symbols that say nothing, but for one that shows an item of
// which it is not a part.
func outOfPlace(seed uint64) []riblt.Symbol {
	symbols := slices.Repeat([]riblt.Symbol{{Sum: 5, Check: 6}}, 100)
	at := slices.IndexFunc(encoder(seed, []uint64{42}).Next(100), func(s riblt.Symbol) bool { return s.Count == 0 })
	symbols[at] = single(seed, 42)
	return symbols
}

func addAll(d *riblt.Decoder, symbols []riblt.Symbol, batch int) error {
	for chunk := range slices.Chunk(symbols, batch) {
		if err := d.AddSymbols(chunk); err != nil {
			return err
		}
	}
	return nil
}

// TestGarbage: whatever arrives, a Decoder comes to an end within its limit.
func TestGarbage(t *testing.T) {
	const limit = 50
	for seed := range uint64(200) {
		r := newRand(seed)
		d := draw(r, 100, 0, 0).decoder(seed, limit)
		var err error
		taken := 0
		for ; err == nil && taken <= riblt.MaxSymbols(limit); taken += 8 {
			err = d.AddSymbols(garbage(func() uint64 { return r.Uint64N(60) }, seed, 8))
		}
		if !errors.Is(err, riblt.ErrLimit) && !errors.Is(err, riblt.ErrContradiction) {
			t.Fatalf("seed %d: want an end within %d symbols, have %v", seed, riblt.MaxSymbols(limit), err)
		}
		if found := len(d.Remote()) + len(d.Local()); found > limit {
			t.Fatalf("seed %d: want at most %d items, have %d", seed, limit, found)
		}
	}
}

// garbage returns symbols that each look like one or two items, or like none.
func garbage(draw func() uint64, seed uint64, n int) []riblt.Symbol {
	out := make([]riblt.Symbol, n)
	for i := range out {
		switch s := single(seed, draw()); draw() % 4 {
		case 0:
			out[i] = s
		case 1:
			out[i] = riblt.Subtract([]riblt.Symbol{{}}, []riblt.Symbol{s})[0]
		case 2:
			out[i] = riblt.Subtract([]riblt.Symbol{s}, []riblt.Symbol{single(seed, draw())})[0]
		default:
			out[i] = riblt.Symbol{Sum: draw(), Check: uint32(draw()), Count: int64(draw()) - 30}
		}
	}
	return out
}

// TestGivesUp: symbols that show no item at all end at MaxSymbols, not later.
func TestGivesUp(t *testing.T) {
	for _, limit := range []int{0, 1, 100} {
		d := riblt.NewDecoder(1, limit)
		most := riblt.MaxSymbols(limit)
		murky := slices.Repeat([]riblt.Symbol{{Sum: 5, Check: 6, Count: 0}}, most)
		if err := d.AddSymbols(murky[:most-1]); err != nil {
			t.Errorf("limit %d: after %d symbols: %v", limit, most-1, err)
		}
		checkError(t, fmt.Sprintf("limit %d, %d symbols", limit, most), riblt.ErrLimit, d.AddSymbols(murky[:1]))
		err := riblt.NewDecoder(1, limit).AddSymbols(slices.Repeat(murky, 3))
		checkError(t, fmt.Sprintf("limit %d, %d symbols at once", limit, 3*most), riblt.ErrLimit, err)
	}
	// The surplus of one large batch is not looked at.
	p := draw(newRand(1), 10, 1, 1)
	d := p.decoder(1, 2)
	if err := d.AddSymbols(p.remoteEncoder(1).Next(3 * riblt.MaxSymbols(2))); err != nil {
		t.Error(err)
	}
	p.checkFound(t, 1, d)
	if err := d.AddSymbols(p.remoteEncoder(1).Next(100)); err != nil || !d.Done() {
		t.Errorf("symbols behind MaxSymbols: want them left out, have %v", err)
	}
}

// TestExtremeCounts: counts at the ends of their range are sums like others.
func TestExtremeCounts(t *testing.T) {
	for _, count := range []int64{math.MaxInt64, math.MinInt64, math.MinInt64 + 1, 1 << 40, -1 << 40} {
		for _, limit := range []int{0, 10, math.MaxInt} {
			d := draw(newRand(1), 5, 0, 0).decoder(1, limit)
			err := d.AddSymbols([]riblt.Symbol{{Sum: 1, Count: count}})
			checkError(t, fmt.Sprintf("count %d, limit %d", count, limit), riblt.ErrLimit, err)
		}
	}
	for _, limit := range []int{-1, math.MinInt} {
		if n := riblt.MaxSymbols(limit); n != riblt.MaxSymbols(0) {
			t.Errorf("limit %d: want %d symbols, have %d", limit, riblt.MaxSymbols(0), n)
		}
		checkError(t, fmt.Sprintf("limit %d", limit), riblt.ErrLimit, riblt.NewDecoder(1, limit).AddSymbols([]riblt.Symbol{single(1, 1)}))
	}
	if n := riblt.MaxSymbols(math.MaxInt); n < 0 || n > riblt.MaxIndex {
		t.Errorf("the largest limit: have %d symbols, past MaxIndex", n)
	}
}

// FuzzDecoder feeds a Decoder any bytes as symbols. It may find nothing, but what
// it does find must explain every symbol it was given.
func FuzzDecoder(f *testing.F) {
	honest := func(seed uint64, sets ...[]uint64) []byte {
		return riblt.AppendSymbols(nil, encoder(seed, sets...).Next(12))
	}
	f.Add(uint64(0), uint8(0), uint8(3), honest(0, []uint64{1, 2, 3}))
	f.Add(uint64(7), uint8(5), uint8(1), honest(7, []uint64{0, 1, 2, 30, 31}))
	f.Add(uint64(7), uint8(5), uint8(2), honest(8, []uint64{0, 1, 2, 3, 4}))
	f.Add(uint64(1), uint8(9), uint8(12), honest(1))
	f.Add(uint64(1), uint8(0), uint8(1), riblt.AppendSymbols(nil, slices.Repeat([]riblt.Symbol{single(1, 1)}, 12)))
	f.Add(uint64(1), uint8(2), uint8(9), riblt.AppendSymbols(nil, garbage(newRand(1).Uint64, 1, 30)))
	f.Fuzz(func(t *testing.T, seed uint64, locals, batch uint8, b []byte) {
		const limit = 20
		symbols, err := riblt.DecodeSymbols(b, 1000)
		if err != nil {
			if !errors.Is(err, riblt.ErrMalformed) {
				t.Fatalf("DecodeSymbols: want %v, have %v", riblt.ErrMalformed, err)
			}
			return
		}
		if again := riblt.AppendSymbols(nil, symbols); !slices.Equal(again, b) {
			t.Fatalf("%x was read, and written as %x", b, again)
		}
		local := make([]uint64, locals)
		for i := range local {
			local[i] = uint64(i)
		}
		d := pair{common: local}.decoder(seed, limit)
		err = addAll(d, symbols, max(1, int(batch)))
		switch {
		case err != nil && !errors.Is(err, riblt.ErrLimit) && !errors.Is(err, riblt.ErrContradiction), err != nil && d.Done():
			t.Fatalf("AddSymbols: have %v, done %v", err, d.Done())
		case len(d.Remote())+len(d.Local()) > limit:
			t.Fatalf("have %d and %d items, limit %d", len(d.Remote()), len(d.Local()), limit)
		case d.Done():
			checkExplains(t, seed, local, d, symbols[:min(len(symbols), riblt.MaxSymbols(limit))])
		}
	})
}

// checkExplains checks that the local set with the difference has these symbols.
func checkExplains(t *testing.T, seed uint64, local []uint64, d *riblt.Decoder, symbols []riblt.Symbol) {
	t.Helper()
	have := encoder(seed, local, d.Remote()).Next(len(symbols))
	have = riblt.Subtract(have, encoder(seed, d.Local()).Next(len(symbols)))
	checkSymbols(t, fmt.Sprintf("seed %d: symbols of what was found", seed), symbols, have)
}

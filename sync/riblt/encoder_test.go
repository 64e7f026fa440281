package riblt_test

import (
	"fmt"
	"hash/fnv"
	"slices"
	"testing"

	"github.com/atollcache/atoll/sync/riblt"
)

func checkSymbols(t *testing.T, input string, want, have []riblt.Symbol) {
	t.Helper()
	if !slices.Equal(want, have) {
		t.Fatalf("%s: want %x, have %x", input, want, have)
	}
}

// goldenSymbols are symbols of goldenSet under the seed 2402. They are part of
// the protocol: versions and architectures that differ here find differences
// where there are none.
var goldenSymbols = []riblt.Symbol{
	{Sum: 0xefb76b7756066cf0, Check: 0xcfac8485, Count: 20},
	{Sum: 0xe9748b21ab9d57a5, Check: 0x7578a665, Count: 17},
	{Sum: 0x3955463e15d15509, Check: 0x1ee15aa7, Count: 13},
	{Sum: 0x5563af5358eca0c9, Check: 0x2151fdb0, Count: 7},
	{Sum: 0x116b75a160baac9d, Check: 0xb70e8254, Count: 7},
	{Sum: 0x322356cb16d1189c, Check: 0x01b3836b, Count: 4},
	{Sum: 0x9759d47deea83221, Check: 0x5dda6a4f, Count: 3},
	{Sum: 0xf8aab46b73cb5108, Check: 0xd871466b, Count: 2},
}

// goldenSet is the powers of an odd number.
func goldenSet(n int) []uint64 {
	set, x := make([]uint64, n), uint64(1)
	for i := range set {
		x *= 0xd1342543de82ef95
		set[i] = x
	}
	return set
}

func TestGolden(t *testing.T) {
	have := encoder(2402, goldenSet(20)).Next(len(goldenSymbols))
	for i, want := range goldenSymbols {
		if want != have[i] {
			t.Errorf("symbol %d: want %#x, have %#x", i, want, have[i])
		}
	}
	// Far symbols, in which large numbers decide, and the form in messages.
	h := fnv.New64a()
	for _, from := range []int{0, 100_000, 50_000_000} {
		symbols := riblt.Symbols(2402, slices.Values(goldenSet(20_000)), from, from+4000)
		h.Write(riblt.AppendSymbols(nil, symbols))
	}
	if want, have := uint64(0xbe8b6489b800f42c), h.Sum64(); want != have {
		t.Errorf("far symbols: want %#x, have %#x", want, have)
	}
}

// TestSymbolsFromAnywhere: Symbols returns what an Encoder does, wherever it
// starts.
func TestSymbolsFromAnywhere(t *testing.T) {
	for seed := range uint64(10) {
		r := newRand(seed)
		set := hashes(r, 300)
		want := encoder(seed, set).Next(2000)
		for range 30 {
			from := r.IntN(2000)
			to := from + 1 + r.IntN(2000-from)
			have := riblt.Symbols(seed, slices.Values(set), from, to)
			checkSymbols(t, fmt.Sprintf("seed %d: [%d,%d)", seed, from, to), want[from:to], have)
		}
	}
}

func TestSymbolsOfNoRange(t *testing.T) {
	set := slices.Values([]uint64{1, 2, 3})
	for _, c := range [][2]int{{0, 0}, {5, 5}, {5, 4}, {-1, 4}, {-4, -1}, {1 << 30, 0}} {
		if have := riblt.Symbols(1, set, c[0], c[1]); have != nil {
			t.Errorf("%v: want none, have %d", c, len(have))
		}
	}
	// Behind the last symbol that items take part in there are only empty ones.
	for _, from := range []int{riblt.MaxIndex, riblt.MaxIndex + 5} {
		checkSymbols(t, fmt.Sprint(from), make([]riblt.Symbol, 3), riblt.Symbols(1, set, from, from+3))
	}
	if have := riblt.NewEncoder(1).Next(-1); len(have) != 0 {
		t.Errorf("Next(-1): want none, have %d", len(have))
	}
}

func TestOrderOfItemsDoesNotMatter(t *testing.T) {
	set := hashes(newRand(1), 500)
	want := encoder(1, set).Next(100)
	slices.Reverse(set)
	checkSymbols(t, "the set in reverse", want, encoder(1, set).Next(100))
}

func TestAllocations(t *testing.T) {
	set := hashes(newRand(1), 4000)
	items := slices.Values(set)
	e := encoder(1, set)
	symbols := e.Next(64)
	buf := riblt.AppendSymbols(nil, symbols)
	for name, c := range map[string]struct {
		most float64
		f    func()
	}{
		"Next":          {1, func() { e.Next(16) }},
		"Symbols":       {3, func() { riblt.Symbols(1, items, 16, 64) }},
		"Subtract":      {1, func() { riblt.Subtract(symbols, symbols) }},
		"AppendSymbols": {0, func() { buf = riblt.AppendSymbols(buf[:0], symbols) }},
		"DecodeSymbols": {1, func() { _, _ = riblt.DecodeSymbols(buf, 64) }},
	} {
		if n := testing.AllocsPerRun(20, c.f); n > c.most {
			t.Errorf("%s: want at most %v allocations, have %v", name, c.most, n)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, n := range []int{4000, 40_000} {
		set := hashes(newRand(1), n)
		for _, m := range []int{16, 64, 1024} {
			b.Run(fmt.Sprintf("Encoder/items=%d/symbols=%d", n, m), func(b *testing.B) {
				for b.Loop() {
					encoder(1, set).Next(m)
				}
			})
			b.Run(fmt.Sprintf("Symbols/items=%d/symbols=%d", n, m), func(b *testing.B) {
				for b.Loop() {
					riblt.Symbols(1, slices.Values(set), 0, m)
				}
			})
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, c := range []struct{ common, d, batch int }{{4000, 0, 1}, {4000, 10, 16}, {4000, 1000, 256}, {40_000, 1000, 256}} {
		b.Run(fmt.Sprintf("items=%d/different=%d", c.common, c.d), func(b *testing.B) {
			p := draw(newRand(1), c.common, c.d/2, c.d/2)
			symbols := p.remoteEncoder(1).Next(riblt.MaxSymbols(c.d))
			b.ReportAllocs()
			for b.Loop() {
				d := p.decoder(1, c.d)
				for at := 0; !d.Done(); at += c.batch {
					if err := d.AddSymbols(symbols[at : at+c.batch]); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

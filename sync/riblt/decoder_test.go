package riblt_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/atollcache/atoll/sync/riblt"
)

// TestOverhead measures what the package comment states; -v prints it.
func TestOverhead(t *testing.T) {
	for _, c := range []struct {
		common, d, seeds, batch int
		least, most             float64 // of the mean number of symbols
	}{
		{0, 1, 100, 1, 1, 1},
		{0, 2, 4000, 1, 3, 3.5},
		{0, 4, 2000, 1, 6.5, 7.7},
		{0, 8, 1000, 1, 13, 15},
		{0, 30, 300, 1, 45, 50},
		{0, 100, 100, 1, 140, 152},
		{0, 1000, 10, 10, 1340, 1420},
		{2_000, 30, 10, 1, 38, 62},
		{20_000, 1000, 1, 50, 1250, 1550},
		{100_000, 8, 3, 8, 8, 24},
		{90_000, 10_000, 1, 500, 13_000, 14_500},
	} {
		sum := 0
		for seed := range uint64(c.seeds) {
			p := draw(newRand(seed), c.common, (c.d+1)/2, c.d/2)
			d := p.decoder(seed, c.d+50)
			n, err := run(d, p.remoteEncoder(seed), c.batch)
			if err != nil {
				t.Fatalf("seed %d: %d common, %d different: %v", seed, c.common, c.d, err)
			}
			p.checkFound(t, seed, d)
			sum += n
		}
		mean := float64(sum) / float64(c.seeds)
		t.Logf("%6d common %6d different: mean %8.1f symbols, %.2f per item", c.common, c.d, mean, mean/float64(c.d))
		if mean < c.least || mean > c.most {
			t.Errorf("%d common, %d different: want a mean of %v to %v symbols, have %v", c.common, c.d, c.least, c.most, mean)
		}
		if c.d >= 8 && mean > 1.8*float64(c.d)+8 {
			t.Errorf("%d common, %d different: want at most 1.8 symbols per item and 8, have %v", c.common, c.d, mean)
		}
	}
}

func TestEqualSetsTakeOneSymbol(t *testing.T) {
	for _, n := range []int{0, 1, 2, 1000} {
		p := draw(newRand(uint64(n)), n, 0, 0)
		d := p.decoder(9, 0)
		if d.Done() {
			t.Errorf("%d items: done before the first symbol", n)
		}
		if symbols, err := run(d, p.remoteEncoder(9), 1); symbols != 1 || err != nil {
			t.Errorf("%d items: want 1 symbol, have %d, %v", n, symbols, err)
		}
		p.checkFound(t, 9, d)
	}
}

func TestEitherSideAndBoth(t *testing.T) {
	for seed := range uint64(50) {
		for _, c := range [][3]int{{0, 5, 0}, {0, 0, 5}, {300, 0, 7}, {300, 7, 0}, {300, 20, 20}, {300, 1, 40}, {0, 60, 60}} {
			p := draw(newRand(seed), c[0], c[1], c[2])
			d := p.decoder(seed, c[1]+c[2])
			if _, err := run(d, p.remoteEncoder(seed), 3); err != nil {
				t.Fatalf("seed %d: sets %v: %v", seed, c, err)
			}
			p.checkFound(t, seed, d)
		}
	}
}

// TestSmallNumbersAsItems: items that are no hashes at all are found too.
func TestSmallNumbersAsItems(t *testing.T) {
	p := pair{}
	for i := range uint64(100) {
		p.common, p.remote, p.local = append(p.common, 3*i), append(p.remote, 3*i+1), append(p.local, 3*i+2)
	}
	// The sum of 1, 2 and 3 is 0, and they are there nevertheless.
	for seed := range uint64(20) {
		for _, p := range []pair{p, {remote: []uint64{1, 2, 3}}, {remote: []uint64{0}}, {local: []uint64{0, 1, 2, 3}}} {
			d := p.decoder(seed, 200)
			if _, err := run(d, p.remoteEncoder(seed), 8); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			p.checkFound(t, seed, d)
		}
	}
}

// TestBatchesDoNotMatter: however symbols are asked for and arrive, the same are
// produced and the same is found.
func TestBatchesDoNotMatter(t *testing.T) {
	for seed := range uint64(30) {
		r := newRand(seed)
		p := draw(r, 200, 15, 15)
		all := p.remoteEncoder(seed).Next(200)
		chunks, d := p.remoteEncoder(seed), p.decoder(seed, 30)
		for at := 0; at < len(all); {
			n := min(r.IntN(20), len(all)-at)
			chunk := chunks.Next(n)
			checkSymbols(t, fmt.Sprintf("seed %d: [%d,%d)", seed, at, at+n), all[at:at+n], chunk)
			if err := d.AddSymbols(chunk); err != nil {
				t.Fatalf("seed %d: after %d symbols: %v", seed, at+n, err)
			}
			at += n
		}
		p.checkFound(t, seed, d)
	}
}

// TestSymbolsAfterDone: they are checked and change nothing.
func TestSymbolsAfterDone(t *testing.T) {
	p := draw(newRand(1), 50, 3, 3)
	e, d := p.remoteEncoder(1), p.decoder(1, 6)
	if _, err := run(d, e, 64); err != nil {
		t.Fatal(err)
	}
	for range 8 {
		if err := d.AddSymbols(e.Next(64)); err != nil {
			t.Fatal(err)
		}
		p.checkFound(t, 1, d)
	}
	if err := d.AddSymbols(nil); err != nil || !d.Done() {
		t.Errorf("no symbols: want still done, have %v, %v", d.Done(), err)
	}
}

// TestThirdParty: who knows neither set decodes the difference of their symbols.
func TestThirdParty(t *testing.T) {
	for seed := range uint64(30) {
		p := draw(newRand(seed), 500, 12, 9)
		a, b := p.remoteEncoder(seed), p.localEncoder(seed)
		d := riblt.NewDecoder(seed, 21)
		for !d.Done() {
			// One side sends more than the other: the surplus cannot be used.
			if err := d.AddSymbols(riblt.Subtract(a.Next(8), b.Next(8))); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		p.checkFound(t, seed, d)
	}
	a, b := encoder(1, []uint64{7}).Next(5), encoder(1, []uint64{7}).Next(3)
	for _, diff := range [][]riblt.Symbol{riblt.Subtract(a, b), riblt.Subtract(b, a)} {
		checkSymbols(t, "5 symbols and 3 of the same set", make([]riblt.Symbol, 3), diff)
	}
}

func TestDecoderLeavesItsArgumentsAlone(t *testing.T) {
	p := draw(newRand(1), 50, 3, 3)
	given, want := p.remoteEncoder(1).Next(64), p.remoteEncoder(1).Next(64)
	d := p.decoder(1, 6)
	if err := d.AddSymbols(given); err != nil {
		t.Fatal(err)
	}
	checkSymbols(t, "symbols given to a Decoder", want, given)
	clear(given)
	clear(d.Remote())
	clear(d.Local())
	if err := d.AddSymbols(p.remoteEncoder(1).Next(80)[64:]); err != nil {
		t.Fatal(err)
	}
	p.checkFound(t, 1, d)
}

// TestLimit: a difference of the limit is found, one more is refused.
func TestLimit(t *testing.T) {
	for _, c := range []struct{ remote, local int }{{10, 0}, {0, 10}, {5, 5}, {1, 0}, {0, 1}, {100, 100}} {
		for seed := range uint64(20) {
			p := draw(newRand(seed), 100, c.remote, c.local)
			size := c.remote + c.local
			if _, err := run(p.decoder(seed, size), p.remoteEncoder(seed), 4); err != nil {
				t.Errorf("seed %d: %v, limit %d: %v", seed, c, size, err)
			}
			d := p.decoder(seed, size-1)
			_, err := run(d, p.remoteEncoder(seed), 4)
			checkError(t, fmt.Sprintf("seed %d: %v, limit %d", seed, c, size-1), riblt.ErrLimit, err)
			if n := len(d.Remote()) + len(d.Local()); n >= size {
				t.Errorf("seed %d: %v: limit %d, have %d items", seed, c, size-1, n)
			}
		}
	}
}

// TestLimitShowsInSize: when one set is larger than the limit allows, one symbol
// tells.
func TestLimitShowsInSize(t *testing.T) {
	for _, c := range []struct{ remote, local int }{{1000, 10}, {10, 1000}} {
		p := draw(newRand(1), 0, c.remote, c.local)
		err := p.decoder(1, 900).AddSymbols(p.remoteEncoder(1).Next(1))
		checkError(t, fmt.Sprint(c), riblt.ErrLimit, err)
	}
}

func TestErrorsAreFinal(t *testing.T) {
	p := draw(newRand(1), 10, 5, 0)
	d := p.decoder(1, 1)
	first := d.AddSymbols(p.remoteEncoder(1).Next(4))
	checkError(t, "5 different, limit 1", riblt.ErrLimit, first)
	if again := d.AddSymbols(nil); again != first || d.Done() {
		t.Errorf("a call after an error: want %v, have %v, done %v", first, again, d.Done())
	}
}

// TestOtherSeed: symbols under another seed end in an error, equal sets or not.
func TestOtherSeed(t *testing.T) {
	for seed := range uint64(100) {
		p := draw(newRand(seed), 40, int(seed%3), int(seed%2))
		_, err := run(p.decoder(seed, 20), p.remoteEncoder(seed+1), 8)
		if !errors.Is(err, riblt.ErrLimit) && !errors.Is(err, riblt.ErrContradiction) {
			t.Errorf("seeds %d and %d: want an error, have %v", seed, seed+1, err)
		}
	}
}

// TestItemTwice: an item that is added twice is found out, not found.
func TestItemTwice(t *testing.T) {
	p := draw(newRand(1), 40, 0, 0)
	p.remote = []uint64{1234, 1234}
	_, err := run(p.decoder(1, 10), p.remoteEncoder(1), 1)
	checkError(t, "an item added twice", riblt.ErrContradiction, err)
}

func TestItemsComeBeforeSymbols(t *testing.T) {
	for name, late := range map[string]func(){
		"Encoder": func() {
			e := encoder(1)
			e.Next(1)
			e.Add(1)
		},
		"Decoder": func() {
			d := riblt.NewDecoder(1, 1)
			if err := d.AddSymbols(make([]riblt.Symbol, 1)); err != nil {
				t.Error(err)
			}
			d.AddLocal(1)
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: an item after a symbol: want a panic", name)
				}
			}()
			late()
		}()
	}
}

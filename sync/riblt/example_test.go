package riblt_test

import (
	"fmt"
	"slices"

	"github.com/atollcache/atoll/sync/riblt"
)

// One holder asks another, which keeps nothing between requests, for symbols
// until it knows in what their sets differ.
func Example() {
	const seed = 1
	theirs := []uint64{0x9ae16a3b2f90404f, 0xc949d7c7509e6557, 0x2b7e151628aed2a6}
	ours := []uint64{0x9ae16a3b2f90404f, 0xc949d7c7509e6557, 0x3243f6a8885a308d}
	answer := func(from, to int) []byte {
		return riblt.AppendSymbols(nil, riblt.Symbols(seed, slices.Values(theirs), from, to))
	}

	d := riblt.NewDecoder(seed, 100)
	for _, item := range ours {
		d.AddLocal(item)
	}
	for from, n := 0, 8; !d.Done(); from, n = from+n, n+n/2 {
		symbols, err := riblt.DecodeSymbols(answer(from, from+n), n)
		if err == nil {
			err = d.AddSymbols(symbols)
		}
		if err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Printf("only they have %x, only we have %x\n", d.Remote(), d.Local())
	// Output: only they have [2b7e151628aed2a6], only we have [3243f6a8885a308d]
}

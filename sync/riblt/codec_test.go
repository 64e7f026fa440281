package riblt_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"github.com/atollcache/atoll/sync/riblt"
)

func TestCodecRoundTrip(t *testing.T) {
	symbols := []riblt.Symbol{
		{}, {Sum: 1, Check: 2, Count: 3}, {Count: -1},
		{Sum: math.MaxUint64, Check: math.MaxUint32, Count: math.MaxInt64}, {Count: math.MinInt64},
		{Count: 63}, {Count: 64}, {Count: -64}, {Count: -65},
	}
	prefix := []byte("before")
	b := riblt.AppendSymbols(bytes.Clone(prefix), symbols)
	if !bytes.HasPrefix(b, prefix) {
		t.Errorf("AppendSymbols: have %x before the symbols", b[:len(prefix)])
	}
	have, err := riblt.DecodeSymbols(b[len(prefix):], len(symbols))
	if err != nil {
		t.Fatal(err)
	}
	checkSymbols(t, "round trip", symbols, have)
	if none, err := riblt.DecodeSymbols(nil, 0); err != nil || len(none) != 0 {
		t.Errorf("no bytes: want no symbols, have %d, %v", len(none), err)
	}
}

// TestSymbolSize: what a symbol takes in a message, for a usual set.
func TestSymbolSize(t *testing.T) {
	e := encoder(1, hashes(newRand(1), 4000))
	for _, c := range []struct{ symbols, most int }{{64, 14 * 64}, {64, 14 * 64}, {1000, 13_020}} {
		if n := len(riblt.AppendSymbols(nil, e.Next(c.symbols))); n > c.most {
			t.Errorf("%d symbols: want at most %d bytes, have %d", c.symbols, c.most, n)
		}
	}
}

func TestMalformedBytes(t *testing.T) {
	one := riblt.AppendSymbols(nil, []riblt.Symbol{{Sum: 1, Check: 2, Count: 3}})
	two := riblt.AppendSymbols(one[:len(one):len(one)], []riblt.Symbol{{Count: 1000}})
	body := one[:12:12]
	for name, c := range map[string]struct {
		b     []byte
		limit int
	}{
		"more than asked for":  {two, 1},
		"none asked for":       {one, 0},
		"a negative limit":     {one, -1},
		"one byte":             {one[:1], 9},
		"no count":             {body, 9},
		"half a count":         {two[:len(two)-1], 9},
		"half a symbol":        {two[:len(one)+5], 9},
		"a count without end":  {append(body, bytes.Repeat([]byte{0xff}, 40)...), 9},
		"a count of 65 bits":   {append(body, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2), 9},
		"a count with padding": {append(body, 0x86, 0x00), 9},
	} {
		_, err := riblt.DecodeSymbols(c.b, c.limit)
		checkError(t, name, riblt.ErrMalformed, err)
	}
}

// TestDecodeAllocatesLittle: the bytes decide, not the limit.
func TestDecodeAllocatesLittle(t *testing.T) {
	for _, n := range []int{0, 1, 100, 13 * 1000} {
		symbols, _ := riblt.DecodeSymbols(make([]byte, n), math.MaxInt)
		if size := cap(symbols) * binary.Size(riblt.Symbol{}); size > 2*n {
			t.Errorf("%d bytes: have %d bytes of symbols", n, size)
		}
	}
}

package riblt_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/atollcache/atoll/sync/riblt"
)

// pair is two sets: what both have, and what only one of them has.
type pair struct{ common, remote, local []uint64 }

// draw draws two sets that differ in so many items.
func draw(r *rand.Rand, common, remote, local int) pair {
	return pair{hashes(r, common), hashes(r, remote), hashes(r, local)}
}

func hashes(r *rand.Rand, n int) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		out[i] = r.Uint64()
	}
	return out
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0xa7011)) }

func encoder(seed uint64, sets ...[]uint64) *riblt.Encoder {
	e := riblt.NewEncoder(seed)
	for _, set := range sets {
		for _, item := range set {
			e.Add(item)
		}
	}
	return e
}

func (p pair) remoteEncoder(seed uint64) *riblt.Encoder { return encoder(seed, p.common, p.remote) }

func (p pair) localEncoder(seed uint64) *riblt.Encoder { return encoder(seed, p.common, p.local) }

// decoder returns a Decoder that knows the local set.
func (p pair) decoder(seed uint64, limit int) *riblt.Decoder {
	d := riblt.NewDecoder(seed, limit)
	for _, set := range [][]uint64{p.common, p.local} {
		for _, item := range set {
			d.AddLocal(item)
		}
	}
	return d
}

// run feeds symbols in batches until the difference is found or the Decoder gives
// up, and returns how many it took.
func run(d *riblt.Decoder, e *riblt.Encoder, batch int) (symbols int, err error) {
	for !d.Done() {
		if err := d.AddSymbols(e.Next(batch)); err != nil {
			return symbols, err
		}
		symbols += batch
	}
	return symbols, nil
}

// checkFound checks that the Decoder found exactly the difference.
func (p pair) checkFound(t *testing.T, seed uint64, d *riblt.Decoder) {
	t.Helper()
	if !d.Done() {
		t.Fatalf("seed %d: not done", seed)
	}
	checkSame(t, seed, "remote", p.remote, d.Remote())
	checkSame(t, seed, "local", p.local, d.Local())
}

func checkSame(t *testing.T, seed uint64, name string, want, have []uint64) {
	t.Helper()
	want = slices.Sorted(slices.Values(want))
	slices.Sort(have)
	if !slices.Equal(want, have) {
		t.Fatalf("seed %d: %s items: want %d, have %d that differ", seed, name, len(want), len(have))
	}
}

func checkError(t *testing.T, input string, want, have error) {
	t.Helper()
	if !errors.Is(have, want) {
		t.Fatalf("%s: want %v, have %v", input, want, have)
	}
}

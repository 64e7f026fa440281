// Package riblt finds how two sets of 64-bit items differ, at a cost in
// proportion to the difference and not to the sets: rateless invertible Bloom
// lookup tables, after Yang, Gilad and Alizadeh, "Practical Rateless Set
// Reconciliation", SIGCOMM 2024, arXiv 2402.02668.
//
// A set is turned into an endless row of coded symbols. A [Symbol] holds the
// exclusive or of the items that take part in it, that of their checksums, and
// their number; an item takes part in symbol i with probability 1/(1+i/2),
// decided by a generator seeded with the item. The difference of two sets'
// symbols is therefore the symbols of the sets' difference: what both hold
// drops out. A symbol of one item left shows that item, which is then taken out
// of every other symbol it is in, which may leave one of those with one item,
// and so on until all are empty. Nobody has to know the size of the difference
// beforehand: the asker takes symbols until it is done.
//
// One side produces symbols with an [Encoder], or with [Symbols] when it keeps
// nothing between requests. The other feeds them to a [Decoder] that knows its
// own set. A third party that knows neither set takes the symbols of both,
// calls [Subtract] and feeds the result to a Decoder without a set.
//
// # Cost
//
// Mean numbers of symbols for a difference of d items, over many seeds:
//
//	d        1     2     4     8    30   100  1000  10000
//	symbols  1   3.2   7.1    14    47   145  1378  13602
//
// A small difference needs up to three times its mean once in a thousand times,
// a large one hardly more than its mean: two items that happen to take part in the same symbols stay together
// until the first symbol that parts them.
//
// A symbol takes 13 or 14 bytes in a message: see [AppendSymbols]. Equal sets are
// known to be equal after one symbol. An item takes part in about 2·ln(m) - 1 of
// the first m symbols, so n items cost O(n log m) to encode, whether the symbols
// are produced in one go, in several, or from the middle. A call also looks once
// at every item, so ask for symbols in batches, best in growing ones: 16 first,
// then half as many again as there are. (The paper's code keeps a heap of items by
// next symbol instead. Measured on 4,000 and on 40,000 items and batches of 16 to
// 1024 symbols, that takes 2.4 to 4 times as long.)
//
// # Limits
//
// An item counts once in a set. One that is added twice cancels itself in the
// sums but not in the number, and the sets are then never reconciled.
//
// Items should be hashes, evenly spread over 64 bits, and both sides must use
// the same seed. The checksum has 32 bits: when a symbol holds several items, one
// more of one set than of the other, the chance to take them for a single item
// is 2^-32, and what follows is nearly always an error. A difference that was
// found says what to compare; it is no proof.
//
// The hash is fast, not cryptographic. Someone who can choose items and knows
// the seed can make sets whose difference is not found, but no more: whatever
// the symbols hold, a Decoder's time and memory are bounded by its limit. Key
// the hash that makes the items, and draw a new seed for each attempt.
//
// The items' places are computed in integers, so that symbols are the same on
// every architecture; they are part of the protocol between versions. Nothing
// here locks, waits or draws random numbers. A value must not be used by two
// goroutines at once.
package riblt

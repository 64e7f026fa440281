// Package crdt holds Atoll's replicated data types as pure values: what a write
// is, how it changes an entry, how two copies of an entry become one, and how
// all of that is written down as bytes.
//
// # The model in one page
//
// The keyspace is cut into partitions and each partition is replicated by
// itself. A write at a replica gets a [Dot] (the replica and a number that it
// counts without gaps in that partition), a stamp from a hybrid logical clock
// ([HLC]) and the [Vector] of everything its origin had applied before it. It
// travels as a [Delta]. A replica applies a delta only when its own vector
// covers the delta's, so what a partition shows is always a function of its
// vector: equal vectors show the same.
//
// An [Entry] is everything kept for one key: cells, an expiry, and rarely a
// time cut. A [Cell] is one last-writer-wins register plus one counter. Setting
// and removing say "drop from this cell, or from this entry, every dot that my
// vector covers"; nothing is left behind, because a dot that a vector covers
// and a state lacks is known to be gone. What the remover had not seen stays.
//
// A field of a hash may expire by itself. HSET clears the time to live that it saw,
// HINCRBY keeps it, and of concurrent assertions the longest counts, none beating all,
// as for keys; lifetime.go says what follows.
//
// Losers stay. Of several concurrent writes in one cell the highest [Version]
// shows, the others wait hidden until something that saw them replaces them: if
// they were dropped, replicas would differ as soon as somebody who had seen
// only the winner removed it.
//
// Nothing is kept for ever. A time cut, a loser, what has expired and what is left
// of a removed counter have a use only until everything that did not see them has
// arrived. Then a partition forgets them ([Partition.Collect]) and holds what it has
// forgotten against old news ([Horizon]). Nor does a vector name for ever who wrote
// once: an ID under which nobody writes any more is retired ([Retirement]).
//
// Not everything need be in memory. A partition may have a [Tier], which keeps its
// entries as of the last [Partition.Save]; entries come from there as they are asked
// for and leave memory by [Partition.Release]. Nobody can tell such a partition from
// one without a tier, but by the time that it takes.
//
// # What the package promises
//
//   - Applying the same deltas in any causal order, any number of times, mixed
//     with [Partition.Join] of whole states, ends in the same state. It has the
//     same bytes ([AppendEntry]) as long as nobody has forgotten anything, and again
//     when everybody has forgotten everything that is stable.
//   - Forgetting what is stable is never seen: not by a reader, then or later, nor
//     in what any further write does. In the end nothing is kept but what shows.
//   - Nothing here reads a clock, takes a lock, starts a goroutine or does I/O.
//     Time comes in as an argument.
//   - Decoding hostile bytes gives an error and never allocates more than a
//     small multiple of the input.
//
// It does not promise an order between partitions, and it does not decide which
// replica a delta is sent to: that is package sync's work.
//
// # Sources
//
// Observed-remove without tombstones: Bieniusa et al., "An optimized
// conflict-free replicated set" (2012), and Riak's ORSWOT. One vector for many
// keys: Gonçalves et al., "DottedDB" (SRDS 2017). Delta mutation and causal
// delivery: Almeida, Shoker, Baquero, "Delta state replicated data types"
// (2018). Hybrid logical clocks: Kulkarni et al. (OPODIS 2014).
package crdt

// Package evict says which entry goes when a node has more than it may keep in
// memory. It is pure policy: it keeps no values, does no I/O, has no lock and no
// clock, and the same calls give the same victims.
//
// # The policy
//
// A new entry is on probation, in a first-in-first-out queue that at first has a
// fifth of the memory. What was read or written at least twice there goes on to the
// main queue; the rest leaves. The main queue is a clock: what was used since the
// hand came by last goes round again, up to three times, the rest leaves. This is
// S3-FIFO (Yang, Zhang, Qiu, Yue and Rashmi, "FIFO Queues are All You Need for Cache
// Eviction", SOSP 2023) with three changes:
//
//   - Both queues leave echoes: the hash of each key that went, until half as many
//     entries as are kept have gone the same way. Who comes back while its echo from
//     probation lasts left too early and goes straight to the main queue. Who comes back
//     after the main queue gave it up starts on probation with one use to its credit:
//     so a loop longer than the memory does not wash through the main queue.
//   - The share of probation follows the echoes, as in ARC (Megiddo and Modha, FAST
//     2003): it grows by a fifth of an entry with each echo of its own, and shrinks by
//     twice that with each echo of the main queue.
//   - While the memory fills, what is beyond probation's share goes on to the main
//     queue, used or not.
//
// A scan passes through probation and leaves the main queue as it was. README.md has
// what was measured.
//
// # One cache, many partitions
//
// A [Policy] belongs to one partition and is called under its lock; a [Budget] is the
// node's. All queues are in the order of one node-wide count, so that the queues of all
// partitions, merged by it, are the queues of one big cache, and the budget always
// names the partition whose front is oldest. A hot partition keeps more than a cold
// one, and nothing has to be shared out. The hit ratio is that of one big cache,
// whatever the number of partitions.
//
// # Bytes
//
// Everything is weighed in bytes as the caller counts them. An entry of more than an
// eighth of the limit is outsize when it is new: it is the first to go, and only if it
// comes back while its echo lasts does it get into the main queue. There, the larger
// an entry, the more often it has to be used to stay. One of more than half the limit
// never stays when something has to go. A burst of large entries so empties probation
// at most.
package evict

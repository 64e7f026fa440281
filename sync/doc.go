// Package sync replicates partitions between replicas.
//
// Its heart is [Engine], one partition at one replica, as a stepped machine: its
// inputs are calls (a local write, a message received, the time), its outputs
// are returned values (messages to send). It has no goroutine, lock, clock or
// I/O, so that the same inputs give the same outputs: a seed is a bug report.
// [Runner] is the concurrent ring around all engines of a node, and [Transport]
// is what it needs of a network; package natslink has the one on NATS.
//
// # How a write travels
//
// [Engine.Write] numbers the write, applies it to the store, appends it to the
// log and queues it for the next broadcast. A receiver applies it as soon as its
// own vector covers what the write's origin had seen, and holds it back until
// then.
//
// The network may lose, repeat, reorder and delay anything. Heads repair that:
// every holder announces the vector of what it has applied, when it has changed
// and at a slow beat. A holder that is behind an announced vector, or holds
// writes back, pulls what it misses from a peer that has it: from that peer's
// log, which keeps others' writes too, or, when the log no longer reaches back
// far enough, by a snapshot of the partition.
//
// # Bounds
//
// The log, the held-back writes, the size of a message and the number of open
// snapshots are bounded by [Config]. Nothing of what is dropped at a bound is
// lost: it is pulled again, later and at a higher price.
package sync

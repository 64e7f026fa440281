// Package node is one running cache node: its front doors, its connection to the
// others, and the goroutines that drive what decides. What decides is stepped and
// runs in a simulator just as well: package core, and the engines of package sync.
//
// # The way of a SET
//
//  1. A front door turns what a client sent into a wire.Command: package natsapi
//     for NATS subjects, [Node.Do] for programs that embed a node (route.go).
//  2. The core says whether this node runs it (core/route.go), or which other one
//     to pass it on to (pass.go).
//  3. Package command runs it on the partition's core.Shard (core/shard.go), under
//     the partition's lock: crdt.Mutator turns it into effects, and the partition's
//     cachesync.Engine numbers, stamps, applies, logs and queues them as a delta.
//  4. cachesync.Runner publishes the delta; every holder anywhere gets it.
//  5. There, Runner hands it to the partition's engine, which applies it to the
//     shard's memory as soon as its causes are there.
//
// # What a node promises
//
// A write is acknowledged when the node that ran it has applied it. It reaches
// the other holders of its region and the other regions by itself; until it has,
// it is lost if that node dies. Any node accepts a write for any key while its
// owner cannot be reached. Reads are answered by a holder in the region.
package node

// Package region says where things are: which node of a region holds a key,
// who the members are, which links between regions are paused, and what the
// NATS subjects are called.
//
// # From key to node
//
// A key's [Slot] is Redis Cluster's, so that cluster clients of Redis agree
// with it. A run of slots is a [Partition], the unit that is placed, copied and
// handed over. A [Ring] places the partitions of one region on its nodes; it is
// a pure function of the member list, so every node and every client that has
// the same list computes the same ring. README.md in this directory specifies
// the placement exactly, with the measurements it was chosen by.
//
// # Who is there
//
// A [View] is fed with heartbeats, departures and the time, and returns what
// changed. Views of two nodes may differ for a while. That is safe: then two
// nodes own one partition, both accept writes, and the writes merge.
//
// [Links] records which links between regions an operator has paused.
//
// [Clocks] compares the wall clocks of the members by their heartbeats, and says
// who is out of line.
//
// # What the package promises
//
// Nothing here reads a clock, takes a lock, starts a goroutine or does I/O, and
// nothing that leaves it depends on the order of a map. The same calls give the
// same results in every process. Values are not safe for concurrent use, except
// [Ring], which never changes once built.
package region

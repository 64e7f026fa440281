// Package backup writes what a region of a cluster holds to a directory, while the
// cluster runs, and gives a cluster back what such a directory has.
//
// # What is in the directory
//
//	DIR/partition-00000   the backup of one partition; one file each, also for one that is empty
//	DIR/MANIFEST          what there is, with a checksum of each file and of itself
//
// MANIFEST is written last, under another name, and renamed: a directory without it was
// not finished, and is no backup. It is a line with the format's version, a JSON
// document, and a line with the checksum (xxh3) of all before it.
//
// A partition's file is the messages of replication (package sync) by which a new
// holder of the partition is filled, each behind its length in four bytes, big endian:
// a consistent cut of the partition with its vector and what it had forgotten. Two
// partitions are not of the same moment, as nothing in a cluster is: order is kept in a
// partition only. What its owner had acknowledged when [Take] began is in it. Nothing is
// locked and no write waits but for the copying of one partition's index.
//
// A checkpoint of one node's data directory (pebblestore.Store.Checkpoint) is another
// thing: that node's part of a region, for a node of its name.
//
// Nodes give their partitions to whoever makes the backup, and write nothing
// themselves: a region's data is spread over nodes, which may have no disk, and no
// command makes a node write where the caller says. The directory has nothing of any
// node's own, so that a cluster of another shape can be given it.
//
// # What restoring does
//
// [Restore] joins each partition's backup with what its holders have, as a peer's
// state is joined. What the cluster had seen and does not show has been removed or
// replaced since, and stays so. What it has not seen, because nodes were lost with it
// or it is another cluster, comes in, with its old stamps, counters as counters.
//
// A partition that has forgotten something since (crdt.Horizon) cannot tell what of the
// backup had been removed. Then nothing of the backup is merged into it, and the result
// says how many keys are concerned. With Options.AsNew every key that does not exist is
// written anew, with the present time for a stamp: also what was removed on purpose.
// What exists is left as it is.
//
// All holders of a partition are asked before any takes its backup in, and forget
// nothing in between; where one cannot be asked, nothing is merged. Restoring again is
// safe, and does what is left. The price at each holder is the memory of the
// partitions that are under way, [Options.AtOnce] of them.
//
// Both need what NATS allows nodes: to publish to repair.<replica>. Who may write to a
// cluster's keys may not on that account give it a state.
package backup

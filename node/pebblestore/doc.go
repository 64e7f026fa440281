// Package pebblestore keeps a node's partitions in a directory, in one Pebble
// database: what a restart is warm from, and where entries go that memory has no
// room for. It implements [crdt.Tier] and decides nothing: what is saved, when, and
// what leaves memory is the node's business.
//
// # What is in the directory
//
//	DIR/LOCK      held by the process that has the store open
//	DIR/db/ATOLL  whose store this is: text with a checksum, written once
//	DIR/db/…      Pebble's files, at its newest format version
//	DIR/new/      only while a store is being made; whole, it becomes DIR/db
//
// Rows of the database, each key one byte of table, then two bytes of partition
// (big endian), then the rest:
//
//	table  rest of the key     value
//	e      key                 entry: a form byte (1), then [crdt.AppendEntry]
//	                           patches: a form byte (2), then each by its length, as Merge operand
//	x      time, 8 bytes, key  none; when the entry expires, in milliseconds, big endian
//	w      key                 bytes that wait to be forgotten, as a varint
//	h      none                [crdt.AppendHead]
//	m      name                what is not of a partition: whose store, the node's life, the clean mark
//
// # What a batch holds
//
// [Batch.Save] puts all that has changed in a partition, with its vector, into one
// batch; a batch may hold many partitions. [Batch.Commit] makes all of it visible
// and, after a crash, there or not there as one. So whatever a restart finds of a
// partition is a state that the partition was in, and of two partitions of one
// batch it finds both or neither. Commits keep their order: a batch is never found
// without all that were committed before it.
//
// # What durability means
//
// A commit with sync has been written and synced (fsync) with all before it when it
// returns nil: neither the process's end nor a power cut takes it, as far as the disk
// keeps what it says that it has. Commits that wait at the same time share a sync.
// A commit without sync is in the process's memory only, up to 32 KiB of log, and
// after that in the kernel's: the end of the process loses the first, a power cut
// both, always from the end of the log. [Store.Sync] makes up for it. What a
// commit returned an error for may be found after a restart, or not.
//
// # What happens when the disk fails
//
// The first failure of a write or a sync, and the first damage that is found, by a
// read or by Pebble in the background, ends writing: Config.OnError hears of it
// once, and every later write gives the same error. Not one byte is written to the
// directory after it, so that nothing that may still be good is overwritten. Reading
// goes on, of what had been committed and is intact. Nothing is tried again by
// itself: whether a sync that failed once has lost what it was for, nobody can
// know. Close the store, and open it again when the cause has gone, or put the
// directory aside and fill an empty one from other nodes.
//
// The process is never ended: not by a failing log, for which Pebble asks to be
// stopped or panics while it holds locks. It is kept from seeing that failure: the
// goroutine that the failing call was made by stays in it. A store that has failed
// to write therefore leaves its memory and a few goroutines behind when it is
// closed; the directory is free all the same.
//
// A value that cannot be decoded, though its block's checksum is right, is an error
// for its key alone ([ErrDamaged]); a patch that cannot be applied is kept with
// what it was for, and neither holds up compactions nor other keys.
package pebblestore

// Package core is everything that a node decides, as a stepped machine: who the
// members are, which partitions the node takes, answers for and lets go, whether
// it has been filled, where a command runs, what has expired, and when it may
// leave. It has no goroutine, timer, network, clock or randomness of its own, and
// nothing in it waits: the same calls at the same times have the same effects in
// the same order. So a whole cluster of the real thing can run in one goroutine,
// and a seed is a bug report.
//
// # One life
//
// A [Core] is one life of a node under one replica ID. [Core.Step] drives it
// through its states, each step doing what is due at the time:
//
//	Listening  hears who is there, for JoinWait
//	Filling    holds what it will answer for, and is filled by those who have it
//	Ready      runs commands; takes and lets go what the rings say
//	Leaving    takes no more commands; others get what it has, for LeaveWait
//	Gone       has said goodbye; of no use any more
//
// [Core.Leave] turns any of the first three into Leaving, and so does
// [Core.Outlive], after which nothing is handed over: such a life has missed so
// much that what it holds must not reach anybody, and the next one begins with
// nothing. [Core.End] ends a life at once.
//
// # What goes in and out
//
// In: the time through Config.Now; what other nodes announce, by [Core.Heard];
// that something else came from them, by [Core.Sign]; what they ask and answer before
// commands run, by [Core.AnswerSeen] and [Core.Learn]; commands, by [Core.Enter],
// [Core.RunsHere], [Core.Take] and command.Exec on the [Shard]; decisions about
// links, by [Core.Decide] and [Core.Apply]. Out: calls of [Outside].
//
// Replication is not driven from here: whoever drives a core also drives the
// engines of its partitions, through [Core.Do] and [Core.Held], as
// cachesync.Runner does. A core only looks at them, and tells them which regions
// are paused and which replicas are gone.
//
// # Locks
//
// Step is called by one goroutine at a time, everything else at any time by any.
// There are a lock for each partition, one for the members and what they decide,
// and one for what is held and paused. The last may be held while one of the others
// is taken; no other two are held together, and none for long. That of [Memory] is taken
// with none held but the last, and a partition's inside it.
package core

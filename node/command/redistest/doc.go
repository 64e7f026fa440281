// Package redistest compares what Atoll replies to commands with what Redis
// replies. It has a generator of commands, valid and not ([Generator]), a small
// client that speaks RESP ([Dial]), a redis-server in a process of its own
// ([StartRedis]), the executors of package command on memory alone ([NewMemory]),
// and a comparer that gives two of these the same commands ([Compare]).
//
// Where the two may differ is listed in differences.go, with the reasons in
// DIFFERENCES.md.
package redistest

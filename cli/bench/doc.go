// Package bench measures Atoll beside what people use today, on the machine that
// it runs on.
//
// A figure is a ratio from one run: two targets do the same work in turns (A B A B
// …), and what is reported is the median of the rounds' ratios with the lowest and
// the highest. An absolute number says more about the machine than about the
// program, so there is none without its peer beside it.
//
// # What "the same work" is
//
// A [Workload] is made once from a seed, before anything is measured: the keys, the
// values and the order of operations are the same for both targets, byte for byte,
// and so are the number of callers and how many operations each has under way. What
// can be driven by RESP is driven by one client, which is ours. What that client
// costs by itself shows in a run against the null server, which answers everything
// at once and keeps nothing ([ServeNull]). Every server is a process of its own.
//
// Both sides stand by while the other runs. What an idle node takes then (1.6 % of a
// core when it was last looked at) is taken from its peer, and what an idle peer takes
// from the node.
//
// # Latency
//
// With a rate ([Load.Rate]) each call has a time at which it is meant to begin, and
// its latency counts from then, however late it was sent: a target that stands still
// is charged for all the calls that it held up (coordinated omission). Waking up late
// is charged to the target as well; the null server shows how much that is. Without a
// rate the next call waits for the last one: that measures throughput, and its
// percentiles are those of a caller who waits, and are marked so.
//
// # Reading order
//
//	op.go, workload.go, zipf.go, twitter.go   what is done
//	load.go, result.go                        how it is driven and measured
//	compare.go                                two targets in turns
//	resp.go, null.go, nats.go, natskv.go,
//	embedded.go                               the targets
//	process.go, servers.go                    what is started
//	row.go, rows.go                           the table: what must hold, as data
//	rows_embedded.go, replicate.go, lag.go,
//	memory.go, growth.go                      rows that are more than one comparison
//	report.go, plot.go, machine.go            what is written
package bench

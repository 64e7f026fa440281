// Package natslink carries replication over core NATS: it has the
// cachesync.Transport that a node uses.
//
// # Subjects
//
// Package region builds them all.
//
//	delta.<region>.<partition>   published in the own region, received from all
//	                             regions while the partition is held
//	member.<region>              announcements, likewise; always received
//	repair.<replica>             requests to one replica, of any size (package bulk)
//	repair.<replica>.bulk        the chunks of large ones
//
// One publish reaches every other holder: NATS interest does the fan-out, and
// across gateways and leaf nodes a message travels once per link. Queue groups
// are not used, they would be answered in one region only.
//
// # What is promised
//
// Publish and Announce are hints: NATS delivers at most once, and what does not
// fit into this package's bounds is dropped and counted. The engine repairs all
// of it. Every message that waits here is bounded in number and in bytes; see
// [Config]. A receiver that stands still costs drops, never memory, and never
// stops the connection's other traffic. The messages of a partition are
// delivered in the order in which they came, those of different partitions side
// by side.
//
// # What the connection must be like
//
// The link uses a connection that others may use too, and sets none of its
// handlers. Whoever opens it should
//
//   - not use nats.NoEcho: package bulk answers requests of its own process.
//     The link itself sorts out what it has published.
//   - use nats.MaxReconnects(-1), or the connection ends for ever after a
//     server has been away for two minutes. Subscriptions come back by
//     themselves with the connection.
//   - use nats.ReconnectBufSize(-1), so that nothing counts as published that
//     waits in a buffer. The link refuses to publish while it knows that the
//     connection is down; this closes the gap until it does.
//   - use a short nats.PingInterval (2 s), or a dead peer goes unnoticed for
//     minutes.
//   - pass errors of the connection's error handler to [Link.AsyncError]: NATS
//     reports missing permissions nowhere else.
//
// Messages that NATS itself drops because the link reads too slowly need no
// handler: Stats asks for them.
package natslink

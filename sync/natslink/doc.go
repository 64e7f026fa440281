// Package natslink carries replication over core NATS: it has the
// cachesync.Transport that a node uses.
//
// # Subjects
//
// Package region builds them all.
//
//	delta.<region>.<partition>   published in the own region, received from all
//	                             regions while the partition is held; what the
//	                             same nodes hold shares one (cachesync.Host.Lead)
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
// What a link pulls is bounded by bulk.Config.WindowBytes in all, so that the
// answers are not more than a NATS server keeps for a connection before it ends it
// as that of a slow consumer (max_pending, 64 MiB by default; it never says how
// many). When the connection is lost all the same while answers are due, requests
// under way end at once, and less is asked for from then on: half each time, and
// more again as time goes by. Otherwise a node that catches up over a server that
// keeps little would lose its connection for ever to the answers to its own
// requests.
//
// # One connection or three
//
// On one connection everything leaves and arrives in one order, so a heartbeat
// waits behind all that was queued before it: tens of MiB of answers at a node
// that fills another one, for seconds on a slow path. Others then take the node
// for dead. With connections of their own ([Config.ControlConn] for
// announcements, [Config.BulkConn] for requests and their answers) an
// announcement overtakes deltas, and both overtake bulk. Nothing that travels on
// one waits for another, not even when its network stands still.
//
// What this costs and does not do:
//
//   - Announcements and deltas have no order between them. Heads that come before
//     the deltas that they speak of show as a gap for as long as those take. When
//     that is longer than the engine's PullAfter they are pulled as well.
//   - A node can be heard on one connection and be cut off on another. Stats
//     tells how each one is.
//   - Servers put all of it into one connection again where they talk to each
//     other: one for each gateway and leaf node, and for each account between
//     servers of a cluster. There an announcement waits behind what bulk has in
//     flight: bulk.Config.WindowBytes, for each node that pulls over that way.
//   - Connections may reach different servers of a NATS cluster.
//
// # What a connection must be like
//
// The link uses connections that others may use too, closes none of them and
// sets none of their handlers. Whoever opens one should
//
//   - not use nats.NoEcho, which New refuses: package bulk answers requests of
//     its own process, and links that share a connection hear each other over it.
//     The link itself sorts out what it has published.
//   - use nats.MaxReconnects(-1), or the connection ends for ever after a
//     server has been away for two minutes. Subscriptions come back by
//     themselves with the connection. Use nats.IgnoreAuthErrorAbort for the same
//     reason: it ends for ever, too, when a server refuses it twice.
//   - use nats.ReconnectBufSize(-1), so that nothing counts as published that
//     waits in a buffer. The link refuses to publish while it knows that the
//     connection is down; this closes the gap until it does.
//   - use a short nats.PingInterval (2 s), or a dead peer goes unnoticed for
//     minutes.
//   - use a short nats.FlusherTimeout (5 s) with nats.ReconnectOnFlusherError.
//     While a write waits for a peer that takes nothing, everything else on the
//     connection waits too, the pings among it: the default is a minute.
//   - pass errors of each connection's error handler to [Link.AsyncError]: NATS
//     reports missing permissions nowhere else.
//   - give all of them the same servers, with the same max_payload in the whole
//     system: a leaf node's connection ends when a message is too large for the
//     other side.
//
// Messages that NATS itself drops because the link reads too slowly need no
// handler: Stats asks for them.
package natslink

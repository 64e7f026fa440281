// Package bulk is request and reply of any size over core NATS.
//
// A NATS message cannot exceed the server's max_payload (1 MiB by default),
// while a command, a reply or a repair can. This package removes that limit up
// to a bound of its own (Config.MaxMessage) and costs nothing where it is not
// needed: a request and a reply that fit are one plain NATS message each, and any NATS client can send and read them.
//
// A larger request is announced on the subject itself, so whichever member of
// a queue group answers is the one that gets all of it: the answer names a
// direct subject that only this process listens on. The chunks go there as
// acknowledged requests, several at a time, and the last one, sent when all
// others are acknowledged, is answered with the reply.
//
//	caller                                server
//	announce id, size, chunk  ── subject ─▶  reserves the bytes
//	                          ◀── inbox ──  accept id, chunk, direct
//	chunk id, 0 … n-2         ── direct ─▶  (Config.Window at a time)
//	                          ◀── inbox ──  ack id, index
//	chunk id, n-1             ── direct ─▶  handler runs
//	                          ◀── inbox ──  the reply
//
// A larger reply is parked by the server: its answer holds the first chunk and
// says where the rest is, and the caller pulls that, again several at a time.
//
//	                          ◀── inbox ──  parked id, size, chunk, direct + chunk 0
//	pull id, 1 … n-1          ── direct ─▶
//	                          ◀── inbox ──  part id, index
//
// A caller that asks many at once (RequestWithin, and RequestBounded after a lost
// connection) says with its request how much of the reply may come at once; beyond
// that it is parked, in chunks of so many bytes.
//
// Cost in NATS messages: 2 for what fits; a request of n chunks adds 2·n, a
// reply of n chunks adds 2·(n-1).
//
// # What is promised
//
// Every message of a transfer is acknowledged, and nothing is sent twice by
// this package: loss, a lost server and a lost connection all show as an error
// within the context's deadline or Config.ChunkTimeout. A handler never sees
// part of a request, and a caller never sees part of a reply. Everything a
// server keeps is bounded in bytes (Config.MaxHeld) and in time
// (Config.HoldFor), whatever is sent to it: transfers are reached only by
// their ids, 128 random bits each.
//
// # What is not promised
//
// Delivery is at most once, as in NATS itself. After any error but ErrBusy,
// nats.ErrNoResponders and a request's own ErrTooLarge the handler may have
// run; who must not run twice needs a request identity above this package. Two
// requests may run in either order, or at once. A transfer does not survive its
// server.
//
// A Caller and a Server may share one connection, which must then not be opened
// with nats.NoEcho. On a busy node give bulk a connection of its own, so that
// chunks do not delay heartbeats. Where servers pass on everything over one
// connection, as gateways and leaf nodes do, only Config.WindowBytes bounds that.
package bulk

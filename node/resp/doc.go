// Package resp is the front door for Redis clients: it speaks RESP2 and RESP3
// (package proto) and answers as a Redis server does, so that what people point at
// Redis today can be pointed at a node.
//
// Commands on data are those of package command: the server learns them from its
// table, sends those of a pipeline together to the node, and writes the replies in
// order, each in the shape that Redis gives it. All else (connections, users,
// transactions, publish and subscribe, tracking, what tools ask) is here, on top
// of a [Backend], which the node is.
//
// # What a client cannot do
//
// Nothing that a client sends makes the node panic, waits for another client, or
// grows without bound: see [Config] for each bound. A client that does not read is
// cut off; one that does not write costs its buffers.
//
// # Goroutines
//
// Each connection has one goroutine, which reads, runs and writes. What comes to a
// client from elsewhere (messages, invalidations) is put into its output, and a
// goroutine writes it out for as long as there is something. [Server.Serve]
// returns when all have ended.
package resp

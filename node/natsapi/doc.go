// Package natsapi is a node's front door on NATS. It serves two things.
//
// The command subjects take the messages of package wire, many commands each,
// and are what package client and other nodes use:
//
//	atoll.<cluster>.<region>.do.<partition>    answered by the partition's owner
//	atoll.<cluster>.<region>.alt.<partition>   by the next replica
//	atoll.<cluster>.<region>.any.<partition>   by any node of the region
//
// Requests and replies may be of any size (package bulk). Each subject is a queue
// group, so that while rings differ only one of two owners runs a command.
//
// The kv API takes plain messages, from any NATS client in any language and
// with nothing but the nats tool. It is a NATS micro service named atoll; any
// node of the region answers. README.md in this directory describes every
// endpoint.
//
// # Bounds
//
// What runs at once, what waits, how large it is and how long it takes is bounded
// by [Config]. What does not fit is refused with an error that says so, and
// counted.
//
// # What the connection must be like
//
// It must not be opened with nats.NoEcho. NATS micro puts its own closed and
// error handlers in front of the connection's and gives them back at the end:
// set yours before [Server.Start] is called, and not again until the server is closed.
package natsapi

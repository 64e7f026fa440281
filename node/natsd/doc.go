// Package natsd runs NATS servers inside this process.
//
// Start is one embedded nats-server: the one that a node brings along when it
// is not given the URL of another. A stock nats-server configuration file can
// be put underneath, so TLS, accounts and gateways are set up as NATS users
// know it. StartSuper is a whole supercluster for trying things out and for
// tests: a server per region, joined by gateways through delay proxies, so that
// a round trip between two regions takes as long as over a real WAN, and any
// link can be cut and restored. ConnOptions are the client options that every
// connection of a node starts from.
//
// A Start is ready when it returns and gone when its Shutdown returns: no
// goroutine, no port. Servers log to slog and never end the process, whatever
// nats-server calls fatal.
//
// The proxies delay; they do not limit bandwidth (beyond Buffer bytes in flight),
// do not reorder and do not lose bytes on a link that stands. A cut link is one
// that was reset: connections break and bytes in flight are lost.
package natsd

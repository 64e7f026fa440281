// Package client is the Go client for programs that have a NATS connection. It
// never dials and never closes the connection.
//
//	c, err := client.New(nc)
//	defer c.Close()
//	_, err = c.Set(ctx, "greeting", "hello")
//
// A [Client] has the methods of command.API, as the embedded node has. Their
// comments say what the cluster promises.
//
// # Where a command goes
//
// The client asks the region for its members, computes the ring itself and sends
// each command to the owner of its key, on the subject of a partition. Commands
// of concurrent callers to one owner share messages: at once when nothing is
// under way, together with what has collected meanwhile when something is. So a
// lone caller waits for nobody, and a thousand cost few messages. A command on
// several keys is split by partition.
//
// When the owner does not answer, the next replica is asked, then any node of
// the region, each for a short time; nobody on a subject moves on at once. After
// a failure whose outcome is unknown, a command is sent again only if it may run
// twice or carries a request ID, which command.API gives to those that need one.
//
// # Bounds
//
// What waits, what is under way, and for how long, is bounded by [Config]. What
// is over a bound fails with wire.ErrOverload, wire.ErrTooLarge or
// wire.ErrTimeout and has not been sent, or says that it may have happened.
package client

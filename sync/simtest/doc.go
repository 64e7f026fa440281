// Package simtest runs engines of package sync through whole histories, each
// made up from one seed, and checks what they promise.
//
// A history has two to five replicas of one partition in two or three regions,
// each a real [cachesync.Engine] over a real [crdt.Partition], with bounds so
// small that all of them are hit. It runs in one goroutine on a simulated clock
// and network: messages pass through the real codec and are lost, doubled,
// delayed and overtaken, links are cut in one direction, regions are paused,
// clocks are off by more than is allowed, replicas lose their memory and return
// under a new identity. Every seed draws its own mix of faults: histories that
// have everything at once hide as much as they find.
//
// On the way, every call is followed by a look at the bounds, at the numbering
// and at requests that repeat themselves without need. Now and then, and in the
// end, a replica's state is compared with what the original writes that its
// vector covers give when they are applied one by one, and with what the
// executable specification of package crdttest says of them.
//
// Then everything heals and time passes until nothing more happens. All replicas
// must hold the same by then, lack nothing that any of them has ever had, hold
// nothing back, and ask for nothing.
//
// The same seed gives the same history, to the byte ([Result.Trace]). One that
// fails is cut down to the steps that it needs ([Explain]).
package simtest

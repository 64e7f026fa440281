// Package nodetest runs whole clusters through histories, each made up from one
// seed, and checks what the cache promises.
//
// A history has one to three regions of up to five nodes. Each node is a real
// core.Core with its real shards, engines, member view and rings; what is
// simulated is only what lies outside of it: clocks, the network, and the clients.
// Messages pass through the real codecs. All of it runs in one goroutine, so the
// same seed gives the same history, to the byte ([Result.Trace]).
//
// On the network messages are lost, doubled, delayed and overtaken; links are cut
// in one direction, and whole regions from the others. Nodes join, leave, are
// restarted, crash and lose their memory, and are frozen and go on with what they
// had; clocks are off, and jump; nodes take messages more slowly than they come.
// Clients run commands of all kinds anywhere, some in sessions that move between
// nodes and regions, try again when they get no answer, and never give up early.
// Every seed draws its own mix of all this: histories that have everything at once
// hide as much as they find. A part of them has nothing but membership changes:
// then no command may fail and nothing that is present may be missed.
//
// # What is checked
//
// Every write that any node accepts is noted as an operation of the executable
// specification (package crdttest): the command, its dot and stamp, and what its
// node had seen. So at any time, what a holder shows of a key must be what the
// specification makes of those operations that the holder's vector covers. That is
// checked at every read and before every write, and for everything now and then
// and in the end. A copy's end is watched too: a write may be missing in the end
// only if every node that had it had crashed, or had been away for so long that it
// had to begin anew, before another one had it. So nothing that was acknowledged
// is lost, nothing that was removed comes back, and counters are exact; and it is
// not enough that all agree.
//
// Then everything heals and time passes until nothing more happens. All holders of
// a partition must be equal by then, to the byte of all that they keep, hold
// nothing that is not visible, account for no byte more than a partition into
// which only that was ever written, and hold no partition that is not theirs. All
// nodes must have the same view of who is there, and be quiet.
//
// A history that fails is cut down to the steps that it needs ([Explain]).
package nodetest

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
// A third of the histories have disks, drawn from a stream of their own: nodes save what
// changes in passes, as package node does, and start from what is on their disk. Disks
// are slow, fail to write, and cannot be read; a crash takes what was not synced, or does
// not; nodes go on in their life after a clean stop and are killed before that is
// complete; whole regions and everybody crash at once, and old disks come back, or never
// do. What a node has begun with it answers reads from before it has joined the others.
//
// In some histories nodes may keep little in memory: entries are evicted by the real
// policy, and asked for where somebody needs them.
//
// Every seed draws its own mix of all this: histories that have everything at once
// hide as much as they find. A part of them has nothing but membership changes:
// then no command may fail and nothing that is present may be missed.
//
// In some, clients load keys that are missing: they ask for a token and fill the key with
// it some steps later, anywhere, or never come back.
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
// Of a disk it is checked, at every start, that it shows what the specification makes of
// what its vector covers; at every end of a life, that nothing is missing that the life
// has acknowledged, with the durability sync nothing at all, with interval nothing from
// before the window, and that nothing is left of what was let go; at every announcement,
// that a crash cannot take what is said to be kept; at every write, that its number is
// new, and its stamp above those of all lives before and below the bound on the disk; and
// in the end, that it has, to the byte, what is in memory.
//
// A history that fails is cut down to the steps that it needs ([Explain]).
package nodetest

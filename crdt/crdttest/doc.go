// Package crdttest says what Atoll's data types mean, in a form that runs, and
// checks package crdt against it.
//
// The specification ([Spec] and the spec_*.go files, one per type) is a set of
// pure functions over the operations that a replica has seen: who wrote what,
// when, and what its origin had seen by then. It is written the dumb way. There
// are no cells, no running sums and no merging in it: an increment is there or
// it has been taken by an operation that saw it. It shares nothing with package
// crdt but the names of things and the reading and writing of numbers.
//
// The checker ([Check], [Run]) makes up histories from a seed: commands at
// several replicas with skewed clocks, deltas that arrive late, twice, out of
// order or several as one, whole states that are joined when they are fresh and
// when they are old, time that passes. After every step the replica it touched
// must show exactly what the specification says of the operations that its
// vector covers. In the end everything is exchanged, and all replicas must hold
// the same bytes. In some histories replicas also forget what is stable (forget.go);
// then they must hold the same, and nothing but what they show, when all is.
//
// A failing history is cut down and printed as a script that [Replay] runs: a
// bug that was found becomes a test by pasting it. The idea of an executable
// specification with one generic checker is AntidoteDB's (antidote_crdt,
// crdt_properties) and Riak's (riak_dt, crdt_statem_eqc).
package crdttest

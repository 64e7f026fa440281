// Package proto is the codec of RESP, the protocol of Redis, versions 2 and 3:
// what a server reads ([Reader]), what it writes ([Writer]), and what a client
// reads ([ValueReader]).
//
// Whoever is on the other side may send anything. What is read is bounded by
// [Limits], memory is taken only as bytes arrive, and what makes no sense is a
// [ProtocolError] with the text that Redis answers.
//
// See https://redis.io/docs/latest/develop/reference/protocol-spec/.
package proto

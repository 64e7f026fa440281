// Package hyperloglog estimates how many different elements there are from a few
// bits of each: 16,384 registers, each of which keeps the highest rank of the
// elements that fall into it. Two sets of registers merge by taking the higher rank
// of each, so that merging is commutative, associative and idempotent, and the
// estimate of the union is as good as that of one (the standard error is 0.81 %).
//
// Hash, registers and estimator are those of Redis 7, so that the same elements give
// the same estimate as there; package node/command/redistest compares them.
//
// Sources: Flajolet, Fusy, Gandouet, Meunier, "HyperLogLog: the analysis of a
// near-optimal cardinality estimation algorithm" (2007); the estimator is that of
// Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog sketches"
// (arXiv:1702.01284, 2017), algorithm 6; the hash is Austin Appleby's MurmurHash64A.
package hyperloglog

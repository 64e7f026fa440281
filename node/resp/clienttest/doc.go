// Package clienttest tests Atoll with Redis clients that people use, as they are: in Go,
// JavaScript and Python, redis-cli and redis-benchmark, and caches that are built on such
// clients. Each talks to nodes over real sockets, and goes on when one of them stops.
//
// There is nothing here but tests. What they need beside Go is in README.md.
package clienttest

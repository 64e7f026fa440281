//go:build race

package node_test

// raceEnabled says that the race detector is at work.
const raceEnabled = true

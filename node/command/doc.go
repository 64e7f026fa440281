// Package command knows every command once: what it is called and takes (the
// table, [Lookup]), what its arguments mean (the Parse functions), how large it
// may be ([Check]), what it does ([Exec]) to the keys of one partition ([Target]),
// how one on several keys falls apart into parts ([Split]) or is made of commands
// on one key ([Across]), and what it looks like in Go ([API]).
//
// Front doors use the table and the parsers, nodes run what was parsed, clients
// use the API. The embedded node and the remote client each bring a [Doer];
// package commandtest has the contract that both keep.
//
// Where Redis has a command of the same name, arguments, replies and errors are
// those of Redis; package redistest compares them, and its DIFFERENCES.md says
// where they are not. What the cluster promises beyond that, and what it cannot,
// stands at the methods of [API].
//
// What pops (SPOP, ZPOPMIN, LPOP, LMOVE and their like) takes what the region sees:
// two regions that pop at the same time may both hand out the same element.
package command

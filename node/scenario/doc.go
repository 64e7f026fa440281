// Package scenario reads and runs scenario files: what clients of three regions
// type, when the regions are cut off from each other, and what each is replied, in
// a form that one can check by eye. The files and their form are in
// testdata/scenarios.
//
// The package knows the form and how redis-cli prints a reply; a [World] brings the
// regions. Package node's tests run all files on real nodes.
package scenario

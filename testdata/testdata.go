// Package testdata holds the sample data that the demonstration carries along.
// README.md beside it names the sources.
package testdata

import _ "embed" // For Towns.

// Towns is cities-sample.jsonl: a thousand towns from GeoNames (CC BY 4.0), one
// JSON object a line, as `atoll load` takes them.
//
//go:embed cities-sample.jsonl
var Towns string

// Package cli is the command line of Atoll: one file per command, and around
// them what all commands share. Run is the whole program; cli/atoll only calls
// it, so that tests and other binaries can.
//
// # What every command keeps to
//
//   - Data goes to standard output, everything else to standard error.
//   - Flags may stand before and after arguments; -- ends them. What looks like a
//     negative number is an argument.
//   - The exit code is 0 done, 1 the answer is no (no such key, not equal), 2 bad
//     usage, 3 could not reach, timed out, or could not start.
//   - An error is one line "error: …" and, where something can be done about it,
//     a line "hint: …".
//   - On a terminal values are made readable and tables have frames; piped, a
//     value is its bytes and nothing else, a pair such as a field and its value is
//     a line with a tab, and tables are plain columns. Colour is for terminals
//     only: NO_COLOR and --no-color take it away, CLICOLOR_FORCE gives it to
//     pipes. COLUMNS overrides the terminal's width.
//
// # JSON
//
// With --json standard output is one JSON document, or one a line for scan and
// for a command that goes on. Fields are added over time, never renamed. Bytes
// that are UTF-8 are a string; bytes that are not are {"base64": "…"}. A field of
// a hash whose name is not UTF-8 cannot be a name in JSON: it stands in
// "more_fields", a list of {"field", "value"}. Times are RFC 3339 in UTC. An error
// is {"error": …, "hint": …, "code": …} on standard error.
package cli

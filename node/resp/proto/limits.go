package proto

// Limits bound what a [Reader] takes. A zero field means its default.
type Limits struct {
	// MaxBulk is the longest argument in bytes. Default: 512 MiB, as Redis.
	MaxBulk int
	// MaxArgs is the most arguments of one command, its name included. Each costs
	// the memory of a string beside its bytes. Default: 1 Mi.
	MaxArgs int
	// MaxCommand is the most bytes that the arguments of one command add up to.
	// Default: MaxBulk and 1 MiB.
	MaxCommand int
}

// The fixed limits of Redis.
const (
	// MaxInline is the longest line: an inline command, or the header of a length.
	MaxInline = 64 << 10
	// UntrustedArgs and UntrustedBulk bound the commands of a client that has to
	// authenticate and has not.
	UntrustedArgs = 10
	UntrustedBulk = 16 << 10
)

func (l Limits) withDefaults() Limits {
	if l.MaxBulk == 0 {
		l.MaxBulk = 512 << 20
	}
	if l.MaxArgs == 0 {
		l.MaxArgs = 1 << 20
	}
	if l.MaxCommand == 0 {
		l.MaxCommand = l.MaxBulk + 1<<20
	}
	return l
}

// ProtocolError says what is wrong with the bytes that were read. Nothing more
// can be read after it: where the next command begins is not known.
type ProtocolError struct{ Text string }

// Error returns the text that Redis answers, without its prefix "ERR".
func (e *ProtocolError) Error() string { return "Protocol error: " + e.Text }

func malformed(text string) error { return &ProtocolError{text} }

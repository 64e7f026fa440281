package bench

import (
	"context"
	"time"
)

// Kind is what an operation does.
type Kind uint8

// The operations. Those of the Twitter traces that are memcached's are mapped on
// them: gets is Get, add is Add, cas and replace are Replace.
const (
	Get     Kind = iota
	Set          // with an expiry if the workload has one
	Add          // Set if the key is absent
	Replace      // Set if the key is present
	Del
	Incr    // by one
	HSet    // one field
	HGet    // one field
	HGetAll // all fields
	kinds
)

var kindNames = [kinds]string{"get", "set", "add", "replace", "delete", "incr", "hset", "hget", "hgetall"}

// String returns the name of the kind.
func (k Kind) String() string {
	if k < kinds {
		return kindNames[k]
	}
	return "unknown"
}

// reads reports whether the operation leaves everything as it is.
func (k Kind) reads() bool { return k == Get || k == HGet || k == HGetAll }

// Op is one operation. Everything in it is made before the clock starts.
type Op struct {
	Kind  Kind
	Key   string
	Field string        // of HSet and HGet
	Value string        // of Set, Add, Replace and HSet
	TTL   time.Duration // of Set, Add and Replace, whole seconds; 0: none
}

// Conn is one caller of a target. It is used by one goroutine.
type Conn interface {
	// Do runs operations that are all under way at once, and returns when each has
	// been answered. It returns how many reads found nothing. It blocks until then, or
	// until ctx ends where the target can be interrupted, and keeps nothing of ops. An
	// operation that is refused is an error.
	Do(ctx context.Context, ops []Op) (misses int, err error)
	// Close ends the caller.
	Close() error
}

// Target is what is measured.
type Target interface {
	// Name says what it is, for tables.
	Name() string
	// Connect returns a new caller.
	Connect(ctx context.Context) (Conn, error)
	// Close ends the target and what was started for it.
	Close() error
}

// Settler is a target whose writes go on to somewhere else.
type Settler interface {
	// Settle returns when everything written before has arrived everywhere.
	Settle(ctx context.Context) error
}

// limited is a target that cannot do everything. A load that goes deeper is refused;
// a time to live is left out for it and for who is compared with it.
type limited interface {
	limits() (depth int, expiry bool)
}

// limitsOf returns what a target can do.
func limitsOf(t Target) (depth int, expiry bool) {
	if l, ok := t.(limited); ok {
		return l.limits()
	}
	return maxDepth, true
}

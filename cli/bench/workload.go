package bench

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Bounds of a workload: what is made beforehand has to fit into memory.
const (
	maxKeys     = 50_000_000
	maxOpsMade  = 1 << 16 // operations made for each caller, who then begins again
	maxFields   = 1 << 16
	valueKinds  = 64 // different values, so that nothing is gained by keeping one
	leastKey    = 8  // bytes
	defaultSeed = 1
)

// Share is a kind of operation and how often it is done, against the others.
type Share struct {
	Kind Kind
	Part float64
}

// Workload is what is done: the same for every target.
type Workload struct {
	// Name is what the command line calls it.
	Name string
	// About says what it is.
	About string
	// Keys is how many keys there are.
	Keys int
	// KeyBytes and ValueBytes are the size of each, at least 8 for keys.
	KeyBytes, ValueBytes int
	// Fields is how many fields each key has; 0: keys are strings.
	Fields int
	// Alpha is the skew of the keys: the key of rank r is drawn in proportion to
	// 1/r^alpha. 0: uniform.
	Alpha float64
	// TTL is how long what is written lasts. 0: for ever.
	TTL time.Duration
	// Mix says how often each operation is done.
	Mix []Share
	// Seed chooses the keys drawn. 0 counts as 1.
	Seed uint64
}

// Validate reports the first setting that makes no sense.
func (w Workload) Validate() error {
	switch {
	case w.Keys < 1 || w.Keys > maxKeys:
		return fmt.Errorf("%w: %d keys; use 1 to %d", ErrConfig, w.Keys, maxKeys)
	case w.KeyBytes < leastKey || w.KeyBytes > 1<<10:
		return fmt.Errorf("%w: keys of %d bytes; use %d to %d", ErrConfig, w.KeyBytes, leastKey, 1<<10)
	case w.ValueBytes < 1 || w.ValueBytes > 1<<20:
		return fmt.Errorf("%w: values of %d bytes; use 1 to %d", ErrConfig, w.ValueBytes, 1<<20)
	case w.Fields < 0 || w.Fields > maxFields:
		return fmt.Errorf("%w: %d fields; use 0 to %d", ErrConfig, w.Fields, maxFields)
	case !(w.Alpha >= 0 && w.Alpha <= 10): // Not a number is none of both.
		return fmt.Errorf("%w: a skew of %v; use 0 to 10", ErrConfig, w.Alpha)
	case len(w.Mix) == 0:
		return fmt.Errorf("%w: no operations", ErrConfig)
	}
	for _, s := range w.Mix {
		hash := s.Kind == HSet || s.Kind == HGet || s.Kind == HGetAll
		switch {
		case !(s.Part > 0):
			return fmt.Errorf("%w: a part of %v for %s", ErrConfig, s.Part, s.Kind)
		case hash != (w.Fields > 0):
			return fmt.Errorf("%w: %s of keys with %d fields", ErrConfig, s.Kind, w.Fields)
		}
	}
	return nil
}

// work is a workload made ready: nothing of it is made while the clock runs.
type work struct {
	Workload
	keys   []string
	values []string
	fields []string
}

// prepare renders the keys, fields and values of a workload.
func (w Workload) prepare() (*work, error) {
	if err := w.Validate(); err != nil {
		return nil, err
	}
	if w.Seed == 0 {
		w.Seed = defaultSeed
	}
	out := &work{Workload: w, keys: make([]string, w.Keys)}
	filler := "key-" // What a key of NATS KV may have, too.
	if w.Fields > 0 {
		filler = "hash-" // No key is of two kinds.
	}
	for i := range out.keys {
		out.keys[i] = keyName(filler, i, w.KeyBytes)
	}
	for i := range w.Fields {
		out.fields = append(out.fields, fmt.Sprintf("field:%06d", i))
	}
	r := rand.New(rand.NewPCG(w.Seed, 0x76616c756573))
	for range valueKinds {
		out.values = append(out.values, randomText(r, w.ValueBytes))
	}
	return out, nil
}

// keyName returns the i-th key: its number, filled up in front.
func keyName(filler string, i, bytes int) string {
	n := fmt.Sprintf("%0*d", min(bytes, leastKey), i)
	if len(n) >= bytes {
		return n[len(n)-bytes:]
	}
	return strings.Repeat(filler, (bytes-len(n))/len(filler)+1)[:bytes-len(n)] + n
}

// randomText returns letters and digits that no compression makes much smaller.
func randomText(r *rand.Rand, n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[r.IntN(len(letters))]
	}
	return string(b)
}

// fill returns the operations that write every key once: the i-th of n callers'
// share of them.
func (w *work) fill(i, n int) func(yield func(Op) bool) {
	return func(yield func(Op) bool) {
		for k := i; k < len(w.keys); k += n {
			if len(w.fields) == 0 {
				if !yield(Op{Kind: Set, Key: w.keys[k], Value: w.values[k%len(w.values)], TTL: w.TTL}) {
					return
				}
				continue
			}
			for f, field := range w.fields {
				if !yield(Op{Kind: HSet, Key: w.keys[k], Field: field, Value: w.values[(k+f)%len(w.values)]}) {
					return
				}
			}
		}
	}
}

// ops returns what the i-th caller does, over and over.
func (w *work) ops(i int) []Op {
	r := rand.New(rand.NewPCG(w.Seed, uint64(i)+1))
	keys := newZipf(len(w.keys), w.Alpha)
	total := 0.0
	for _, s := range w.Mix {
		total += s.Part
	}
	out := make([]Op, min(maxOpsMade, max(1024, 4*len(w.keys))))
	for n := range out {
		op := Op{Kind: w.draw(r.Float64() * total)}
		op.Key = w.keys[keys.draw(r)]
		switch op.Kind {
		case Set, Add, Replace:
			op.Value, op.TTL = w.values[r.IntN(len(w.values))], w.TTL
		case HSet, HGet:
			op.Field = w.fields[r.IntN(len(w.fields))]
			op.Value = w.values[r.IntN(len(w.values))]
		case Incr:
			op.Key = "n:" + op.Key // A number, never a value that cannot be counted.
		}
		out[n] = op
	}
	return out
}

// draw returns the kind at a place between 0 and the sum of all parts.
func (w *work) draw(at float64) Kind {
	for _, s := range w.Mix {
		if at -= s.Part; at < 0 {
			return s.Kind
		}
	}
	return w.Mix[len(w.Mix)-1].Kind
}

// Workloads returns all workloads by name: the plain ones, then those of Twitter's
// clusters.
func Workloads() []Workload {
	plain := func(name, about string, alpha float64, mix ...Share) Workload {
		return Workload{Name: name, About: about, Keys: 100_000, KeyBytes: 16, ValueBytes: 100, Alpha: alpha, Mix: mix}
	}
	hash := func(name, about string, mix ...Share) Workload {
		w := plain(name, about, 0, mix...)
		w.Keys, w.Fields, w.ValueBytes = 1_000, 100, 20
		return w
	}
	out := []Workload{
		plain("get", "GET, all keys alike", 0, Share{Get, 1}),
		plain("set", "SET, all keys alike", 0, Share{Set, 1}),
		plain("get-zipf", "GET, few keys often (alpha 1)", 1, Share{Get, 1}),
		plain("set-zipf", "SET, few keys often (alpha 1)", 1, Share{Set, 1}),
		plain("mixed", "nine GET to one SET, all keys alike", 0, Share{Get, 9}, Share{Set, 1}),
		plain("mixed-zipf", "nine GET to one SET, few keys often (alpha 1)", 1, Share{Get, 9}, Share{Set, 1}),
		plain("counters", "INCR, few keys often (alpha 1)", 1, Share{Incr, 1}),
		hash("hash", "nine HGET to one HSET, 100 fields in each of 1,000 hashes", Share{HGet, 9}, Share{HSet, 1}),
		hash("hash-all", "HGETALL of 100 fields", Share{HGetAll, 1}),
	}
	return append(out, twitterWorkloads()...)
}

// WorkloadNamed returns the workload of a name, or ErrUnknown.
func WorkloadNamed(name string) (Workload, error) {
	all := Workloads()
	i := slices.IndexFunc(all, func(w Workload) bool { return w.Name == name })
	if i < 0 {
		return Workload{}, fmt.Errorf("workload %q: %w", name, ErrUnknown)
	}
	return all[i], nil
}

package cli

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
)

func TestParseWriteRefuses(t *testing.T) {
	for in, want := range map[string]string{
		`[]`:                                 "not a line for load",
		`nonsense`:                           "not a line for load",
		`{"value":"v"}`:                      `no "key"`,
		`{"key":"k"}`:                        "0 of",
		`{"key":"k","members":[]}`:           "0 of",
		`{"key":"k","value":"v","incr":1}`:   "2 of",
		`{"key":"k","value":null}`:           "0 of",
		`{"key":"k","value":true}`:           "true is no text",
		`{"key":"k","value":{"x":1}}`:        "base64",
		`{"key":"k","value":{"base64":"!"}}`: "base64",
		`{"key":"k","valeu":"v"}`:            `unknown field "valeu"`,
		`{"key":"k","value":"v"} {}`:         "more than one",
		`{"key":"k","value":"v","ttl":0}`:    `"ttl" is "0"`,
		`{"key":"k","incr":1,"ttl":5}`:       `"ttl" needs "value"`,
		`{"key":"k","incr":"many"}`:          `"incr" is "many"`,
		`{"key":"k","incr":"inf"}`:           `"incr" is "inf"`,
		`{"key":"k","scores":{"m":"x"}}`:     `the score of "m" is "x"`,
	} {
		_, err := parseWrite([]byte(in))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: want an error with %s, have %v", in, want, err)
		}
	}
}

func FuzzParseWrite(f *testing.F) {
	for _, s := range []string{
		`{"key":"k","value":"v","ttl":"5s"}`, `{"key":{"base64":"/w=="},"fields":{"a":1}}`,
		`{"key":"k","members":["a"]}`, `{"key":"k","scores":{"a":-1e3}}`, `{"key":"k","incr":2.5}`, `{`, `null`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		w, err := parseWrite(data)
		if err == nil && w.add == nil {
			t.Errorf("%q: neither a write nor an error", data)
		}
	})
}

// recorder is a Doer that records what it is told, and how much at once.
type recorder struct {
	fail func(key string) *wire.Error // nil: nothing fails

	mu struct {
		sync.Mutex
		values  map[string][]string // of SETs, by key, in the order of their arrival
		now, at int                 // commands under way, and the most of them
	}
}

func (r *recorder) Do(_ context.Context, cmds ...wire.Command) []wire.Reply {
	r.mu.Lock()
	r.mu.now += len(cmds)
	r.mu.at = max(r.mu.at, r.mu.now)
	r.mu.Unlock()
	runtime.Gosched() // Lets others overtake.
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]wire.Reply, len(cmds))
	for i, c := range cmds {
		out[i] = wire.OK
		if r.fail != nil {
			if err := r.fail(c.Key()); err != nil {
				out[i] = wire.Fail(err)
				continue
			}
		}
		r.mu.values[c.Key()] = append(r.mu.values[c.Key()], c.Args[2])
	}
	r.mu.now -= len(cmds)
	return out
}

func newRecorder() *recorder {
	r := &recorder{}
	r.mu.values = map[string][]string{}
	return r
}

// TestLoaderKeepsOrder loads many lines of few keys: those of one key arrive in
// order, and no more than was asked for are under way at once.
func TestLoaderKeepsOrder(t *testing.T) {
	const lines, keys = 5000, 17
	var in strings.Builder
	for i := range lines {
		fmt.Fprintf(&in, `{"key":"k%d","value":"%d"}`+"\n", i%keys, i)
	}
	for _, inFlight := range []int{1, 10, 100, 1000} {
		r := newRecorder()
		l := newLoader(command.New(r), inFlight, time.Minute)
		if err := l.run(t.Context(), strings.NewReader(in.String())); err != nil {
			t.Fatal(err)
		}
		if n := l.loaded.Load(); n != lines || int(l.bytes.Load()) != in.Len() {
			t.Errorf("in flight %d: want %d lines of %d bytes, have %d of %d", inFlight, lines, in.Len(), n, l.bytes.Load())
		}
		if r.mu.at > inFlight {
			t.Errorf("in flight %d: have %d at once", inFlight, r.mu.at)
		}
		for key, values := range r.mu.values {
			if !slices.IsSortedFunc(values, func(a, b string) int { return cmp.Or(len(a)-len(b), strings.Compare(a, b)) }) {
				t.Errorf("in flight %d: key %s is out of order: %.200q", inFlight, key, values)
			}
		}
	}
}

// TestLoaderStops loads lines of which one is refused: the error names it, and
// what follows is not sent.
func TestLoaderStops(t *testing.T) {
	const lines, bad = 100_000, 500
	var in strings.Builder
	for i := range lines {
		fmt.Fprintf(&in, `{"key":"k%d","value":"v"}`+"\n", i+1)
	}
	r := newRecorder()
	r.fail = func(key string) *wire.Error {
		if key == fmt.Sprintf("k%d", bad) {
			return &wire.Error{Code: wire.CodeWrongType, Text: "WRONGTYPE"}
		}
		return nil
	}
	l := newLoader(command.New(r), 64, time.Minute)
	err := l.explain("file", l.run(t.Context(), strings.NewReader(in.String())))
	f := explain(err)
	want := fmt.Sprintf("file: line %d: WRONGTYPE (%d lines loaded)", bad, l.loaded.Load())
	if f.code != exitUsage || f.Error() != want {
		t.Errorf("want %s and code %d, have %v and %d", want, exitUsage, f, f.code)
	}
	if n := len(r.mu.values); n > 10*bad || int64(n) != l.loaded.Load() {
		t.Errorf("want little to be sent after line %d, have %d lines, %d said to be loaded", bad, n, l.loaded.Load())
	}
}

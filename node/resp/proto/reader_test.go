package proto_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/atollcache/atoll/node/resp/proto"
)

// readAll reads commands until nothing more comes.
func readAll(src io.Reader, l proto.Limits, trust bool) (cmds [][]string, err error) {
	r := proto.NewReader(src, l, nil)
	r.Trust(trust)
	for {
		args, ok, err := r.Next()
		switch {
		case err != nil:
			return cmds, err
		case ok:
			cmds = append(cmds, append([]string(nil), args...))
			continue
		}
		r.Release()
		if err := r.Fill(); err != nil {
			return cmds, nil
		}
	}
}

func TestRead(t *testing.T) {
	for input, want := range map[string][][]string{
		"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n":               {{"GET", "k"}},
		"*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n":     {{"PING"}, {"PING"}},
		"*3\r\n$3\r\nSET\r\n$0\r\n\r\n$4\r\n\r\n\x00*": nil, // not whole
		"*3\r\n$3\r\nSET\r\n$0\r\n\r\n$2\r\n\r\n\r\n":  {{"SET", "", "\r\n"}},
		"*0\r\n*-1\r\n\r\nPING\r\n":                    {{"PING"}},
		"PING\n":                                       {{"PING"}},
		"  set  a\t'b \\' c'  \r\n":                    {{"set", "a", "b ' c"}},
		`set "\x00\xfFz\n\"\q" ""` + "\r\n":            {{"set", "\x00\xffz\n\"q", ""}},
		"*1\r\n$4\r\nPING\r\nECHO x\r\n":               {{"PING"}, {"ECHO", "x"}},
		"":                                             nil,
	} {
		for name, src := range map[string]io.Reader{
			"whole": strings.NewReader(input), "by byte": iotest.OneByteReader(strings.NewReader(input)),
			"halves": iotest.HalfReader(strings.NewReader(input)),
		} {
			have, err := readAll(src, proto.Limits{}, true)
			if err != nil || !reflect.DeepEqual(have, want) {
				t.Errorf("%q %s: want %q, have %q, %v", input, name, want, have, err)
			}
		}
	}
}

// The texts are those of Redis 7.
func TestProtocolErrors(t *testing.T) {
	long := strings.Repeat("x", 70_000)
	for _, test := range []struct {
		input, want string
		untrusted   bool
	}{
		{input: "*x\r\n", want: "invalid multibulk length"},
		{input: "*\r\n", want: "invalid multibulk length"},
		{input: "*007\r\n", want: "invalid multibulk length"},
		{input: "*1048577\r\n", want: "invalid multibulk length"},
		{input: "*99999999999999999999\r\n", want: "invalid multibulk length"},
		{input: "*" + long, want: "too big mbulk count string"},
		{input: "*1\r\n$" + long, want: "too big bulk count string"},
		{input: long, want: "too big inline request"},
		{input: "*1\r\nPING\r\n", want: "expected '$', got 'P'"},
		{input: "*1\r\n\r\n", want: "expected '$', got '\r'"},
		{input: "*1\r\n$-1\r\n", want: "invalid bulk length"},
		{input: "*1\r\n$x\r\n", want: "invalid bulk length"},
		{input: "*1\r\n$536870913\r\n", want: "invalid bulk length"},
		{input: "get \"x\r\n", want: "unbalanced quotes in request"},
		{input: "get 'x'y\r\n", want: "unbalanced quotes in request"},
		{input: "*11\r\n", want: "unauthenticated multibulk length", untrusted: true},
		{input: "*1\r\n$16385\r\n", want: "unauthenticated bulk length", untrusted: true},
	} {
		_, err := readAll(strings.NewReader(test.input), proto.Limits{}, !test.untrusted)
		var protocol *proto.ProtocolError
		if !errors.As(err, &protocol) || protocol.Text != test.want {
			t.Errorf("%.40q: want %q, have %v", test.input, test.want, err)
		}
	}
}

func TestLimits(t *testing.T) {
	l := proto.Limits{MaxBulk: 10, MaxArgs: 3, MaxCommand: 15}
	for input, fails := range map[string]bool{
		"*3\r\n":           false,
		"*4\r\n":           true,
		"*1\r\n$10\r\n":    false,
		"*1\r\n$11\r\n":    true,
		command("a", "b"):  false,
		command10(1):       false,
		command10(2):       true,
		"*10\r\n$10\r\n":   true,
		command("PING"):    false,
		command("0123456"): false,
	} {
		if _, err := readAll(strings.NewReader(input), l, true); (err != nil) != fails {
			t.Errorf("%q: want an error %t, have %v", input, fails, err)
		}
	}
}

func command10(n int) string {
	return command(strings.Split(strings.Repeat("0123456789 ", n), " ")[:n]...)
}

func command(args ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	return b.String()
}

// Arguments of all sizes come whole, however they are cut.
func TestLargeArguments(t *testing.T) {
	for _, n := range []int{0, 1, 2045, 2046, 2048, 4094, 65_000, 65_536, 65_560, 1 << 20, 3_000_001} {
		arg := strings.Repeat("0123456789", n/10+1)[:n]
		input := command("SET", arg, arg) + command("PING")
		have, err := readAll(strings.NewReader(input), proto.Limits{}, true)
		if err != nil || len(have) != 2 || have[0][1] != arg || have[0][2] != arg || have[1][0] != "PING" {
			t.Errorf("argument of %d bytes: have %d commands, %v", n, len(have), err)
		}
	}
}

// What is announced is not what memory is taken for.
func TestMemoryFollowsBytes(t *testing.T) {
	for _, input := range []string{
		"*1048576\r\n$536870912\r\n" + strings.Repeat("x", 1000),
		strings.Repeat("*1\r\n", 1) + "$400000000\r\n" + strings.Repeat("x", 100_000),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := proto.NewReader(strings.NewReader(input), proto.Limits{}, nil)
		for r.Fill() == nil {
			if _, ok, err := r.Next(); ok || err != nil {
				t.Fatalf("%.20q: %t, %v", input, ok, err)
			}
		}
		runtime.ReadMemStats(&after)
		if used := int(after.TotalAlloc - before.TotalAlloc); used > 20*len(input)+200_000 {
			t.Errorf("%.20q: %d bytes made the reader take %d", input, len(input), used)
		}
		runtime.KeepAlive(r)
	}
}

// A command of a pipeline costs its arguments.
func TestReadAllocations(t *testing.T) {
	const pipeline = 64
	input := []byte(strings.Repeat(command("GET", "user:12345"), pipeline))
	src := bytes.NewReader(nil)
	r := proto.NewReader(src, proto.Limits{}, func([]byte) string { return "GET" })
	round := func() {
		src.Reset(input)
		for seen := 0; seen < pipeline; {
			_, ok, err := r.Next()
			switch {
			case err != nil:
				t.Fatal(err)
			case ok:
				seen++
			default:
				if err := r.Fill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		r.Release()
	}
	round()
	if have := testing.AllocsPerRun(100, round); have > pipeline+2 {
		t.Errorf("%d GETs: want an allocation for each key, have %.0f", pipeline, have)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("*2\r\n$3\r\nGET\r\n$1\r\nk\r\nPING\r\n"), uint8(3), true)
	f.Add([]byte("*-1\r\n\r\nset 'a' \"\\x41\"\n*1\r\n$-1\r\n"), uint8(1), false)
	f.Add([]byte("*1\r\n$5000\r\n"+strings.Repeat("y", 5002)), uint8(200), true)
	l := proto.Limits{MaxBulk: 10_000, MaxArgs: 100, MaxCommand: 20_000}
	f.Fuzz(func(t *testing.T, input []byte, piece uint8, trust bool) {
		want, wantErr := readAll(bytes.NewReader(input), l, trust)
		have, haveErr := readAll(&pieces{input, int(piece) + 1}, l, trust)
		if !reflect.DeepEqual(want, have) || fmt.Sprint(wantErr) != fmt.Sprint(haveErr) {
			t.Fatalf("in pieces of %d: want %q %v, have %q %v", piece, want, wantErr, have, haveErr)
		}
		for _, args := range have {
			size := 0
			for _, a := range args {
				size += len(a)
			}
			if len(args) == 0 || size > len(input) {
				t.Fatalf("%q gave %q", input, args)
			}
		}
	})
}

// pieces is a reader that gives a few bytes at a time.
type pieces struct {
	rest []byte
	size int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.rest[:min(p.size, len(p.rest))])
	p.rest = p.rest[n:]
	return n, nil
}

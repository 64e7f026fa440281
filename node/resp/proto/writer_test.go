package proto_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/atollcache/atoll/node/resp/proto"
)

func TestWrite(t *testing.T) {
	for _, test := range []struct {
		write        func(*proto.Writer)
		two, three   string
		twoV, threeV string
	}{
		{func(w *proto.Writer) { w.Status("OK") }, "+OK\r\n", "+OK\r\n", "OK", "OK"},
		{func(w *proto.Writer) { w.Error("ERR a\r\nb") }, "-ERR a  b\r\n", "-ERR a  b\r\n", "(ERR a  b)", "(ERR a  b)"},
		{func(w *proto.Writer) { w.Int(-7) }, ":-7\r\n", ":-7\r\n", "-7", "-7"},
		{func(w *proto.Writer) { w.Bulk("a\r\n") }, "$3\r\na\r\n\r\n", "$3\r\na\r\n\r\n", `"a\r\n"`, `"a\r\n"`},
		{func(w *proto.Writer) { w.Verbatim("hi") }, "$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n", `"hi"`, `"hi"`},
		{func(w *proto.Writer) { w.Nil() }, "$-1\r\n", "_\r\n", "nil", "nil"},
		{func(w *proto.Writer) { w.NilArray() }, "*-1\r\n", "_\r\n", "nil", "nil"},
		{func(w *proto.Writer) { w.Array(1); w.Int(1) }, "*1\r\n:1\r\n", "*1\r\n:1\r\n", "[1]", "[1]"},
		{func(w *proto.Writer) { w.Map(1); w.Int(1); w.Int(2) }, "*2\r\n:1\r\n:2\r\n", "%1\r\n:1\r\n:2\r\n", "[1 2]", "{1 2}"},
		{func(w *proto.Writer) { w.Set(1); w.Int(1) }, "*1\r\n:1\r\n", "~1\r\n:1\r\n", "[1]", "~[1]"},
		{func(w *proto.Writer) { w.Push(1); w.Int(1) }, "*1\r\n:1\r\n", ">1\r\n:1\r\n", "[1]", ">[1]"},
		{func(w *proto.Writer) { w.Double(1.5) }, "$3\r\n1.5\r\n", ",1.5\r\n", `"1.5"`, "1.5"},
		{func(w *proto.Writer) { w.Bool(true) }, ":1\r\n", "#t\r\n", "1", "true"},
		{func(w *proto.Writer) { w.Bool(false) }, ":0\r\n", "#f\r\n", "0", "false"},
	} {
		for version, want := range map[bool][2]string{false: {test.two, test.twoV}, true: {test.three, test.threeV}} {
			w := proto.Writer{Version3: version}
			test.write(&w)
			if have := string(w.Bytes()); have != want[0] {
				t.Errorf("version 3 %t: want %q, have %q", version, want[0], have)
			}
			v, err := proto.NewValueReader(bytes.NewReader(w.Bytes())).Read()
			if err != nil || v.String() != want[1] {
				t.Errorf("%q: want %s, have %s, %v", want[0], want[1], v, err)
			}
		}
	}
}

func TestWriterKeepsLittle(t *testing.T) {
	var w proto.Writer
	w.Bulk(strings.Repeat("x", 1<<20))
	w.Reset()
	if w.Len() != 0 {
		t.Errorf("%d bytes are left", w.Len())
	}
	w.Int(1)
	round := func() { w.Reset(); w.Array(2); w.Bulk("a"); w.Double(0.5) }
	round()
	if n := testing.AllocsPerRun(100, round); n > 1 {
		t.Errorf("a reply: want at most one allocation, for the number's text; have %.0f", n)
	}
}

func TestHostileReplies(t *testing.T) {
	for _, input := range []string{
		"$999999999999\r\n", "*999999999\r\n", "%-2\r\n", "#x\r\n", ":x\r\n", "?\r\n", "\r\n", "+x\n", "$1\r\nxyz",
		strings.Repeat("*1\r\n", 100), "*2\r\n:1\r\n",
	} {
		if v, err := proto.NewValueReader(strings.NewReader(input)).Read(); err == nil {
			t.Errorf("%.40q: want an error, have %v", input, v)
		}
	}
}

func FuzzValue(f *testing.F) {
	f.Add([]byte("%1\r\n$1\r\na\r\n*2\r\n:1\r\n,1.5\r\n"))
	f.Add([]byte("=8\r\ntxt:abcd\r\n"))
	f.Fuzz(func(t *testing.T, input []byte) {
		r := proto.NewValueReader(bytes.NewReader(input))
		for {
			v, err := r.Read()
			if err != nil {
				return
			}
			if v.String() == "" && v.Kind != '+' && v.Kind != ',' && v.Kind != '(' {
				t.Fatalf("%q: a value without a text: %v", input, reflect.ValueOf(v))
			}
		}
	})
}

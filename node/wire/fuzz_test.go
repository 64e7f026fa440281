package wire

import (
	"bytes"
	"math"
	"reflect"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/atollcache/atoll/crdt"
)

// FuzzDecodeRequest checks of any bytes that they are refused, or mean commands
// that encode and decode to the same.
func FuzzDecodeRequest(f *testing.F) {
	for name, cs := range requests() {
		if name != "long" {
			f.Add(AppendRequest(nil, cs))
		}
	}
	f.Add(request(0x91, 0x91, 0xdd, 0xff, 0xff, 0xff, 0xff))
	f.Add(request(0x91, 0x93, 0x91, 0xa0, 0x05, 0x92, 0x07, 0x00))
	f.Fuzz(func(t *testing.T, b []byte) {
		cs, err := DecodeRequest(b)
		if err != nil {
			checkRefused(t, "fuzz", err, err)
			return
		}
		again, err := DecodeRequest(AppendRequest(nil, cs))
		if err != nil || !reflect.DeepEqual(again, cs) {
			t.Fatalf("%x: want %+v, have %+v, %v", b, cs, again, err)
		}
	})
}

// FuzzDecodeReplies is FuzzDecodeRequest for replies.
func FuzzDecodeReplies(f *testing.F) {
	for name, rs := range answers() {
		if name != "string" {
			f.Add(AppendReplies(nil, rs))
		}
	}
	f.Add(deep(3))
	f.Add(deep(9))
	f.Fuzz(func(t *testing.T, b []byte) {
		rs, err := DecodeReplies(b)
		if err != nil {
			checkRefused(t, "fuzz", err, err)
			return
		}
		again, err := DecodeReplies(AppendReplies(nil, rs))
		if err != nil || !sameReplies(again, rs) {
			t.Fatalf("%x: want %+v, have %+v, %v", b, rs, again, err)
		}
	})
}

// reference encodes with msgpack/v5 what the format's comment says.
func reference(t *testing.T, v any) []byte {
	t.Helper()
	var buf bytes.Buffer
	enc := msgpack.NewEncoder(&buf)
	enc.UseCompactInts(true)
	if err := enc.Encode(v); err != nil {
		t.Fatalf("msgpack/v5 encode: %v", err)
	}
	return buf.Bytes()
}

// dot is a dot as msgpack/v5 shall write it.
func dot(d crdt.Dot) any {
	if d.IsZero() {
		return nil
	}
	return []any{uint64(d.Replica), d.N}
}

// FuzzRequestAgainstReference compares the encoding of commands with that of
// another library.
func FuzzRequestAgainstReference(f *testing.F) {
	f.Add("GET", "k", uint64(0), uint64(0), uint64(0), uint8(0))
	f.Add("SET", string(make([]byte, 300)), uint64(1<<63), uint64(5), uint64(70000), uint8(200))
	f.Fuzz(func(t *testing.T, verb, key string, request, replica, n uint64, hops uint8) {
		c := Command{Args: []string{verb, key}, Request: request, Hops: hops}
		if n > 0 {
			c.After = crdt.Dot{Replica: crdt.ReplicaID(replica), N: n}
		}
		full := []any{[]any{[]byte(verb), []byte(key)}, c.Request, dot(c.After), uint64(c.Hops)}
		fields := 4
		for fields > 1 && []bool{false, request == 0, n == 0, hops == 0}[fields-1] {
			fields--
		}
		want := reference(t, []any{uint64(wireVersion), []any{full[:fields]}})
		if have := AppendRequest(nil, []Command{c}); !bytes.Equal(have, want) {
			t.Fatalf("%+v: want %x, have %x", c, want, have)
		}
	})
}

// FuzzReplyAgainstReference compares the encoding of replies with that of another
// library.
func FuzzReplyAgainstReference(f *testing.F) {
	f.Add("text", int64(0), 0.0, uint16(400), uint64(1))
	f.Add("", int64(math.MinInt64), math.Inf(-1), uint16(65535), uint64(0))
	f.Fuzz(func(t *testing.T, text string, i int64, x float64, code uint16, wrote uint64) {
		if math.IsNaN(x) {
			x = 1 // The libraries write different NaNs.
		}
		w := crdt.Dot{Replica: 9, N: wrote}
		e := &Error{Code(code), text}
		str, num, flt := String(text), Int(i), Float(x)
		str.Wrote = w
		have := AppendReplies(nil, []Reply{str, Nil, Fail(e), List(num, flt, Nil, List(Fail(e)))})
		first := []any{uint64(TypeString), []byte(text), dot(w)}
		if w.IsZero() {
			first = first[:2]
		}
		failed := []any{uint64(code), text}
		want := reference(t, []any{uint64(wireVersion), []any{first, []any{uint64(TypeNil)},
			[]any{uint64(TypeError), failed},
			[]any{uint64(TypeList), []any{uint64(TypeInt), i, uint64(TypeFloat), x, uint64(TypeNil), nil,
				uint64(TypeList), []any{uint64(TypeError), failed}}}}})
		if !bytes.Equal(have, want) {
			t.Fatalf("%q %d %v %d: want %x, have %x", text, i, x, code, want, have)
		}
	})
}

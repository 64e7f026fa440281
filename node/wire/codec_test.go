package wire

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/pack"
)

// requests are lists of commands worth encoding, by name.
func requests() map[string][]Command {
	after := crdt.Dot{Replica: 0xfedcba9876543210, N: 1 << 40}
	return map[string][]Command{
		"none":  nil,
		"get":   {{Args: []string{"GET", "0123456789abcdef"}}},
		"bytes": {{Args: []string{"SET", "\x00\xff.* >", ""}}},
		"full":  {{Args: []string{"INCRBY", "k", "1"}, Request: math.MaxUint64, After: after, Hops: 2}},
		"gaps":  {{Args: []string{"GET", "k"}, Hops: 255}, {Args: []string{"GET", "k"}, After: after}, {Args: []string{"X"}, Request: 1}},
		"long":  {{Args: []string{"SET", strings.Repeat("k", 300), strings.Repeat("v", 70000)}}},
		"many":  {{Args: strings.Split(strings.Repeat("SADD ", 20), " ")}},
	}
}

// answers are lists of replies worth encoding, by name.
func answers() map[string][]Reply {
	wrote := crdt.Dot{Replica: 1, N: 300}
	nested := List(List(List(Nil, String("x"), Fail(&Error{CodeWrongType, "WRONGTYPE no"}))))
	return map[string][]Reply{
		"none":   nil,
		"ok":     {{Type: TypeString, Text: "OK", Wrote: wrote}},
		"nil":    {Nil, {Wrote: wrote}},
		"string": {String(""), String("a\x00\xff"), String(strings.Repeat("v", 70000))},
		"int":    {Int(0), Int(-1), Int(math.MinInt64), Int(math.MaxInt64)},
		"float":  {Float(0), Float(-1.5), Float(math.Inf(1)), Float(math.Inf(-1))},
		"error":  {Fail(&Error{CodeTimeout, "ERR time was up"}), Fail(&Error{}), Fail(errors.New("unforeseen"))},
		"list":   {List(), Strings([]string{"a", "b"}), List(Nil, Int(5), Float(0.5), String("m")), nested},
	}
}

func TestRequestRoundTrip(t *testing.T) {
	for name, want := range requests() {
		prefix := []byte("prefix")
		b := AppendRequest(prefix, want)
		have, err := DecodeRequest(b[len(prefix):])
		if err != nil || !reflect.DeepEqual(have, want) {
			t.Errorf("%s: want %+v, have %+v, %v", name, want, have, err)
		}
	}
}

func TestRepliesRoundTrip(t *testing.T) {
	for name, want := range answers() {
		have, err := DecodeReplies(AppendReplies(nil, want))
		if err != nil || !sameReplies(have, want) {
			t.Errorf("%s: want %+v, have %+v, %v", name, want, have, err)
		}
	}
}

// sameReplies compares replies as they travel: an empty list is a list, every
// NaN the same.
func sameReplies(a, b []Reply) bool {
	return bytes.Equal(AppendReplies(nil, a), AppendReplies(nil, b))
}

// A GET is small: the frame around verb and key is eleven bytes at most.
func TestRequestSize(t *testing.T) {
	if n := len(AppendRequest(nil, requests()["get"])); n > 30 {
		t.Errorf("GET of a key of 16 bytes: want at most 30 bytes, have %d", n)
	}
	if n := len(AppendReplies(nil, []Reply{Nil})); n > 5 {
		t.Errorf("a nil reply: want at most 5 bytes, have %d", n)
	}
}

// A newer version may add fields at the end of each record.
func TestNewerFieldsAreSkipped(t *testing.T) {
	extra := func(b []byte) []byte { return pack.AppendText(pack.AppendArray(b, 2), "new"+strings.Repeat("!", 3)) }
	b := pack.AppendArray(nil, 3)
	b = pack.AppendUint(b, wireVersion)
	b = pack.AppendArray(b, 1)
	b = pack.AppendArray(b, 5)
	b = pack.AppendString(pack.AppendString(pack.AppendArray(b, 2), "GET"), "k")
	b = pack.AppendUint(b, 7)
	b = pack.AppendUint(pack.AppendUint(pack.AppendUint(pack.AppendArray(b, 3), 1), 2), 99) // after, with more
	b = pack.AppendUint(b, 1)
	b = pack.AppendNil(extra(b))
	b = pack.AppendBool(b, true)
	want := []Command{{Args: []string{"GET", "k"}, Request: 7, After: crdt.Dot{Replica: 1, N: 2}, Hops: 1}}
	if have, err := DecodeRequest(b); err != nil || !reflect.DeepEqual(have, want) {
		t.Errorf("request with more fields: want %+v, have %+v, %v", want, have, err)
	}
	b = pack.AppendUint(pack.AppendArray(nil, 3), wireVersion)
	b = pack.AppendArray(b, 2)
	b = pack.AppendUint(pack.AppendArray(b, 4), uint64(TypeError))
	b = pack.AppendText(pack.AppendUint(pack.AppendArray(b, 3), 429), "ERR busy")
	b = pack.AppendNil(pack.AppendNil(b)) // more of the error, no wrote
	b = pack.AppendUint(b, 3)             // more of the reply
	b = pack.AppendUint(pack.AppendArray(b, 2), uint64(TypeNil))
	b = pack.AppendText(b, "why") // a nil with a reason
	b = extra(b)
	b = pack.AppendNil(b)
	wantReplies := []Reply{Fail(&Error{CodeOverload, "ERR busy"}), Nil}
	if have, err := DecodeReplies(b); err != nil || !reflect.DeepEqual(have, wantReplies) {
		t.Errorf("replies with more fields: want %+v, have %+v, %v", wantReplies, have, err)
	}
}

// An older version may write fewer fields than this one.
func TestMissingFieldsGetDefaults(t *testing.T) {
	b := []byte{0x92, wireVersion, 0x92, 0x91, byte(TypeError), 0x91, byte(TypeString)}
	want := []Reply{{Type: TypeError, Err: &Error{Code: CodeInternal}}, {Type: TypeString}}
	if have, err := DecodeReplies(b); err != nil || !reflect.DeepEqual(have, want) {
		t.Errorf("replies without values: want %+v, have %+v, %v", want, have, err)
	}
	if have, err := DecodeRequest([]byte{0x91, wireVersion}); err != nil || len(have) != 0 {
		t.Errorf("request without commands: have %+v, %v", have, err)
	}
}

// deep is a reply of lists in each other.
func deep(lists int) []byte {
	b := []byte{0x92, wireVersion, 0x91, 0x92}
	for range lists {
		b = append(b, byte(TypeList), 0x92)
	}
	return append(b, byte(TypeInt), 1)
}

// request is a message whose commands are written by hand.
func request(commands ...byte) []byte { return append([]byte{0x92, wireVersion}, commands...) }

func TestDecodeRequestRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		b    []byte
		want error
	}{
		"nothing":              {nil, pack.ErrTruncated},
		"no version":           {[]byte{0x90}, ErrCodec},
		"version 2":            {[]byte{0x92, 2, 0xc0}, ErrUnknown},
		"version -1":           {[]byte{0x92, 0xff, 0x90}, pack.ErrRange},
		"not an array":         {[]byte{0x01}, pack.ErrType},
		"trailing":             {append(request(0x90), 0xc0), pack.ErrTrailing},
		"huge list":            {request(0xdd, 0xff, 0xff, 0xff, 0xff), pack.ErrLength},
		"commands not a list":  {request(0x05), pack.ErrType},
		"command not a record": {request(0x91, 0x05, 0, 0, 0, 0), pack.ErrType},
		"no args":              {request(0x91, 0x92, 0x90, 0xcc, 0x80), ErrCodec},
		"an integer as arg":    {request(0x91, 0x91, 0x92, 0xc4, 0x00, 0x05), pack.ErrType},
		"huge args":            {request(0x91, 0x91, 0xdd, 0xff, 0xff, 0xff, 0xff), pack.ErrLength},
		"arg cut short":        {request(0x91, 0x91, 0x91, 0xc4, 0x09, 'G'), pack.ErrLength},
		"negative request":     {request(0x91, 0x92, 0x91, 0xa1, 'X', 0xff), pack.ErrRange},
		"after not a record":   {request(0x91, 0x93, 0x91, 0xa1, 'X', 0x00, 0x07), pack.ErrType},
		"256 hops":             {request(0x91, 0x94, 0x91, 0xa1, 'X', 0x00, 0xc0, 0xcd, 1, 0), ErrCodec},
		"unknown field too deep": {append(request(0x91, 0x95, 0x91, 0xa1, 'X', 0x00, 0xc0, 0x00),
			bytes.Repeat([]byte{0x91}, 100)...), pack.ErrDepth},
	} {
		have, err := DecodeRequest(test.b)
		checkRefused(t, "request, "+name, test.want, err)
		if have != nil {
			t.Errorf("request, %s: want no commands, have %+v", name, have)
		}
	}
}

func TestDecodeRepliesRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		b    []byte
		want error
	}{
		"nothing":          {nil, pack.ErrTruncated},
		"version 2":        {[]byte{0x92, 2, 0x90}, ErrUnknown},
		"trailing":         {append(request(0x90), 0xc0), pack.ErrTrailing},
		"type 6":           {request(0x91, 0x92, 0x06, 0xc0), ErrUnknown},
		"type of text":     {request(0x91, 0x92, 0xa1, 'x', 0xc0), pack.ErrType},
		"string an int":    {request(0x91, 0x92, byte(TypeString), 1), pack.ErrType},
		"int too large":    {request(0x91, 0x92, byte(TypeInt), 0xcf, 0xff, 0, 0, 0, 0, 0, 0, 0), pack.ErrRange},
		"float an int":     {request(0x91, 0x92, byte(TypeFloat), 1), pack.ErrType},
		"half an element":  {request(0x91, 0x92, byte(TypeList), 0x91, 0x00), ErrCodec},
		"huge list":        {request(0x91, 0x92, byte(TypeList), 0xdd, 0xff, 0xff, 0xff, 0xfe), pack.ErrLength},
		"type 6 in a list": {request(0x91, 0x92, byte(TypeList), 0x92, 0x06, 0xc0), ErrUnknown},
		"code too large":   {request(0x91, 0x92, byte(TypeError), 0x91, 0xce, 0, 1, 0, 0), ErrCodec},
		"lists 4 deep":     {deep(MaxNesting + 1), ErrCodec},
		"lists 100 deep":   {deep(100), ErrCodec},
	} {
		have, err := DecodeReplies(test.b)
		checkRefused(t, "replies, "+name, test.want, err)
		if have != nil {
			t.Errorf("replies, %s: want none, have %+v", name, have)
		}
	}
	if _, err := DecodeReplies(deep(MaxNesting)); err != nil {
		t.Errorf("replies, lists %d deep: have %v", MaxNesting, err)
	}
}

// checkRefused checks an error and that it wraps exactly one sentinel.
func checkRefused(t *testing.T, name string, want, have error) {
	t.Helper()
	if !errors.Is(have, want) || errors.Is(have, ErrCodec) == errors.Is(have, ErrUnknown) {
		t.Errorf("%s: want %v and one sentinel, have %v", name, want, have)
	}
}

func TestLimitsOfAMessage(t *testing.T) {
	cs := make([]Command, MaxCommands+1)
	for i := range cs {
		cs[i].Args = []string{"PING"}
	}
	args := make([]string, MaxArgs+1)
	values := make([]Reply, MaxValues/2+1)
	for name, test := range map[string]struct{ fits, above []byte }{
		"commands": {AppendRequest(nil, cs[1:]), AppendRequest(nil, cs)},
		"args":     {AppendRequest(nil, []Command{{Args: args[1:]}}), AppendRequest(nil, []Command{{Args: args}})},
	} {
		if _, err := DecodeRequest(test.fits); err != nil {
			t.Errorf("%s: at the limit: have %v", name, err)
		}
		_, err := DecodeRequest(test.above)
		checkRefused(t, name+": above the limit", ErrCodec, err)
	}
	_, err := DecodeReplies(AppendReplies(nil, make([]Reply, MaxCommands+1)))
	checkRefused(t, "replies above the limit", ErrCodec, err)
	_, err = DecodeReplies(AppendReplies(nil, []Reply{List(values...), List(values...)}))
	checkRefused(t, "values above the limit", ErrCodec, err)
}

func TestAppendRepliesPanicsOnNonsense(t *testing.T) {
	for name, r := range map[string]Reply{"a type that there is not": {Type: 9}, "lists 4 deep": List(List(List(List())))} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: want a panic", name)
				}
			}()
			AppendReplies(nil, []Reply{r})
		}()
	}
}

var sink any

func TestEncodingDoesNotAllocate(t *testing.T) {
	cs, rs := requests()["full"], answers()["list"]
	var err error = &Error{Code: CodeTimeout, Text: "ERR"}
	rs = append(rs, Fail(err))
	buf := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() { sink = len(AppendRequest(buf, cs)) }); n != 0 {
		t.Errorf("AppendRequest: want no allocation, have %v", n)
	}
	if n := testing.AllocsPerRun(100, func() { sink = len(AppendReplies(buf, rs)) }); n != 0 {
		t.Errorf("AppendReplies: want no allocation, have %v", n)
	}
}

func TestDecodingAllocatesLittle(t *testing.T) {
	get := AppendRequest(nil, requests()["get"])
	// The reader, the list of commands, the list of arguments, and each of them.
	if n := testing.AllocsPerRun(100, func() { sink, _ = DecodeRequest(get) }); n > 6 {
		t.Errorf("DecodeRequest of a GET: want at most 6 allocations, have %v", n)
	}
	// What lies about its length is refused before anything is made for it, and
	// the densest messages that there are cost a known multiple.
	for name, test := range map[string]struct {
		b    []byte
		most uint64
	}{
		"lying list":   {request(0x91, 0x92, byte(TypeList), 0xdd, 0x7f, 0xff, 0xff, 0xfe), 4096},
		"lying string": {request(0x91, 0x92, byte(TypeString), 0xc6, 0x7f, 0xff, 0xff, 0xff), 4096},
		"nils":         {AppendReplies(nil, []Reply{List(make([]Reply, 50_000)...)}), 100_000 * 50},
		"empty args":   {AppendRequest(nil, []Command{{Args: make([]string, 50_000)}}), 100_000 * 10},
	} {
		if have := allocated(func() {
			sink, _ = DecodeReplies(test.b)
			sink, _ = DecodeRequest(test.b)
		}); have > test.most {
			t.Errorf("%s, %d bytes: want at most %d bytes allocated, have %d", name, len(test.b), test.most, have)
		}
	}
}

// allocated returns how many bytes f allocates, at the least of a few tries.
func allocated(f func()) uint64 {
	least := uint64(math.MaxUint64)
	for range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

// What was decoded must not change with the buffer that it came in.
func TestDecodedSharesNothing(t *testing.T) {
	b := AppendRequest(nil, requests()["bytes"])
	cs, err := DecodeRequest(b)
	clear(b)
	if err != nil || !reflect.DeepEqual(cs, requests()["bytes"]) {
		t.Errorf("request after its buffer was cleared: have %+v, %v", cs, err)
	}
	b = AppendReplies(nil, answers()["string"])
	rs, err := DecodeReplies(b)
	clear(b)
	if err != nil || !reflect.DeepEqual(rs, answers()["string"]) {
		t.Errorf("replies after their buffer was cleared: have %+v, %v", rs, err)
	}
}

func BenchmarkRequest(b *testing.B) {
	msg := AppendRequest(nil, requests()["get"])
	b.ReportAllocs()
	for b.Loop() {
		sink, _ = DecodeRequest(msg)
	}
}

package wire

import (
	"fmt"
	"math"

	"github.com/atollcache/atoll/crdt/pack"
)

// numTypes is one more than the highest type.
const numTypes = TypeError + 1

// AppendReplies appends the message that answers a request. It panics when a
// reply has a type that there is not, or lists nested deeper than MaxNesting:
// the shape of a reply is the program's, not its users'. The Wrote of an element
// of a list does not travel.
func AppendReplies(dst []byte, rs []Reply) []byte {
	dst = pack.AppendArray(dst, 2)
	dst = pack.AppendUint(dst, wireVersion)
	dst = pack.AppendArray(dst, len(rs))
	for i := range rs {
		dst = appendReply(dst, &rs[i])
	}
	return dst
}

func appendReply(dst []byte, r *Reply) []byte {
	switch {
	case !r.Wrote.IsZero():
		dst = pack.AppendArray(dst, 3)
	case r.Type == TypeNil:
		return pack.AppendUint(pack.AppendArray(dst, 1), uint64(TypeNil))
	default:
		dst = pack.AppendArray(dst, 2)
	}
	dst = appendValue(dst, r, 0)
	if !r.Wrote.IsZero() {
		dst = appendDot(dst, r.Wrote)
	}
	return dst
}

// appendValue appends a reply's type and value. It lies in depth lists.
func appendValue(dst []byte, r *Reply, depth int) []byte {
	dst = pack.AppendUint(dst, uint64(r.Type))
	switch r.Type {
	case TypeNil:
		return pack.AppendNil(dst)
	case TypeString:
		return pack.AppendString(dst, r.Text)
	case TypeInt:
		return pack.AppendInt(dst, r.Int)
	case TypeFloat:
		return pack.AppendFloat(dst, r.Float)
	case TypeList:
		return appendList(dst, r.List, depth+1)
	case TypeError:
		return appendError(dst, r.Err)
	default:
		panic(fmt.Sprintf("wire: a reply of type %d", r.Type))
	}
}

func appendList(dst []byte, list []Reply, depth int) []byte {
	if depth > MaxNesting {
		panic(fmt.Sprintf("wire: a reply with lists more than %d deep", MaxNesting))
	}
	dst = pack.AppendArray(dst, 2*len(list))
	for i := range list {
		dst = appendValue(dst, &list[i], depth)
	}
	return dst
}

func appendError(dst []byte, e *Error) []byte {
	if e == nil {
		e = &Error{Code: CodeInternal, Text: "ERR unspecified error"}
	}
	dst = pack.AppendArray(dst, 2)
	dst = pack.AppendUint(dst, uint64(e.Code))
	return pack.AppendText(dst, e.Text)
}

// DecodeReplies reads a message that AppendReplies appended. The replies share
// no memory with b. What they take is bounded by a multiple of b, and by
// MaxValues.
func DecodeReplies(b []byte) ([]Reply, error) {
	r := pack.NewReader(b)
	msg, n := readHead(r, minReply)
	values := MaxValues
	var rs []Reply
	for range n {
		reply := readReply(r, &values)
		if r.Err() != nil {
			break
		}
		rs = append(rs, reply)
	}
	msg.End()
	return rs, done("decode replies", r, &rs)
}

func readReply(r *pack.Reader, values *int) Reply {
	var reply Reply
	rec := r.Record()
	if rec.More() {
		reply.Type = readType(r)
	}
	if rec.More() {
		readValue(r, &reply, 0, values)
	} else if reply.Type == TypeError {
		reply.Err = &Error{Code: CodeInternal}
	}
	if rec.More() {
		reply.Wrote = readDot(r)
	}
	rec.End()
	return reply
}

func readType(r *pack.Reader) Type {
	t := r.Uint()
	if t >= uint64(numTypes) {
		r.Fail(fmt.Errorf("%w: reply type %d", ErrUnknown, t))
		return TypeNil
	}
	return Type(t)
}

// readValue reads the value of a reply whose type is known. It lies in depth
// lists; values is how many list elements the message may still have.
func readValue(r *pack.Reader, reply *Reply, depth int, values *int) {
	switch reply.Type {
	case TypeNil:
		if !r.Nil() {
			r.Skip() // A newer version may say why there is nothing.
		}
	case TypeString:
		reply.Text = r.String()
	case TypeInt:
		reply.Int = r.Int()
	case TypeFloat:
		reply.Float = r.Float()
	case TypeList:
		reply.List = readList(r, depth+1, values)
	case TypeError:
		reply.Err = readError(r)
	}
}

// readList reads a list's elements. The list is as long as its header says only
// once so many bytes are known to be there.
func readList(r *pack.Reader, depth int, values *int) []Reply {
	if depth > MaxNesting {
		r.Fail(fmt.Errorf("lists nested deeper than %d", MaxNesting))
		return nil
	}
	n := r.Array(1)
	if n%2 != 0 {
		r.Fail(fmt.Errorf("a list of %d halves", n))
		return nil
	}
	n /= 2
	if *values -= n; *values < 0 {
		r.Fail(fmt.Errorf("more than %d values in one message", MaxValues))
		return nil
	}
	list := make([]Reply, n)
	for i := range list {
		if list[i].Type = readType(r); r.Err() != nil {
			return nil
		}
		readValue(r, &list[i], depth, values)
	}
	return list
}

func readError(r *pack.Reader) *Error {
	e := &Error{Code: CodeInternal}
	rec := r.Record()
	if rec.More() {
		e.Code = Code(readBelow(r, "error code", math.MaxUint16))
	}
	if rec.More() {
		e.Text = r.String()
	}
	rec.End()
	return e
}

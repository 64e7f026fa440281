package proto

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// Value is a reply as a client reads it.
type Value struct {
	// Kind is the byte that it began with: + - : $ * _ , # = ( % ~ > and ! of the
	// protocol. A nil of version 2 has the kind that it began with and Null.
	Kind byte
	Null bool
	Text string  // of + - $ = ! (, and of , as it was written
	Int  int64   // of : and of # as 0 or 1
	List []Value // of * ~ > and of %, where names and values take turns
}

// Bounds of what a [ValueReader] reads.
const (
	// MaxNesting is how deep lists may lie in each other.
	MaxNesting = 32
	maxReply   = 512 << 20
	maxValues  = 16 << 20
)

// ErrReply is wrapped by the error for a reply that makes no sense.
var ErrReply = errors.New("malformed reply")

// ValueReader reads replies, as clients do. It takes memory only as bytes arrive.
type ValueReader struct{ src *bufio.Reader }

// NewValueReader returns a reader of replies.
func NewValueReader(src io.Reader) *ValueReader { return &ValueReader{bufio.NewReader(src)} }

// Buffered returns how many bytes have been received and not read.
func (r *ValueReader) Buffered() int { return r.src.Buffered() }

// Read returns the next reply. It waits until that has come.
func (r *ValueReader) Read() (Value, error) {
	values := maxValues
	return r.read(0, &values)
}

func (r *ValueReader) read(depth int, values *int) (Value, error) {
	line, err := r.line()
	if err != nil {
		return Value{}, err
	}
	if len(line) == 0 {
		return Value{}, fmt.Errorf("%w: an empty line", ErrReply)
	}
	v := Value{Kind: line[0]}
	rest := string(line[1:])
	switch v.Kind {
	case '+', '-', ',', '(':
		v.Text = rest
	case '_':
		v.Null = true
	case '#':
		if rest != "t" && rest != "f" {
			return v, fmt.Errorf("%w: the boolean %q", ErrReply, rest)
		}
		if rest == "t" {
			v.Int = 1
		}
	case ':':
		if v.Int, err = strconv.ParseInt(rest, 10, 64); err != nil {
			return v, fmt.Errorf("%w: the integer %q", ErrReply, rest)
		}
	case '$', '=', '!':
		return r.readBulk(v, rest)
	case '*', '~', '>', '%':
		return r.readList(v, rest, depth+1, values)
	default:
		return v, fmt.Errorf("%w: the kind %q", ErrReply, v.Kind)
	}
	return v, nil
}

func (r *ValueReader) line() ([]byte, error) {
	line, err := r.src.ReadSlice('\n')
	var long []byte
	for err == bufio.ErrBufferFull && len(long) < MaxInline {
		long = append(long, line...)
		line, err = r.src.ReadSlice('\n')
	}
	if long != nil {
		line = append(long, line...)
	}
	if err != nil {
		return nil, err
	}
	if len(line) < 2 || line[len(line)-2] != '\r' {
		return nil, fmt.Errorf("%w: a line without \\r", ErrReply)
	}
	return line[:len(line)-2], nil
}

func (r *ValueReader) readBulk(v Value, head string) (Value, error) {
	n, ok := parseLength([]byte(head))
	if ok && n == -1 {
		v.Null = true
		return v, nil
	}
	if !ok || n < 0 || n > maxReply {
		return v, fmt.Errorf("%w: the length %q", ErrReply, head)
	}
	body := make([]byte, 0, min(n+2, 64<<10))
	for want := int(n) + 2; len(body) < want; {
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
		got, err := r.src.Read(body[len(body):min(cap(body), want)])
		body = body[:len(body)+got]
		if err != nil {
			return v, err
		}
	}
	if string(body[n:]) != "\r\n" {
		return v, fmt.Errorf("%w: no end after %d bytes", ErrReply, n)
	}
	v.Text = string(body[:n])
	if v.Kind == '=' && n >= 4 {
		v.Text = v.Text[4:]
	}
	return v, nil
}

func (r *ValueReader) readList(v Value, head string, depth int, values *int) (Value, error) {
	n, ok := parseLength([]byte(head))
	if ok && n == -1 {
		v.Null = true
		return v, nil
	}
	if v.Kind == '%' {
		n *= 2
	}
	if !ok || n < 0 || n > int64(*values) {
		return v, fmt.Errorf("%w: the length %q", ErrReply, head)
	}
	if depth > MaxNesting {
		return v, fmt.Errorf("%w: lists more than %d deep", ErrReply, MaxNesting)
	}
	*values -= int(n)
	v.List = make([]Value, 0, min(n, 64))
	for range n {
		e, err := r.read(depth, values)
		if err != nil {
			return v, err
		}
		v.List = append(v.List, e)
	}
	return v, nil
}

// String returns the value as redis-cli would show it in one line, for tests and
// logs.
func (v Value) String() string {
	switch {
	case v.Null:
		return "nil"
	case v.Kind == ':':
		return strconv.FormatInt(v.Int, 10)
	case v.Kind == '#':
		return strconv.FormatBool(v.Int == 1)
	case v.Kind == '+' || v.Kind == ',' || v.Kind == '(':
		return v.Text
	case v.Kind == '-' || v.Kind == '!':
		return "(" + v.Text + ")"
	case v.Kind == '$' || v.Kind == '=':
		return strconv.Quote(v.Text)
	}
	open, shut := "[", "]"
	switch v.Kind {
	case '%':
		open, shut = "{", "}"
	case '~':
		open, shut = "~[", "]"
	case '>':
		open, shut = ">[", "]"
	}
	out := open
	for i, e := range v.List {
		if i > 0 {
			out += " "
		}
		out += e.String()
	}
	return out + shut
}

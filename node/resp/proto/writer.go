package proto

import (
	"strconv"
	"strings"

	"github.com/atollcache/atoll/crdt"
)

// Writer writes replies into memory, in version 2 or 3 of the protocol: what
// version 2 does not have is written as Redis writes it there. The zero value
// writes version 2. It belongs to one goroutine.
type Writer struct {
	// Version3 chooses version 3 for what is written from now on.
	Version3 bool

	buf []byte
}

// keptBuffer is the most that Reset keeps for the next replies.
const keptBuffer = 64 << 10

// Bytes returns what has been written since Reset. It is valid until then.
func (w *Writer) Bytes() []byte { return w.buf }

// Len returns how many bytes have been written since Reset.
func (w *Writer) Len() int { return len(w.buf) }

// Reset drops what has been written.
func (w *Writer) Reset() {
	if cap(w.buf) > keptBuffer {
		w.buf = nil
	}
	w.buf = w.buf[:0]
}

// Truncate drops what was written after the first n bytes.
func (w *Writer) Truncate(n int) { w.buf = w.buf[:n] }

// Raw writes bytes that are a reply already.
func (w *Writer) Raw(b []byte) { w.buf = append(w.buf, b...) }

func (w *Writer) end() { w.buf = append(w.buf, '\r', '\n') }

func (w *Writer) head(kind byte, n int64) {
	w.buf = strconv.AppendInt(append(w.buf, kind), n, 10)
	w.end()
}

// line writes a text that ends with its line: what would end it earlier becomes a
// space.
func (w *Writer) line(kind byte, s string) {
	w.buf = append(w.buf, kind)
	if strings.ContainsAny(s, "\r\n") {
		s = strings.NewReplacer("\r", " ", "\n", " ").Replace(s)
	}
	w.buf = append(w.buf, s...)
	w.end()
}

// Status writes a short text such as OK.
func (w *Writer) Status(s string) { w.line('+', s) }

// Error writes an error, whose text begins with its code in capitals.
func (w *Writer) Error(text string) { w.line('-', text) }

// Int writes an integer.
func (w *Writer) Int(n int64) { w.head(':', n) }

// Bulk writes any bytes.
func (w *Writer) Bulk(s string) {
	w.head('$', int64(len(s)))
	w.buf = append(w.buf, s...)
	w.end()
}

// Verbatim writes text for people, which version 3 marks as such.
func (w *Writer) Verbatim(s string) {
	if !w.Version3 {
		w.Bulk(s)
		return
	}
	w.head('=', int64(len(s)+4))
	w.buf = append(append(w.buf, "txt:"...), s...)
	w.end()
}

// Nil writes that there is no such value.
func (w *Writer) Nil() { w.null("$-1\r\n") }

// NilArray writes that there is no such list.
func (w *Writer) NilArray() { w.null("*-1\r\n") }

func (w *Writer) null(version2 string) {
	if w.Version3 {
		version2 = "_\r\n"
	}
	w.buf = append(w.buf, version2...)
}

// Array begins a list of n values.
func (w *Writer) Array(n int) { w.head('*', int64(n)) }

// Map begins n pairs of a name and a value, which version 2 writes as one list.
func (w *Writer) Map(n int) {
	if w.Version3 {
		w.head('%', int64(n))
		return
	}
	w.Array(2 * n)
}

// Set begins n values without an order.
func (w *Writer) Set(n int) { w.aggregate('~', n) }

// Push begins n values that answer no command.
func (w *Writer) Push(n int) { w.aggregate('>', n) }

func (w *Writer) aggregate(kind byte, n int) {
	if !w.Version3 {
		kind = '*'
	}
	w.head(kind, int64(n))
}

// Double writes a number, which version 2 writes as text.
func (w *Writer) Double(f float64) {
	text := crdt.FormatFloat(f)
	if w.Version3 {
		w.line(',', text)
		return
	}
	w.Bulk(text)
}

// Bool writes yes or no, which version 2 writes as 1 or 0.
func (w *Writer) Bool(b bool) {
	switch {
	case w.Version3 && b:
		w.buf = append(w.buf, "#t\r\n"...)
	case w.Version3:
		w.buf = append(w.buf, "#f\r\n"...)
	case b:
		w.Int(1)
	default:
		w.Int(0)
	}
}

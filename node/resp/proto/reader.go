package proto

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// Reader reads commands. It never waits by itself: [Reader.Next] returns what has
// been received whole, and [Reader.Fill] receives more. So a server knows where a
// pipeline pauses. It belongs to one goroutine.
type Reader struct {
	src       io.Reader
	limits    Limits
	untrusted bool
	name      func([]byte) string

	buf        []byte // received and not read yet: buf[start:end]
	start, end int
	looked     int // bytes from start on in which there is no end of a line
	read       int // bytes received by the last Fill
	err        error

	words []string // the arguments of all commands since Release
	first int      // of the command that is being read, in words
	left  int      // arguments that it still lacks
	size  int      // bytes of its arguments
	bulk  int      // length of the argument that is being read; noBulk: it has not been said
	part  strings.Builder
}

const (
	noBulk    = -1
	minBuffer = 2 << 10
	maxBuffer = MaxInline + 16
	maxWords  = 4 << 10 // what is kept for the next commands
)

// NewReader returns a reader of commands. name returns a command's name for the
// bytes that came for it; it may return a string that it has, to save memory. Nil
// takes the bytes as they are.
func NewReader(src io.Reader, l Limits, name func([]byte) string) *Reader {
	if name == nil {
		name = func(b []byte) string { return string(b) }
	}
	return &Reader{src: src, limits: l.withDefaults(), name: name, bulk: noBulk, buf: make([]byte, minBuffer)}
}

// Trust says whether the client may send more than [UntrustedArgs] and
// [UntrustedBulk]. A new reader trusts.
func (r *Reader) Trust(trust bool) { r.untrusted = !trust }

// Release says that the arguments returned so far are not used any more; single
// ones may be kept, slices of them not.
func (r *Reader) Release() {
	if r.left > 0 {
		r.words = append(r.words[:0:0], r.words[r.first:]...)
		r.first = 0
		return
	}
	clear(r.words)
	if r.words = r.words[:0]; cap(r.words) > maxWords {
		r.words = nil
	}
	r.first = 0
}

// Buffered returns how many bytes have been received and not read.
func (r *Reader) Buffered() int { return r.end - r.start }

// Fill waits until more has been received. What came before an error can still be
// read.
func (r *Reader) Fill() error {
	r.makeRoom()
	n, err := r.src.Read(r.buf[r.end:])
	r.end += n
	r.read = n
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// makeRoom moves what is left to the front, and makes the buffer larger while it
// is filled at once, smaller when it is hardly used.
func (r *Reader) makeRoom() {
	size := len(r.buf)
	switch held := r.end - r.start; {
	case held == size || r.read == size:
		size = min(2*size, maxBuffer)
	case r.read < size/8 && held < size/8 && size > minBuffer:
		size = max(size/2, minBuffer)
	}
	if size != len(r.buf) {
		next := make([]byte, size)
		r.end = copy(next, r.buf[r.start:r.end])
		r.buf, r.start = next, 0
		return
	}
	if r.start > 0 {
		r.end = copy(r.buf, r.buf[r.start:r.end])
		r.start = 0
	}
}

// Next returns the arguments of the next command, its name first, and false when
// it has not been received whole. The slice is valid until [Reader.Release]. After
// an error it returns that error for ever.
func (r *Reader) Next() (args []string, ok bool, err error) {
	if r.err != nil {
		return nil, false, r.err
	}
	for {
		if r.left > 0 {
			ok, r.err = r.readArgs()
			return r.take(ok)
		}
		if r.end == r.start {
			return nil, false, nil
		}
		if r.buf[r.start] != '*' {
			if ok, r.err = r.readInline(); !ok {
				return nil, false, r.err
			}
		} else {
			var n int
			if n, ok, r.err = r.readCount(); !ok {
				return nil, false, r.err
			}
			r.left = n
		}
		if r.left == 0 && len(r.words) > r.first {
			return r.take(true)
		}
	}
}

func (r *Reader) take(ok bool) ([]string, bool, error) {
	if !ok {
		return nil, false, r.err
	}
	args := r.words[r.first:len(r.words):len(r.words)]
	r.first, r.size = len(r.words), 0
	return args, true, nil
}

// line returns the bytes before the next end, and false when there is none yet. An
// end is of so many bytes.
func (r *Reader) line(end byte, width int, tooLong string) ([]byte, bool, error) {
	held := r.buf[r.start:r.end]
	i := bytes.IndexByte(held[r.looked:], end)
	if i < 0 || r.looked+i+width > len(held) {
		if len(held) >= MaxInline {
			return nil, false, malformed(tooLong)
		}
		r.looked = len(held)
		if i >= 0 {
			r.looked = len(held) - 1
		}
		return nil, false, nil
	}
	i += r.looked
	r.looked = 0
	r.start += i + width
	return held[:i], true, nil
}

// readCount reads how many arguments follow.
func (r *Reader) readCount() (n int, ok bool, err error) {
	head, ok, err := r.line('\r', 2, "too big mbulk count string")
	if !ok {
		return 0, false, err
	}
	count, valid := parseLength(head[1:])
	switch {
	case !valid || count > int64(r.limits.MaxArgs):
		return 0, false, malformed("invalid multibulk length")
	case r.untrusted && count > UntrustedArgs:
		return 0, false, malformed("unauthenticated multibulk length")
	}
	return int(max(count, 0)), true, nil
}

// readArgs reads the arguments that are missing and reports whether all are there.
func (r *Reader) readArgs() (bool, error) {
	for r.left > 0 {
		if r.bulk == noBulk {
			if ok, err := r.readLength(); !ok {
				return false, err
			}
		}
		if !r.readBulk() {
			return false, nil
		}
		r.bulk = noBulk
		r.left--
	}
	return true, nil
}

// readLength reads how long the next argument is.
func (r *Reader) readLength() (bool, error) {
	head, ok, err := r.line('\r', 2, "too big bulk count string")
	if !ok {
		return false, err
	}
	if len(head) == 0 || head[0] != '$' {
		got := byte('\r')
		if len(head) > 0 {
			got = head[0]
		}
		return false, malformed(fmt.Sprintf("expected '$', got '%s'", []byte{got}))
	}
	n, valid := parseLength(head[1:])
	switch {
	case !valid || n < 0 || n > int64(r.limits.MaxBulk):
		return false, malformed("invalid bulk length")
	case r.untrusted && n > UntrustedBulk:
		return false, malformed("unauthenticated bulk length")
	}
	if r.size += int(n); r.size > r.limits.MaxCommand {
		return false, malformed(fmt.Sprintf("command is larger than %d bytes", r.limits.MaxCommand))
	}
	r.bulk = int(n)
	return true, nil
}

// readBulk reads an argument whose length is known, piece by piece where it does
// not fit into the buffer.
func (r *Reader) readBulk() bool {
	held := r.buf[r.start:r.end]
	if missing := r.bulk - r.part.Len(); len(held) < missing+2 {
		if missing+2 <= len(r.buf) {
			return false
		}
		piece := held[:min(len(held), missing)]
		if free := r.part.Cap() - r.part.Len(); free < len(piece) {
			r.part.Grow(min(max(len(piece), r.part.Len()), missing))
		}
		r.part.Write(piece)
		r.start += len(piece)
		return false
	}
	if r.part.Len() == 0 {
		r.add(held[:r.bulk])
		r.start += r.bulk + 2
		return true
	}
	missing := r.bulk - r.part.Len()
	r.part.Write(held[:missing])
	r.start += missing + 2
	r.words = append(r.words, r.part.String())
	r.part = strings.Builder{}
	return true
}

func (r *Reader) add(word []byte) {
	if len(r.words) == r.first {
		r.words = append(r.words, r.name(word))
		return
	}
	r.words = append(r.words, string(word))
}

// parseLength reads an integer as Redis does: no sign but "-", no leading zero.
func parseLength(b []byte) (n int64, ok bool) {
	digits := b
	if len(b) > 1 && b[0] == '-' {
		digits = b[1:]
	}
	if len(digits) == 0 || len(digits) > 18 || digits[0] == '0' && len(b) > 1 {
		return 0, false
	}
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, false
		}
		n = 10*n + int64(d-'0')
	}
	if len(digits) < len(b) {
		n = -n
	}
	return n, true
}

package bulk

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
)

// Header is the NATS header that every message of a transfer carries and that
// plain requests and replies lack. Its value is a version, a verb and the
// verb's fields, separated by single spaces.
const Header = "Atoll-Bulk"

// RoomHeader is the NATS header of a request that says how many bytes its reply
// may bring at once, if the caller cares: a larger one is parked.
const RoomHeader = "Atoll-Room"

// version is the protocol's version. Later ones may add fields at the end,
// which are skipped.
const version = "1"

// maxText is how much of an error's text travels, in bytes.
const maxText = 256

// maxValue is the longest header value that is looked at, in bytes.
const maxValue = headroom

// verb says what a message of a transfer is.
type verb string

const (
	announce verb = "announce" // id total limit: a request of total bytes, chunks up to limit
	accept   verb = "accept"   // id chunk direct: send it there in chunks of this size
	chunk    verb = "chunk"    // id index + body
	ack      verb = "ack"      // id index
	parked   verb = "parked"   // id total chunk direct + body: the reply's first chunk
	pull     verb = "pull"     // id index
	part     verb = "part"     // id index + body
	drop     verb = "drop"     // id: the caller has given up
	refusal  verb = "error"    // code text…
)

// transferID names one transfer. Knowing it is the right to take part in it,
// so it is random and never logged.
type transferID [16]byte

// newTransferID returns an id that nobody can guess.
func newTransferID() transferID {
	var id transferID
	rand.Read(id[:]) // Never fails: see its documentation.
	return id
}

// frame is a parsed Header. Which fields have a meaning depends on the verb.
type frame struct {
	verb   verb
	id     transferID
	total  int    // bytes of the whole message
	size   int    // bytes of a chunk
	index  int    // of a chunk, from 0
	direct string // the subject on which the transfer goes on
	code   string
	text   string
}

// message returns a NATS message with f as its header.
func (f frame) message(subject string, body []byte) *nats.Msg {
	return &nats.Msg{Subject: subject, Data: body, Header: nats.Header{Header: []string{f.value()}}}
}

// value returns the header value of f.
func (f frame) value() string {
	fields := []string{version, string(f.verb)}
	id := hex.EncodeToString(f.id[:])
	switch f.verb {
	case announce:
		fields = append(fields, id, strconv.Itoa(f.total), strconv.Itoa(f.size))
	case accept:
		fields = append(fields, id, strconv.Itoa(f.size), f.direct)
	case parked:
		fields = append(fields, id, strconv.Itoa(f.total), strconv.Itoa(f.size), f.direct)
	case refusal:
		fields = append(fields, f.code, cleanText(f.text))
	case drop:
		fields = append(fields, id)
	default:
		fields = append(fields, id, strconv.Itoa(f.index))
	}
	return strings.Join(fields, " ")
}

// cleanText cuts an error's text and keeps it on one line.
func cleanText(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, text)
	return text[:min(len(text), maxText)]
}

// parseFrame reads the Header of a message. present is false when there is
// none: a plain request or reply. Errors wrap ErrProtocol.
func parseFrame(h nats.Header) (f frame, present bool, err error) {
	values := h[Header]
	if len(values) == 0 {
		return frame{}, false, nil
	}
	if len(values) > 1 || len(values[0]) > maxValue {
		return frame{}, true, fmt.Errorf("%s header given %d times, first of %d bytes: %w", Header, len(values), len(values[0]), ErrProtocol)
	}
	r := reader{rest: values[0]}
	if v := r.word(); r.err == nil && v != version {
		return frame{}, true, fmt.Errorf("%s version %q is not %s, run the same release on both sides: %w", Header, v, version, ErrProtocol)
	}
	f.verb = verb(r.word())
	switch f.verb {
	case announce:
		f.id, f.total, f.size = r.id(), r.number(), r.number()
	case accept:
		f.id, f.size, f.direct = r.id(), r.number(), r.subject()
	case parked:
		f.id, f.total, f.size, f.direct = r.id(), r.number(), r.number(), r.subject()
	case chunk, ack, pull, part:
		f.id, f.index = r.id(), r.number()
	case drop:
		f.id = r.id()
	case refusal:
		f.code, f.text = r.word(), r.rest
	default:
		r.fail("unknown verb %q", f.verb)
	}
	if r.err != nil {
		return frame{}, true, r.err
	}
	return f, true, nil
}

// parseRoom reads the RoomHeader of a message: 0 says that there is none, and less
// than the smallest chunk counts as that. Errors wrap ErrProtocol.
func parseRoom(h nats.Header) (room int, err error) {
	values := h[RoomHeader]
	if len(values) == 0 {
		return 0, nil
	}
	n, err := strconv.ParseUint(values[0], 10, 31)
	if err != nil || len(values) > 1 {
		return 0, fmt.Errorf("%s header given %d times, no number of bytes: %w", RoomHeader, len(values), ErrProtocol)
	}
	return max(int(n), minChunk), nil
}

// reader takes a header value apart. After the first error it returns zero
// values.
type reader struct {
	rest string
	err  error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%s header: %s: %w", Header, fmt.Sprintf(format, args...), ErrProtocol)
	}
}

func (r *reader) word() string {
	w, rest, _ := strings.Cut(r.rest, " ")
	if w == "" {
		r.fail("field missing")
	}
	r.rest = rest
	return w
}

func (r *reader) number() int {
	w := r.word()
	n, err := strconv.ParseUint(w, 10, 31)
	if err != nil {
		r.fail("%q is no size or index", w)
		return 0
	}
	return int(n)
}

func (r *reader) id() (id transferID) {
	w := r.word()
	if len(w) != hex.EncodedLen(len(id)) {
		r.fail("id of %d characters", len(w))
		return transferID{}
	}
	if _, err := hex.Decode(id[:], []byte(w)); err != nil {
		r.fail("id is not hexadecimal")
		return transferID{}
	}
	return id
}

func (r *reader) subject() string {
	w := r.word()
	if err := checkDirect(w); err != nil {
		r.fail("%v", err)
	}
	return w
}

// checkDirect reports why a subject cannot be a direct subject.
func checkDirect(subject string) error {
	if subject == "" || len(subject) > maxDirect {
		return fmt.Errorf("direct subject of %d bytes; it must have 1 to %d", len(subject), maxDirect)
	}
	for _, term := range strings.Split(subject, ".") {
		if term == "" || strings.ContainsAny(term, "*> \t\r\n") {
			return fmt.Errorf("direct subject %q has an empty term, a wildcard or a space", subject)
		}
	}
	return nil
}

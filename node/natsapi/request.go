package natsapi

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/micro"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// The headers of the kv API, beside region.HeaderKey and those of NATS micro.
const (
	// HeaderField names a field or member, so that the body is one raw value.
	HeaderField = "Atoll-Field"
	// HeaderTTL is a time to live: "10s", "250ms", or a number of seconds.
	HeaderTTL = "Atoll-TTL"
	// HeaderNatsTTL is the same under the name that NATS streams use.
	HeaderNatsTTL = "Nats-TTL"
	// HeaderEncoding is "base64" when every text inside JSON, in the request and
	// in the reply, and HeaderField are base64. Raw bodies never are.
	HeaderEncoding = "Atoll-Encoding"
	// HeaderRequest is a number that identifies a request when it is sent again.
	HeaderRequest = "Atoll-Request"
	// HeaderAfter is a session token: the request waits, for a bounded time, until
	// the node has seen that write.
	HeaderAfter = "Atoll-After"
	// HeaderWrote is in replies to writes: a session token for HeaderAfter.
	HeaderWrote = "Atoll-Wrote"
	// HeaderRegion and HeaderNode are in every reply: who answered.
	HeaderRegion = "Atoll-Region"
	HeaderNode   = "Atoll-Node"
)

// request is one request of the kv API, taken apart.
type request struct {
	key      string
	body     []byte
	field    string
	hasField bool
	ttl      time.Duration // 0 when none is given
	token    string        // empty when none is given
	base64   bool
	request  uint64
	after    crdt.Dot
}

// read takes a request apart. Errors are *wire.Error.
func (k *kvServer) read(v verb, req micro.Request) (*request, error) {
	h := req.Headers()
	r := &request{body: req.Data(), token: h.Get(HeaderToken)}
	var err error
	if r.key, err = readKey(k.s.subjects, v, req.Subject(), h); err != nil {
		return nil, err
	}
	switch e := h.Get(HeaderEncoding); e {
	case "":
	case "base64":
		r.base64 = true
	default:
		return nil, badRequest("header %s is %.40q; use base64 or leave it out", HeaderEncoding, e)
	}
	if r.field, r.hasField, err = readField(h, r); err != nil {
		return nil, err
	}
	if r.ttl, err = readTTL(h); err != nil {
		return nil, err
	}
	if text := h.Get(HeaderRequest); text != "" {
		if r.request, err = strconv.ParseUint(text, 10, 64); err != nil || r.request == 0 {
			return nil, badRequest("header %s is %.40q; use a random number from 1 to 2^64-1", HeaderRequest, text)
		}
	}
	if text := h.Get(HeaderAfter); text != "" {
		if r.after, err = parseDot(text); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// readKey returns the key from the subject, or from its header.
func readKey(s region.Subjects, v verb, subject string, h micro.Headers) (string, error) {
	name, key, inHeader, err := s.ParseKV(subject)
	if err != nil {
		return "", badRequest("%v", err)
	}
	if name != v.name {
		return "", badRequest("verb %.40q on the endpoint of %s", name, v.name)
	}
	values, given := h[region.HeaderKey]
	switch {
	case !inHeader && given:
		return "", badRequest("the key is in the subject and in the header %s; use %s as the subject to name it in the header", region.HeaderKey, headerSubject(s, v.name))
	case !inHeader:
		return key, nil
	case len(values) != 1:
		return "", badRequest("the subject says that the key is in the header %s, which is there %d times", region.HeaderKey, len(values))
	}
	key, err = region.DecodeKey(values[0])
	if err != nil {
		return "", badRequest("header %s: %v", region.HeaderKey, err)
	}
	return key, nil
}

// headerSubject returns the subject of a key that is in its header.
func headerSubject(s region.Subjects, verb string) string {
	return s.KV(verb, strings.Repeat("k", region.MaxSubjectKey+1))
}

func readField(h micro.Headers, r *request) (string, bool, error) {
	values, given := h[HeaderField]
	switch {
	case !given:
		return "", false, nil
	case len(values) != 1:
		return "", false, badRequest("header %s is there %d times", HeaderField, len(values))
	}
	field, err := r.decode(values[0])
	return field, true, err
}

// decode returns a text that was in JSON or in a header.
func (r *request) decode(text string) (string, error) {
	if !r.base64 {
		return text, nil
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", badRequest("%.40q is not base64, which the header %s promises: %v", text, HeaderEncoding, err)
	}
	return string(b), nil
}

func readTTL(h micro.Headers) (time.Duration, error) {
	var ttl time.Duration
	for _, name := range []string{HeaderTTL, HeaderNatsTTL} {
		text := h.Get(name)
		if text == "" {
			continue
		}
		d, err := parseTTL(text)
		if err != nil {
			return 0, err
		}
		if ttl != 0 && ttl != d {
			return 0, badRequest("headers %s and %s differ; give one", HeaderTTL, HeaderNatsTTL)
		}
		ttl = d
	}
	return ttl, nil
}

// parseTTL reads a time to live: a duration with a unit, or seconds.
func parseTTL(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if n, notNumber := strconv.ParseInt(text, 10, 64); notNumber == nil {
		if n > math.MaxInt64/int64(time.Second) {
			return 0, badRequest("time to live of %s seconds is too long; leave it out for none", text)
		}
		d, err = time.Duration(n)*time.Second, nil
	}
	if err != nil || d < time.Millisecond {
		return 0, badRequest(`time to live is %.40q; use a duration like "10s" or "250ms", or a number of seconds, from 1ms; to remove a key use del`, text)
	}
	return d, nil
}

// parseDot reads a session token as Dot.String writes it.
func parseDot(text string) (crdt.Dot, error) {
	id, number, ok := strings.Cut(text, "#")
	replica, err := strconv.ParseUint(id, 16, 64)
	n, err2 := strconv.ParseUint(number, 10, 64)
	d := crdt.Dot{Replica: crdt.ReplicaID(replica), N: n}
	if !ok || err != nil || err2 != nil || d.String() != text {
		return crdt.Dot{}, badRequest("header %s is %.60q; copy the header %s of a reply", HeaderAfter, text, HeaderWrote)
	}
	return d, nil
}

func badRequest(format string, args ...any) error {
	return &wire.Error{Code: wire.CodeBadRequest, Text: "ERR " + fmt.Sprintf(format, args...)}
}

package natsapi

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

// codeNotFound is the code of a reply that there is no such thing.
const codeNotFound wire.Code = 404

// renderRaw returns text as it is and numbers in decimal.
func renderRaw(_ *request, reply wire.Reply) ([]byte, error) {
	if reply.Type == wire.TypeNil {
		return nil, notFound()
	}
	text, err := textOf(reply)
	return []byte(text), err
}

// renderTTL returns seconds, -1 for a key that does not expire.
func renderTTL(_ *request, reply wire.Reply) ([]byte, error) {
	switch {
	case reply.Type != wire.TypeInt:
		return nil, unexpected(reply)
	case reply.Int == -2:
		return nil, notFound()
	case reply.Int < 0:
		return []byte("-1"), nil
	}
	return strconv.AppendFloat(nil, float64(reply.Int)/1000, 'f', -1, 64), nil
}

// renderArray returns a JSON array of texts.
func renderArray(r *request, reply wire.Reply) ([]byte, error) {
	return r.renderList(reply, '[', ']', 1, func(b *bytes.Buffer, e []wire.Reply) error {
		return r.writeText(b, e[0])
	})
}

// renderObject returns a JSON object of texts, in the order of the reply.
func renderObject(r *request, reply wire.Reply) ([]byte, error) {
	return r.renderList(reply, '{', '}', 2, func(b *bytes.Buffer, e []wire.Reply) error {
		if err := r.writeText(b, e[0]); err != nil {
			return err
		}
		b.WriteByte(':')
		return r.writeText(b, e[1])
	})
}

// renderScores returns a JSON array of members with their scores, in order. An
// infinite score is the text "inf" or "-inf": JSON has no such number.
func renderScores(r *request, reply wire.Reply) ([]byte, error) {
	return r.renderList(reply, '[', ']', 2, func(b *bytes.Buffer, e []wire.Reply) error {
		b.WriteString(`{"member":`)
		if err := r.writeText(b, e[0]); err != nil {
			return err
		}
		score, err := textOf(e[1])
		if err != nil {
			return err
		}
		if f, err := strconv.ParseFloat(score, 64); err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			score = strconv.Quote(score)
		}
		b.WriteString(`,"score":` + score + "}")
		return nil
	})
}

// renderList writes the elements of a list, some at a time.
func (r *request) renderList(reply wire.Reply, open, end byte, step int, write func(*bytes.Buffer, []wire.Reply) error) ([]byte, error) {
	list := reply.List
	if reply.Type != wire.TypeList && reply.Type != wire.TypeNil || len(list)%step != 0 {
		return nil, unexpected(reply)
	}
	var b bytes.Buffer
	b.WriteByte(open)
	for i := 0; i < len(list); i += step {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := write(&b, list[i:i+step]); err != nil {
			return nil, err
		}
	}
	b.WriteByte(end)
	return b.Bytes(), nil
}

// writeText writes one text in JSON. Bytes that are not UTF-8 cannot stand there
// and are refused, not changed, unless base64 was asked for.
func (r *request) writeText(b *bytes.Buffer, reply wire.Reply) error {
	text, err := textOf(reply)
	if err != nil {
		return err
	}
	if r.base64 {
		b.WriteByte('"')
		b.WriteString(base64.StdEncoding.EncodeToString([]byte(text)))
		b.WriteByte('"')
		return nil
	}
	if !utf8.ValidString(text) {
		return badRequest("%.40q is not UTF-8 and cannot stand in JSON; send the header %s: base64, or read a field with hget", text, HeaderEncoding)
	}
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		return wire.AsError(err)
	}
	b.Truncate(b.Len() - 1) // The encoder ends with a newline.
	return nil
}

// textOf returns a single value as text.
func textOf(reply wire.Reply) (string, error) {
	switch reply.Type {
	case wire.TypeString:
		return reply.Text, nil
	case wire.TypeInt:
		return strconv.FormatInt(reply.Int, 10), nil
	case wire.TypeFloat:
		return crdt.FormatFloat(reply.Float), nil
	}
	return "", unexpected(reply)
}

func notFound() error {
	return &wire.Error{Code: codeNotFound, Text: "ERR no such key or field"}
}

// unexpected is the error for a reply that the command should not give.
func unexpected(reply wire.Reply) error {
	return &wire.Error{Code: wire.CodeInternal, Text: fmt.Sprintf("ERR the node gave a reply of type %d that the kv API has no form for", reply.Type)}
}

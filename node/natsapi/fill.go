package natsapi

import (
	"bytes"
	"strconv"

	"github.com/atollcache/atoll/node/wire"
)

// HeaderToken is the token that a fill comes with: what miss has replied.
const HeaderToken = "Atoll-Token"

// fill is the command of a value that was missing.
func fill(r *request) ([]string, error) {
	if r.token == "" {
		return nil, badRequest("name the token that miss has replied in the header %s", HeaderToken)
	}
	args := []string{"FILL", r.key, r.token, string(r.body)}
	if r.ttl > 0 {
		args = append(args, "PX", strconv.FormatInt(r.ttl.Milliseconds(), 10))
	}
	return args, nil
}

// renderMissed writes a value, or how it may be filled.
func renderMissed(r *request, reply wire.Reply) ([]byte, error) {
	if reply.Type != wire.TypeList || len(reply.List) != 3 || reply.List[2].Type != wire.TypeInt {
		return nil, unexpected(reply)
	}
	var b bytes.Buffer
	for i, name := range []string{`{"value":`, `,"token":`} {
		b.WriteString(name)
		text := reply.List[i]
		if text.Type == wire.TypeNil {
			b.WriteString("null")
			continue
		}
		// The token is no text of the user's, and plain.
		as := request{base64: r.base64 && i == 0}
		if err := as.writeText(&b, text); err != nil {
			return nil, err
		}
	}
	b.WriteString(`,"wait_ms":` + strconv.FormatInt(reply.List[2].Int, 10) + "}")
	return b.Bytes(), nil
}

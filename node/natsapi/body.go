package natsapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// pair is one member of a JSON object.
type pair struct{ name, value string }

// noBody refuses a body where none is meant, which nearly always is a mistake in
// the subject.
func (r *request) noBody() error {
	if len(r.body) > 0 {
		return badRequest("this request takes no body, it has %d bytes", len(r.body))
	}
	return nil
}

// oneField returns the field or member that the header or the body names.
func (r *request) oneField() (string, error) {
	switch {
	case r.hasField && len(r.body) > 0:
		return "", badRequest("the header %s and the body name a field; use one", HeaderField)
	case !r.hasField && len(r.body) == 0:
		return "", badRequest("name the field in the body, or in the header %s", HeaderField)
	case r.hasField:
		return r.field, nil
	}
	return string(r.body), nil
}

// fields returns the fields or members that the header or the body names: a JSON
// array of texts, or, where the body does not begin with '[', one raw name.
func (r *request) fields() ([]string, error) {
	if r.hasField || !bytes.HasPrefix(r.body, []byte("[")) {
		f, err := r.oneField()
		return []string{f}, err
	}
	d, err := r.openJSON('[')
	if err != nil {
		return nil, err
	}
	var list []string
	for d.More() {
		text, err := r.scalar(d)
		if err != nil {
			return nil, err
		}
		list = append(list, text)
	}
	if len(list) == 0 {
		return nil, badRequest("the array in the body is empty")
	}
	return list, r.closeJSON(d)
}

// pairs returns the fields and values of the body: a JSON object, or the raw
// value of the field in the header.
func (r *request) pairs() ([]pair, error) {
	if r.hasField {
		return []pair{{r.field, string(r.body)}}, nil
	}
	d, err := r.openJSON('{')
	if err != nil {
		return nil, err
	}
	var list []pair
	for d.More() {
		name, err := r.scalar(d)
		if err != nil {
			return nil, err
		}
		value, err := r.scalar(d)
		if err != nil {
			return nil, err
		}
		list = append(list, pair{name, value})
	}
	if len(list) == 0 {
		return nil, badRequest("the object in the body is empty")
	}
	return list, r.closeJSON(d)
}

// increment returns the field and what to add to it, 1 when the body is empty.
func (r *request) increment() (pair, error) {
	if r.hasField && len(bytes.TrimSpace(r.body)) == 0 {
		return pair{r.field, "1"}, nil
	}
	list, err := r.pairs()
	if err != nil {
		return pair{}, err
	}
	if len(list) != 1 {
		return pair{}, badRequest("one field at a time can be incremented, the body names %d", len(list))
	}
	list[0].value = strings.TrimSpace(list[0].value)
	return list[0], nil
}

// openJSON begins to read the body as JSON.
func (r *request) openJSON(open json.Delim) (*json.Decoder, error) {
	want := map[json.Delim]string{'{': `a JSON object such as {"name":"Ada","age":36}`, '[': `a JSON array such as ["a","b"]`}[open]
	// The decoder would put U+FFFD in the place of what is not UTF-8.
	if !utf8.Valid(r.body) {
		return nil, badRequest("the body is not UTF-8, it must be %s; for other bytes use the header %s: base64, or %s with one raw value", want, HeaderEncoding, HeaderField)
	}
	d := json.NewDecoder(bytes.NewReader(r.body))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != open {
		return nil, badRequest("the body must be %s, or one raw value with the header %s", want, HeaderField)
	}
	return d, nil
}

// scalar reads one text or number.
func (r *request) scalar(d *json.Decoder) (string, error) {
	t, err := d.Token()
	if err != nil {
		return "", badJSON(d, err)
	}
	switch t := t.(type) {
	case json.Number:
		return t.String(), nil
	case string:
		if strings.ContainsRune(t, utf8.RuneError) && !r.mentionsRuneError() {
			return "", badRequest("the body's JSON holds half of a surrogate pair, which is no text; for other bytes use the header %s: base64", HeaderEncoding)
		}
		return r.decode(t)
	}
	return "", badRequest("the body's JSON may hold texts and numbers, not %v", t)
}

// mentionsRuneError reports whether the body holds U+FFFD on purpose.
func (r *request) mentionsRuneError() bool {
	return bytes.ContainsRune(r.body, utf8.RuneError) || bytes.Contains(bytes.ToLower(r.body), []byte(`\ufffd`))
}

// closeJSON reads the closing delimiter and makes sure that nothing follows.
func (r *request) closeJSON(d *json.Decoder) error {
	if _, err := d.Token(); err != nil {
		return badJSON(d, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return badRequest("the body goes on after its JSON at byte %d", d.InputOffset())
	}
	return nil
}

func badJSON(d *json.Decoder, err error) error {
	return badRequest("the body is not JSON at byte %d: %v", d.InputOffset(), err)
}

// isInteger reports whether text is one that INCRBY and HINCRBY take.
func isInteger(text string) bool {
	_, err := strconv.ParseInt(text, 10, 64)
	return err == nil
}

package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
)

// loadLine is one line of what load reads.
type loadLine struct {
	Key     *loadText           `json:"key"`
	Value   *loadText           `json:"value"`
	TTL     *loadText           `json:"ttl"`
	Fields  map[string]loadText `json:"fields"`
	Members []loadText          `json:"members"`
	Scores  map[string]loadText `json:"scores"`
	Incr    *loadText           `json:"incr"`
}

// loadText is a text in a line: a string, a number as it is written, or
// {"base64": "…"}.
type loadText string

// UnmarshalJSON implements json.Unmarshaler.
func (t *loadText) UnmarshalJSON(data []byte) error {
	switch {
	case data[0] == '"':
		return json.Unmarshal(data, (*string)(t))
	case data[0] == '{':
		var b struct {
			Base64 *[]byte `json:"base64"`
		}
		if err := json.Unmarshal(data, &b); err != nil {
			return err
		}
		if b.Base64 == nil {
			return errors.New(`an object in the place of a text has to be {"base64": "…"}`)
		}
		*t = loadText(*b.Base64)
		return nil
	case data[0] == '-' || data[0] >= '0' && data[0] <= '9':
		*t = loadText(data)
		return nil
	}
	return fmt.Errorf("%.20s is no text and no number", data)
}

// write is one line ready to be sent.
type write struct {
	line int
	key  string
	add  func(b *command.Batch) func() error // the result is there after Run
}

// adds returns a write's add for a command of any result.
func adds[T any](collect func(b *command.Batch) *command.Future[T]) func(*command.Batch) func() error {
	return func(b *command.Batch) func() error { return collect(b).Err }
}

// parseWrite reads one line.
func parseWrite(data []byte) (write, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var l loadLine
	if err := dec.Decode(&l); err != nil {
		return write{}, fmt.Errorf("not a line for load: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return write{}, errors.New("more than one object on the line")
	}
	if l.Key == nil {
		return write{}, errors.New(`no "key"`)
	}
	if n := l.kinds(); n != 1 {
		return write{}, fmt.Errorf(`%d of "value", "fields", "members", "scores" and "incr"; one is needed, and not empty`, n)
	}
	if l.TTL != nil && l.Value == nil {
		return write{}, errors.New(`"ttl" needs "value"`)
	}
	add, err := l.adder()
	return write{key: string(*l.Key), add: add}, err
}

// kinds counts what the line says to write.
func (l *loadLine) kinds() int {
	n := 0
	for _, there := range []bool{l.Value != nil, len(l.Fields) > 0, len(l.Members) > 0, len(l.Scores) > 0, l.Incr != nil} {
		if there {
			n++
		}
	}
	return n
}

// adder turns the line into a command.
func (l *loadLine) adder() (func(*command.Batch) func() error, error) {
	key := string(*l.Key)
	switch {
	case l.Value != nil:
		return l.setter(key)
	case l.Fields != nil:
		var fields []command.Field
		for _, f := range slices.Sorted(maps.Keys(l.Fields)) {
			fields = append(fields, command.Field{Name: f, Value: string(l.Fields[f])})
		}
		return adds(func(b *command.Batch) *command.Future[int] { return b.HSet(key, fields...) }), nil
	case l.Members != nil:
		var members []string
		for _, m := range l.Members {
			members = append(members, string(m))
		}
		return adds(func(b *command.Batch) *command.Future[int] { return b.SAdd(key, members...) }), nil
	case l.Scores != nil:
		var members []command.Member
		for _, m := range slices.Sorted(maps.Keys(l.Scores)) {
			score, ok := crdt.ParseFloat(string(l.Scores[m]))
			if !ok {
				return nil, fmt.Errorf("the score of %q is %q, not a number", m, string(l.Scores[m]))
			}
			members = append(members, command.Member{Name: m, Score: score})
		}
		return adds(func(b *command.Batch) *command.Future[int] { return b.ZAdd(key, members...) }), nil
	}
	if by, ok := crdt.ParseInt(string(*l.Incr)); ok {
		return adds(func(b *command.Batch) *command.Future[int64] { return b.Incr(key, by) }), nil
	}
	by, ok := crdt.ParseFloat(string(*l.Incr))
	if !ok || math.IsInf(by, 0) {
		return nil, fmt.Errorf(`"incr" is %q, not a number`, string(*l.Incr))
	}
	return adds(func(b *command.Batch) *command.Future[float64] { return b.IncrFloat(key, by) }), nil
}

func (l *loadLine) setter(key string) (func(*command.Batch) func() error, error) {
	value := string(*l.Value)
	var opts []command.SetOption
	if l.TTL != nil {
		ttl, err := parseTTL(`"ttl"`, string(*l.TTL))
		if err != nil {
			return nil, err
		}
		opts = append(opts, command.TTL(ttl))
	}
	return adds(func(b *command.Batch) *command.Future[bool] { return b.Set(key, value, opts...) }), nil
}

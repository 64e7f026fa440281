package command

import (
	"encoding/json"
	"fmt"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/pack"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// Value is a string that may not be there.
type Value struct {
	Text string
	OK   bool // there is one
}

// Field is a field of a hash.
type Field struct {
	Name, Value string
}

// Member is a member of a sorted set.
type Member struct {
	Score float64
	Name  string
}

// unexpected is the error for a reply of a type that the command never has.
func unexpected(r wire.Reply) error {
	return &wire.Error{Code: wire.CodeInternal, Text: fmt.Sprintf("ERR unexpected reply of type %d", r.Type)}
}

func asText(r wire.Reply) (string, error) {
	if r.Type != wire.TypeString {
		return "", unexpected(r)
	}
	return r.Text, nil
}

func asValue(r wire.Reply) (Value, error) {
	if r.Type == wire.TypeNil {
		return Value{}, nil
	}
	text, err := asText(r)
	return Value{text, err == nil}, err
}

// asDone understands OK and nil as yes and no.
func asDone(r wire.Reply) (bool, error) {
	v, err := asValue(r)
	return v.OK, err
}

func asOK(r wire.Reply) (struct{}, error) {
	_, err := asText(r)
	return struct{}{}, err
}

func asInt64(r wire.Reply) (int64, error) {
	if r.Type != wire.TypeInt {
		return 0, unexpected(r)
	}
	return r.Int, nil
}

func asInt(r wire.Reply) (int, error) {
	n, err := asInt64(r)
	return int(n), err
}

func asBool(r wire.Reply) (bool, error) {
	n, err := asInt64(r)
	return n != 0, err
}

// asFloat takes a number, also one as text.
func asFloat(r wire.Reply) (float64, error) {
	switch r.Type {
	case wire.TypeFloat:
		return r.Float, nil
	case wire.TypeInt:
		return float64(r.Int), nil
	case wire.TypeString:
		if f, ok := crdt.ParseFloat(r.Text); ok {
			return f, nil
		}
	}
	return 0, unexpected(r)
}

// Score is the score of a member that may not be there.
type Score struct {
	Score float64
	OK    bool // there is such a member
}

func asScore(r wire.Reply) (Score, error) {
	if r.Type == wire.TypeNil {
		return Score{}, nil
	}
	f, err := asFloat(r)
	return Score{f, err == nil}, err
}

func asList(r wire.Reply) ([]wire.Reply, error) {
	if r.Type != wire.TypeList {
		return nil, unexpected(r)
	}
	return r.List, nil
}

// asListOf returns what understands a list of exactly n elements, or of any
// number if n is negative.
func asListOf[T any](n int, elem func(wire.Reply) (T, error)) func(wire.Reply) ([]T, error) {
	return func(r wire.Reply) ([]T, error) {
		list, err := asList(r)
		if err != nil {
			return nil, err
		}
		if n >= 0 && len(list) != n {
			return nil, &wire.Error{Code: wire.CodeInternal, Text: fmt.Sprintf("ERR %d values for %d asked for", len(list), n)}
		}
		out := make([]T, len(list))
		for i, r := range list {
			if out[i], err = elem(r); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
}

// asPairs calls f for the elements of a list two by two.
func asPairs(r wire.Reply, f func(a, b wire.Reply) error) error {
	list, err := asList(r)
	if err != nil {
		return err
	}
	if len(list)%2 != 0 {
		return unexpected(r)
	}
	for i := 0; i < len(list); i += 2 {
		if err := f(list[i], list[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// asMap understands fields and values in turns.
func asMap(r wire.Reply) (map[string]string, error) {
	out := make(map[string]string, len(r.List)/2)
	err := asPairs(r, func(a, b wire.Reply) error {
		if a.Type != wire.TypeString || b.Type != wire.TypeString {
			return unexpected(b)
		}
		out[a.Text] = b.Text
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// asMembers understands members and scores in turns.
func asMembers(r wire.Reply) ([]Member, error) {
	out := make([]Member, 0, len(r.List)/2)
	err := asPairs(r, func(a, b wire.Reply) error {
		score, err := asFloat(b)
		if err != nil || a.Type != wire.TypeString {
			return unexpected(a)
		}
		out = append(out, Member{score, a.Text})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// asJSON understands text as JSON of a T.
func asJSON[T any](r wire.Reply) (T, error) {
	var out T
	text, err := asText(r)
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		return out, fmt.Errorf("decode reply: %w", err)
	}
	return out, nil
}

// asRegionMembers understands the encoded list of members.
func asRegionMembers(r wire.Reply) ([]region.Member, error) {
	text, err := asText(r)
	if err != nil {
		return nil, err
	}
	reader := pack.NewReader([]byte(text))
	members := region.ReadMembers(reader)
	if err := reader.Done(); err != nil {
		return nil, fmt.Errorf("decode members: %w", err)
	}
	return members, nil
}

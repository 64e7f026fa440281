package natsapi

import (
	"strconv"
	"strings"

	"github.com/atollcache/atoll/node/wire"
)

// verb is one endpoint of the kv API.
type verb struct {
	name    string
	body    string // what the body is, for people
	reply   string // likewise
	instead string // how to read a reply in parts, when it is too large

	command func(*request) ([]string, error)
	render  func(*request, wire.Reply) ([]byte, error)
}

// verbs are all endpoints. README.md describes them in the same order.
var verbs = []verb{
	{name: "get", body: "empty", reply: "the value; 404 when there is none", command: onKey("GET"), render: renderRaw},
	{name: "set", body: "the value; header Atoll-TTL or Nats-TTL", reply: "OK", command: set, render: renderRaw},
	{name: "del", body: "empty", reply: "1 if the key existed, or 0", command: onKey("DEL"), render: renderRaw},
	{name: "invalidate", body: "empty", reply: "1 if the key existed here, or 0", command: onKey("INVALIDATE"), render: renderRaw},
	{name: "miss", body: "empty", reply: `{"value": text or null, "token": text or null, "wait_ms": number}`, command: onKey("MISS"), render: renderMissed},
	{name: "fill", body: "the value; headers Atoll-Token, and Atoll-TTL or Nats-TTL", reply: "1 if the value was taken, or 0", command: fill, render: renderRaw},
	{name: "incr", body: "a number, or empty for 1", reply: "the sum", command: incr, render: renderRaw},
	{name: "expire", body: "a time to live such as 10s or 250ms, or seconds", reply: "1 if the key existed, or 0", command: expire, render: renderRaw},
	{name: "ttl", body: "empty", reply: "seconds, -1 for a key that does not expire; 404 when there is none", command: onKey("PTTL"), render: renderTTL},
	{name: "persist", body: "empty", reply: "1 if the key had an expiry, or 0", command: onKey("PERSIST"), render: renderRaw},
	{name: "type", body: "empty", reply: "string, hash, set, zset or none", command: onKey("TYPE"), render: renderRaw},
	{name: "exists", body: "empty", reply: "1 or 0", command: onKey("EXISTS"), render: renderRaw},

	{name: "hset", body: "a JSON object; or one raw value, header Atoll-Field", reply: "the number of new fields", command: hset, render: renderRaw},
	{name: "hget", body: "the field", reply: "the value; 404 when there is none", command: onField("HGET"), render: renderRaw},
	{name: "hgetall", body: "empty", reply: "a JSON object", instead: "field by field with hget, ", command: onKey("HGETALL"), render: renderObject},
	{name: "hdel", body: "a field, or a JSON array of them", reply: "how many existed", command: onFields("HDEL"), render: renderRaw},
	{name: "hincrby", body: `{"field": number}; or a number, or empty for 1, header Atoll-Field`, reply: "the sum", command: hincrby, render: renderRaw},

	{name: "sadd", body: "a member, or a JSON array of them", reply: "the number of new members", command: onFields("SADD"), render: renderRaw},
	{name: "srem", body: "a member, or a JSON array of them", reply: "how many existed", command: onFields("SREM"), render: renderRaw},
	{name: "smembers", body: "empty", reply: "a JSON array", command: onKey("SMEMBERS"), render: renderArray},

	{name: "zadd", body: `{"member": score, ...}; or a score, header Atoll-Field`, reply: "the number of new members", command: zadd, render: renderRaw},
	{name: "zrange", body: "start and stop, and REV, BYSCORE or LIMIT offset count; or empty for 0 -1", reply: `[{"member": ..., "score": ...}, ...]`, instead: "in ranges, ", command: zrange, render: renderScores},
	{name: "zincrby", body: `{"member": number}; or a number, or empty for 1, header Atoll-Field`, reply: "the new score", command: zincrby, render: renderRaw},
	{name: "zrem", body: "a member, or a JSON array of them", reply: "how many existed", command: onFields("ZREM"), render: renderRaw},
}

// onKey is a command that takes the key and nothing else.
func onKey(name string) func(*request) ([]string, error) {
	return func(r *request) ([]string, error) { return []string{name, r.key}, r.noBody() }
}

// onField is a command that takes the key and a field.
func onField(name string) func(*request) ([]string, error) {
	return func(r *request) ([]string, error) {
		field, err := r.oneField()
		return []string{name, r.key, field}, err
	}
}

// onFields is a command that takes the key and fields or members.
func onFields(name string) func(*request) ([]string, error) {
	return func(r *request) ([]string, error) {
		fields, err := r.fields()
		return append([]string{name, r.key}, fields...), err
	}
}

func set(r *request) ([]string, error) {
	args := []string{"SET", r.key, string(r.body)}
	if r.ttl > 0 {
		args = append(args, "PX", strconv.FormatInt(r.ttl.Milliseconds(), 10))
	}
	return args, nil
}

func incr(r *request) ([]string, error) {
	by := strings.TrimSpace(string(r.body))
	if by == "" {
		by = "1"
	}
	return []string{byNumber("INCRBY", by), r.key, by}, nil
}

// byNumber returns the name of the command that adds an integer, or of the one
// that adds any number.
func byNumber(name, by string) string {
	if isInteger(by) {
		return name
	}
	return name + "FLOAT"
}

func expire(r *request) ([]string, error) {
	ttl := r.ttl
	if body := strings.TrimSpace(string(r.body)); body != "" {
		d, err := parseTTL(body)
		if err != nil {
			return nil, err
		}
		if ttl != 0 && ttl != d {
			return nil, badRequest("the body and a header give different times to live; use one")
		}
		ttl = d
	}
	if ttl == 0 {
		return nil, badRequest("name the time to live in the body, such as 10s, or in the header %s", HeaderTTL)
	}
	return []string{"PEXPIRE", r.key, strconv.FormatInt(ttl.Milliseconds(), 10)}, nil
}

func hset(r *request) ([]string, error) {
	pairs, err := r.pairs()
	args := []string{"HSET", r.key}
	for _, p := range pairs {
		args = append(args, p.name, p.value)
	}
	return args, err
}

func hincrby(r *request) ([]string, error) {
	p, err := r.increment()
	return []string{byNumber("HINCRBY", p.value), r.key, p.name, p.value}, err
}

func zadd(r *request) ([]string, error) {
	pairs, err := r.pairs()
	args := []string{"ZADD", r.key}
	for _, p := range pairs {
		args = append(args, strings.TrimSpace(p.value), p.name)
	}
	return args, err
}

func zincrby(r *request) ([]string, error) {
	p, err := r.increment()
	return []string{"ZINCRBY", r.key, p.value, p.name}, err
}

func zrange(r *request) ([]string, error) {
	args := []string{"ZRANGE", r.key}
	words := strings.Fields(string(r.body))
	switch len(words) {
	case 0:
		words = []string{"0", "-1"}
	case 1:
		return nil, badRequest("name start and stop in the body, such as: 0 9 REV")
	}
	return append(append(args, words...), "WITHSCORES"), nil
}

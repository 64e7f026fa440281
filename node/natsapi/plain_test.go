package natsapi_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// This file uses the cache as a program would that has a NATS client and has
// never heard of Atoll: nothing is imported but nats.go. service_test.go starts
// what it talks to.

// errAnswer is an error of the service, with its code.
var errAnswer = errors.New("service error")

func request(nc *nats.Conn, subject, body string, headers ...string) (string, error) {
	m := nats.NewMsg(subject)
	m.Data = []byte(body)
	for i := 0; i < len(headers); i += 2 {
		m.Header.Set(headers[i], headers[i+1])
	}
	reply, err := nc.RequestMsg(m, 5*time.Second)
	if err != nil {
		return "", err
	}
	if code := reply.Header.Get("Nats-Service-Error-Code"); code != "" {
		return "", fmt.Errorf("%w %s: %s", errAnswer, code, reply.Header.Get("Nats-Service-Error"))
	}
	return string(reply.Data), nil
}

func TestPlainNATSProgram(t *testing.T) {
	nc := startService(t)
	const kv = "atoll.dev.us.kv."
	for _, c := range []struct {
		subject, body string
		headers       []string
		want          string
	}{
		{kv + "set.greeting", "hello", nil, "OK"},
		{kv + "get.greeting", "", nil, "hello"},
		{kv + "set.session:7", "x", []string{"Nats-TTL", "1h"}, "OK"},
		{kv + "persist.session:7", "", nil, "1"},
		{kv + "incr.hits", "5", nil, "5"},
		{kv + "incr.hits", "", nil, "6"},
		{kv + "hset.user:1", `{"name":"Ada","age":36}`, nil, "2"},
		{kv + "hget.user:1", "name", nil, "Ada"},
		{kv + "hgetall.user:1", "", nil, `{"age":"36","name":"Ada"}`},
		{kv + "del.greeting", "", nil, "1"},

		// A key keeps its dots; other bytes are written as %XX, an empty term as %-.
		{kv + "set.users.eu.ada", "1", nil, "OK"},
		{kv + "set.two%20words", "2", nil, "OK"},
		{kv + "set.%2A", "3", nil, "OK"},
		{kv + "set.line%0Abreak", "4", nil, "OK"},
		{kv + "set.%00", "5", nil, "OK"},
		{kv + "set.%-", "6", nil, "OK"},
		{kv + "set.%~", "7", []string{"Atoll-Key", "a%20long%20key"}, "OK"},
		{kv + "get.users.eu.ada", "", nil, "1"},
		{kv + "get.two%20words", "", nil, "2"},
		{kv + "get.%2A", "", nil, "3"},
		{kv + "get.line%0Abreak", "", nil, "4"},
		{kv + "get.%00", "", nil, "5"},
		{kv + "get.%-", "", nil, "6"},
		{kv + "get.a%20long%20key", "", nil, "7"},
	} {
		have, err := request(nc, c.subject, c.body, c.headers...)
		if err != nil || have != c.want {
			t.Errorf("%s %q: want %q, have %q, %v", c.subject, c.body, c.want, have, err)
		}
	}
	for subject, want := range map[string]string{
		kv + "get.greeting": "service error 404: ERR no such key or field",
		kv + "get.a%2Eb":    "service error 400",
	} {
		if _, err := request(nc, subject, ""); !errors.Is(err, errAnswer) || err.Error()[:len(want)] != want {
			t.Errorf("%s: want %q, have %v", subject, want, err)
		}
	}
}

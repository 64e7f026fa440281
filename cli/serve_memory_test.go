package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// TestServeLimit: the limit that a node is started with, and the one that a Redis client
// sets, are what `atoll nodes` shows. The limits are large ones, for the process is that of
// all tests.
func TestServeLimit(t *testing.T) {
	b, said := start(t, "serve", "--json", "--log", "off", "--region", "eu", "--name", "eu-1", "--cluster", "prod",
		"--nats-listen", "127.0.0.1:0", "--resp-addr", "127.0.0.1:0", "--max-memory", "8gb", "--max-memory-policy", "noeviction")
	var served struct{ NATS, RESP string }
	if err := json.Unmarshal([]byte(said), &served); err != nil {
		t.Fatalf("%s: %v", said, err)
	}
	client := redis.NewClient(&redis.Options{Addr: served.RESP})
	defer client.Close()
	shows := func(want string) {
		t.Helper()
		code, stdout, stderr := atoll(t, "nodes", "--cluster", "prod", "-s", served.NATS)
		header, row, _ := strings.Cut(stdout, "\n")
		if code != 0 || strings.Contains(header, " MEMORY ") != (want != "") || !strings.Contains(row, want) {
			t.Errorf("want %q under MEMORY, have exit code %d\n%s%s", want, code, stdout, stderr)
		}
	}
	shows("0% of 8.0 GiB")
	have, err := client.ConfigGet(t.Context(), "maxmemory*").Result()
	if err != nil || have["maxmemory"] != "8589934592" || have["maxmemory-policy"] != "noeviction" {
		t.Errorf("CONFIG GET maxmemory*: have %v, %v", have, err)
	}
	for value, want := range map[string]string{"4gb": "0% of 4.0 GiB", "0": ""} {
		if err := client.ConfigSet(t.Context(), "maxmemory", value).Err(); err != nil {
			t.Fatal(err)
		}
		shows(want)
	}
	for _, c := range []struct{ flag, value, says string }{
		{"--max-memory", "much", "much"}, {"--max-memory", "101%", "60%"}, {"--max-memory-policy", "volatile-lru", "use allkeys or noeviction"},
	} {
		if code, _, stderr := atoll(t, "serve", "--log", "off", "--region", "eu", "--name", "eu-2", c.flag, c.value); code != 2 || !strings.Contains(stderr, c.says) {
			t.Errorf("%s %s: want exit code 2 and %q, have %d, %s", c.flag, c.value, c.says, code, stderr)
		}
	}
	if code := b.wait(); code != 0 {
		t.Errorf("serve: want exit code 0, have %d\n%s", code, b.stderr.String())
	}
}

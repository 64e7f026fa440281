package resp_test

import (
	"testing"

	"github.com/atollcache/atoll/node/resp"
)

func TestTransactions(t *testing.T) {
	d := open(t, resp.Config{})
	d.node.regions = 2
	c, other := d.dial(), d.dial()
	c.want(
		"EXEC", "(ERR EXEC without MULTI)",
		"DISCARD", "(ERR DISCARD without MULTI)",
		"MULTI", "OK",
		"MULTI", "(ERR MULTI calls can not be nested)",
		"SET a 1", "QUEUED",
		"PING", "QUEUED",
		"GET a", "QUEUED",
		"HGET a f", "QUEUED",
		"WAIT 5 1000", "QUEUED",
		"EXEC", `[OK PONG "1" (WRONGTYPE Operation against a key holding the wrong kind of value) 2]`,
		"MULTI", "OK",
		"SET a 2", "QUEUED",
		"DISCARD", "OK",
		"GET a", `"1"`,
		"MULTI", "OK",
		"NOPE", "(ERR unknown command 'NOPE', with args beginning with: )",
		"SET a 2", "QUEUED",
		"EXEC", "(EXECABORT Transaction discarded because of previous errors.)",
		"GET a", `"1"`,
		"MULTI", "OK",
		"GET", "(ERR wrong number of arguments for 'get' command)",
		"EXEC", "(EXECABORT Transaction discarded because of previous errors.)",
		"MULTI", "OK",
		"EXEC", "[]",
		"MULTI", "OK",
		"WATCH a", "(ERR WATCH inside MULTI is not allowed)",
		"MONITOR", "(ERR Command not allowed inside a transaction)",
		"DISCARD", "OK",
	)
	c.want("WATCH a b", "OK", "MULTI", "OK", "SET a 3", "QUEUED", "EXEC", "[OK]")
	c.want("WATCH a b", "OK")
	other.want("SET b 1", "OK")
	c.want("MULTI", "OK", "SET a 4", "QUEUED", "EXEC", "nil", "GET a", `"3"`)
	c.want("WATCH a", "OK", "UNWATCH", "OK")
	other.want("SET a 5", "OK")
	c.want("MULTI", "OK", "GET a", "QUEUED", "EXEC", `["5"]`)
}

func TestTransactionIsBounded(t *testing.T) {
	c := open(t, resp.Config{MaxQueued: 1000}).dial()
	c.want("MULTI", "OK")
	for c.do("SET a 1") == "QUEUED" {
	}
	c.want("EXEC", "(EXECABORT Transaction discarded because of previous errors.)", "GET a", "nil")
}

func TestWait(t *testing.T) {
	d := open(t, resp.Config{})
	d.node.regions = 1
	c := d.dial()
	c.want(
		"WAIT 1 0", "1",
		"SET k 1", "OK",
		"WAIT 1 10000", "1",
		"WAIT 2 20", "1", // the time is up
		"WAIT x 1", "(ERR value is not an integer or out of range)",
		"WAIT 1 x", "(ERR timeout is not an integer or out of range)",
		"WAIT 1 -1", "(ERR timeout is negative)",
	)
}

package command

import (
	"testing"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

// TestRenewal: what a key of any kind shows can be written anew, with its expiry, and
// only where the key does not exist.
func TestRenewal(t *testing.T) {
	from := newMemory()
	for _, line := range []string{
		"SET string v", "INCRBY number 5", "HSET hash a 1 b 2", "HSET fields a 1 b 2", "HPEXPIREAT fields 1893456000000 FIELDS 1 a",
		"SADD set x y", "ZADD zset 1.5 a 2 b", "RPUSH list 1 2 1", "PFADD hll a b", "SET mortal v PXAT 1893456000000", "SADD mortals x", "PEXPIREAT mortals 1893456000000",
	} {
		from.do(line)
	}
	to := newMemory()
	for _, key := range []string{"string", "number", "hash", "fields", "set", "zset", "list", "hll", "mortal", "mortals"} {
		var renewal wire.Command
		ok := false
		if err := from.Read([]string{key}, func(v crdt.View) { renewal, ok = Renewal(key, v) }); err != nil || !ok {
			t.Fatalf("%s: no renewal: %v", key, err)
		}
		if err := Check(renewal, Limits{}); err != nil || !Unsafe(renewal) {
			t.Errorf("%s: %q: want a command that must not run twice, have %v", key, renewal.Args, err)
		}
		for _, want := range []int64{1, 0} {
			if r := Exec(to, renewal); r.Type != wire.TypeInt || r.Int != want {
				t.Errorf("%s: want %d, have %s", key, want, showReply(r))
			}
		}
		renewal.Request = 42
		to.do("DEL " + key)
		for range 2 { // One that is sent again has done what it did.
			if r := Exec(to, renewal); r.Int != 1 {
				t.Errorf("%s: sent again: want 1, have %s", key, showReply(r))
			}
		}
		delete(to.ran, 42)
		if want, have := from.do(".DUMP "+key), to.do(".DUMP "+key); have != want {
			t.Errorf("%s: want %s, have %s", key, want, have)
		}
	}
	if _, ok := Renewal("none", (*crdt.Entry)(nil).View(now)); ok {
		t.Error("nothing: want no renewal")
	}
	to.do("SET string other")
	var renewal wire.Command
	_ = from.Read([]string{"string"}, func(v crdt.View) { renewal, _ = Renewal("string", v) })
	if r := Exec(to, renewal); r.Int != 0 || to.do("GET string") != "other" {
		t.Errorf("a key that exists: want it as it was, have %s", to.do("GET string"))
	}
}

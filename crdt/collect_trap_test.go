package crdt_test

import (
	"strings"
	"testing"

	"github.com/atollcache/atoll/crdt/crdttest"
)

// TestForgettingTraps runs histories in which some have forgotten what others
// still keep. Besides the values that the scripts want, crdttest.Replay checks
// every step against the specification, and in the end, when everything is stable,
// that nobody keeps anything but what it shows.
func TestForgettingTraps(t *testing.T) {
	for _, trap := range forgettingTraps {
		t.Run(strings.ReplaceAll(trap.name, " ", "_"), func(t *testing.T) {
			if err := crdttest.Replay(trap.script, crdttest.Options{Collect: true, Audit: audit}); err != nil {
				t.Errorf("%s: %v", trap.name, err)
			}
		})
	}
}

var forgettingTraps = []struct{ name, script string }{
	{"hidden kind goes with the removal of a field by who saw both", `
		r1 set k text
		pass 1
		r2 hset k f v
		r1 catchup r2
		r1 want k hash f=v
		r1 hdel k f
		r1 want k none
		r2 merge r1
		r2 want k none
	`},
	{"hidden kind forgotten by the remover of what hid it", `
		r1 set k text
		pass 1
		r2 hset k f v
		r1 catchup r2
		r2 catchup r1
		r3 catchup r1
		pass 1
		r1 collect
		r1 hdel k f
		r2 catchup r1
		r2 want k none
		r1 want k none
	`},
	{"hidden counter is taken as far as it was seen", `
		r1 hincr k f 5
		pass 1
		r2 incr k 1
		r2 catchup r1
		r2 want k string 1
		r2 incr k 1
		pass 1
		r1 hincr k f 2
		r3 catchup r1
		r3 catchup r2
		r3 want k hash f=2
		r2 catchup r1
		r2 want k hash f=2
	`},
	{"hidden SET says that the key never expires, also when it is taken", `
		r1 set k text
		pass 1
		r2 hset k f v
		r2 expire k at 50
		r2 catchup r1
		r2 want k hash f=v
		r2 hset k g v
		r2 want k hash f=v g=v
		r3 merge r2
		r3 want k hash f=v g=v
		r1 merge r2
		r1 want k hash f=v g=v
		r2 merge r1
		r2 want k hash f=v g=v
		r1 expire k at 40
		r1 want k hash f=v g=v until 40
	`},
	{"hidden SET that never expires was forgotten where the hash is written", `
		r1 set k text
		pass 1
		r2 hset k f v
		r2 expire k at 50
		r1 catchup r2
		r2 catchup r1
		r3 catchup r1
		pass 1
		r2 collect
		r2 hset k g v
		r1 catchup r2
		r1 want k hash f=v g=v
		r2 merge r1
		r2 want k hash f=v g=v
		r3 merge r2
		r3 want k hash f=v g=v
	`},
	{"loser without a time to live was forgotten by one of two that join", `
		r2 set k 10.5 at 12
		r1 set k abc
		r1 catchup r2
		r2 catchup r1
		r3 catchup r1
		pass 1
		r3 collect
		r3 want k string 10.5
		r1 merge r3
		r1 want k string 10.5
		r3 merge r2
		r3 want k string 10.5
	`},
	{"EXPIRE of a key that has outlived its expiry brings nothing back", `
		r1 hset k f v
		r2 catchup r1
		r1 expire k at 10
		pass 12
		r2 hset k g v
		r1 catchup r2
		r1 want k hash g=v
		r1 expire k at 90
		r1 want k hash g=v until 90
		r2 catchup r1
		r2 want k hash g=v until 90
	`},
	{"EXPIRE where it is forgotten what the key has outlived", `
		r1 hset k f v
		r1 hincr k h 1
		r2 catchup r1
		r1 expire k at 10
		pass 12
		r2 hset k g v
		r1 catchup r2
		r2 catchup r1
		r3 catchup r1
		pass 2
		r1 collect
		r1 expire k at 90
		r1 want k hash g=v until 90
		r2 catchup r1
		r2 want k hash g=v until 90
		r3 merge r1
		r3 want k hash g=v until 90
	`},
	{"EXPIRE beside a longer one rescues what only seems to have expired", `
		r1 hset k f v
		r2 catchup r1
		r3 catchup r1
		r1 expire k at 10
		r2 expire k at 30
		r3 catchup r1
		r3 catchup r2
		pass 12
		r3 want k hash f=v until 30
		r3 expire k at 40
		r2 expire k at 20
		r1 catchup r2
		r1 want k hash f=v until 20
		r1 catchup r3
		r1 want k hash f=v until 40
		r2 catchup r3
	`},
	{"removed counter is forgotten and its replica goes on", `
		r1 incr k 5
		r2 catchup r1
		r2 del k
		r1 catchup r2
		r3 catchup r2
		pass 1
		r1 collect
		r1 incr k 1
		r2 catchup r1
		r2 want k string 1
		r3 merge r1
		r3 want k string 1
	`},
	{"removed counter of which an increment is under way is kept", `
		r1 incr k 5
		r2 catchup r1
		r3 catchup r1
		r1 incr k 1
		r2 del k
		r3 catchup r2
		pass 1
		r3 collect
		r3 catchup r1
		r3 want k string 1
		r1 catchup r2
		r1 want k string 1
	`},
	{"time cut is kept until what it takes has arrived", `
		r1 set k old
		pass 1
		r2 invalidate k
		pass 1
		r2 collect
		r2 catchup r1
		r2 want k none
		r3 catchup r2
		r1 catchup r2
		r1 want k none
	`},
	{"loser is kept until the winner's remover must have seen it", `
		r1 set k lower
		r2 set k higher
		r3 catchup r2
		r1 catchup r2
		pass 1
		r1 collect
		r3 del k
		r1 catchup r3
		r1 want k string lower
	`},
	{"expired content is kept until a longer expiry must have arrived", `
		r1 set k v
		r2 catchup r1
		r3 catchup r1
		r1 expire k at 10
		r3 catchup r1
		r2 expire k at 90
		pass 12
		r1 want k none
		r1 collect
		r3 collect
		r1 catchup r2
		r1 want k string v until 90
	`},
	{"clock that is behind must have come to the expiry", `
		r2 skew -10
		r1 set k v at 10
		r2 catchup r1
		r3 catchup r1
		pass 12
		r1 collect
		r2 want k string v until 10
		r2 expire k at 90
		r1 catchup r2
		r1 want k string v until 90
	`},
	{"key that is touched again waits again", `
		r1 set k lower
		r2 set k higher
		r1 catchup r2
		r3 catchup r1
		r1 collect
		r3 set k third
		r2 catchup r1
		pass 1
		r1 catchup r3
		r1 collect
		r2 catchup r3
		r2 del k
		r1 catchup r2
		r1 want k none
	`},
	{"key that is touched again and has expired waits again", `
		r1 set k a
		r2 set k b
		r1 catchup r2
		r2 catchup r1
		r3 catchup r1
		r2 set k v at 5
		pass 12
		r1 collect
		r1 catchup r2
		r1 want k none
		pass 2
		r3 expire k at 90
		r1 collect
		r1 catchup r3
		r1 want k string v until 90
	`},
	{"hidden SET that never expires is taken by one of two that join", `
		r1 set k text
		pass 1
		r2 hset k f v
		r2 expire k at 50
		r2 catchup r1
		r2 hset k g v
		r2 merge r1
		r2 want k hash f=v g=v
	`},
	{"shorter expiry is forgotten and the longer one replaced", `
		r1 hset k f v
		r2 catchup r1
		r1 expire k at 50
		r2 expire k at 90
		r1 catchup r2
		r2 catchup r1
		r3 catchup r1
		pass 1
		r1 collect
		r1 want k hash f=v until 90
		r1 expire k at 60
		r2 catchup r1
		r2 want k hash f=v until 60
	`},
	{"who was away brings nothing back", `
		r1 set k v
		r2 catchup r1
		r3 catchup r1
		r3 leave
		r3 incr k 1
		r1 del k
		r1 set l v
		r1 expire l at 10
		r2 catchup r1
		pass 20
		r1 collect
		r2 collect
		r3 return
		r3 want k none
		r3 want l none
		r1 want k none
	`},
	{"who was away while nothing was forgotten loses nothing", `
		r1 set k 5
		r2 catchup r1
		r3 catchup r1
		r3 leave
		r3 incr k 1
		r1 del k
		r2 catchup r1
		pass 20
		r1 collect
		r2 collect
		r3 want k string 6
		r3 return
		r1 want k string 1
		r2 want k string 1
	`},
	{"old state of before what is forgotten is refused", `
		r1 incr k 5
		r2 catchup r1
		r3 catchup r1
		r2 save
		r3 del k
		r1 catchup r3
		r2 catchup r3
		pass 1
		r1 collect
		r1 load 0
		r1 want k none
		r2 load 0
		r2 want k none
	`},
}

package crdt_test

import (
	"strings"
	"testing"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/crdttest"
)

// TestTraps runs histories that designs of this kind are known to get wrong, and
// those that package crdt once did. Besides the values that the scripts want,
// crdttest.Replay checks every step against the specification, and in the end
// that all replicas hold the same bytes.
//
// Without "pass" all clocks stand still: of concurrent writes the one at the
// higher replica wins.
func TestTraps(t *testing.T) {
	for _, trap := range traps {
		t.Run(strings.ReplaceAll(trap.name, " ", "_"), func(t *testing.T) {
			if err := crdttest.Replay(trap.script, crdttest.Options{Audit: crdt.CheckBytes}); err != nil {
				t.Errorf("%s: %v", trap.name, err)
			}
		})
	}
}

var traps = []struct{ name, script string }{
	{"losing sibling shows when the winner alone is deleted", `
		r1 set k lower
		r2 set k higher
		r3 catchup r2
		r1 catchup r2
		r1 want k string higher
		r3 del k
		r1 catchup r3
		r1 want k string lower
		r2 merge r1
		r2 want k string lower
		r3 merge r1
		r3 want k string lower
	`},
	{"loser goes with a winner that was seen together with it", `
		r1 set k lower
		r2 set k higher
		r1 catchup r2
		r1 del k
		r2 catchup r1
		r2 want k none
		r3 merge r1
		r3 want k none
	`},
	{"SET takes the increments that it saw and no others", `
		r1 incr k 1
		r1 incr k 2
		r2 catchup r1
		r1 incr k 4
		r2 set k 10
		r1 catchup r2
		r1 want k string 14
		r2 catchup r1
		r2 want k string 14
		r1 incr k 8
		r3 merge r1
		r3 want k string 22
		r3 set k 0
		r1 catchup r3
		r1 want k string 0
	`},
	{"two removals take different parts of one sum", `
		r1 hincr k f 1
		r2 catchup r1
		r1 hincr k f 2
		r3 catchup r1
		r1 hincr k f 4
		r2 del k
		r3 hdel k f
		r1 catchup r2
		r1 want k hash f=6
		r1 merge r3
		r1 want k hash f=4
		r2 merge r3
		r2 want k none
		r2 catchup r1
		r2 want k hash f=4
	`},
	{"removed contribution stays away when its origin goes on, by deltas", `
		r1 incr k 5
		r2 catchup r1
		r2 del k
		r2 want k none
		r1 incr k 1
		r2 catchup r1
		r2 want k string 1
		r3 catchup r2
		r3 want k string 1
		r1 catchup r2
		r1 want k string 1
	`},
	{"removed contribution stays away when its origin goes on, by states", `
		r1 incr k 5
		r2 merge r1
		r2 del k
		r3 merge r2
		r3 want k none
		r1 incr k 1
		r3 merge r1
		r3 want k string 1
		r1 merge r2
		r1 want k string 1
		r1 incr k 1
		r1 want k string 2
	`},
	{"run begun anew is not reached by a removal of the run before", `
		r1 incr k 5
		r2 catchup r1
		r3 catchup r1
		r2 del k
		r1 catchup r2
		r1 incr k 1
		r3 del k
		r1 catchup r3
		r1 want k string 1
		r3 merge r1
		r3 want k string 1
	`},
	{"SET beside EXPIRE never expires", `
		r1 set k old
		r2 catchup r1
		r1 set k new
		r2 expire k at 50
		r1 catchup r2
		r1 want k string new
		r2 merge r1
		r2 want k string new
	`},
	{"SET with a time to live beside EXPIRE takes the longer", `
		r1 set k old
		r2 catchup r1
		r1 set k new at 80
		r2 expire k at 50
		r1 catchup r2
		r1 want k string new until 80
		r2 catchup r1
		r2 want k string new until 80
		r2 expire k at 20
		r1 merge r2
		r1 want k string new until 20
		pass 20
		r1 want k none
	`},
	{"EXPIRE beside PERSIST never expires, after it it does", `
		r1 set k v at 90
		r2 catchup r1
		r1 expire k at 50
		r2 persist k
		r1 catchup r2
		r1 want k string v
		r2 merge r1
		r2 want k string v
		r2 expire k at 60
		r1 catchup r2
		r1 want k string v until 60
	`},
	{"losing SET without a time to live keeps the key for ever", `
		r1 set k lower
		r2 set k higher at 50
		r1 catchup r2
		r1 want k string higher
		r2 merge r1
		pass 50
		r2 want k string higher
	`},
	{"INCR beside DEL survives alone", `
		r1 incr k 5
		r2 catchup r1
		r1 incr k 3
		r2 del k
		r1 catchup r2
		r1 want k string 3
		r2 catchup r1
		r2 want k string 3
	`},
	{"two kinds do not mix and the hidden one comes to light", `
		r1 hset k f v
		pass 1
		r2 set k text
		r1 catchup r2
		r1 want k string text
		r3 catchup r2
		r3 del k
		r1 hset l f v
		r1 catchup r3
		r1 want k hash f=v
		r2 merge r1
		r2 want k hash f=v
	`},
	{"SET in sequence replaces every kind", `
		r1 hincr k f 5
		r3 catchup r1
		r3 sadd l m
		r3 set k text
		r3 set l text
		r3 want k string text
		r3 want l string text
		pass 1
		r1 hincr k f 1
		r3 catchup r1
		r3 want k hash f=1
	`},
	{"INVALIDATE takes the increments that it saw from a counter that goes on", `
		r1 incr k 100
		r2 catchup r1
		pass 10
		r2 invalidate k
		r2 want k none
		pass 10
		r1 incr k 1
		r2 catchup r1
		r2 want k string 1
		r1 merge r2
		r1 want k string 1
	`},
	{"time cut takes a run that it did not see whole or leaves it whole", `
		r1 incr k 1
		pass 10
		r2 invalidate k
		r3 catchup r2
		r3 merge r1
		r3 want k none
		r2 want k none
		pass 10
		r1 incr k 2
		r2 catchup r1
		r2 want k string 3
		r1 merge r2
		r1 want k string 3
		r1 incr k 4
		r1 want k string 7
	`},
	{"run begins anew after a time cut that its replica knows", `
		r1 hincr k f 1
		pass 10
		r2 invalidate k
		r2 hset k g v
		r1 catchup r2
		r1 want k hash g=v
		r1 hincr k f 2
		r1 want k hash f=2 g=v
		r3 catchup r1
		r3 want k hash f=2 g=v
	`},
	{"time cut forgets no removal before it", `
		r1 incr k 1
		r2 catchup r1
		r2 set k 10
		pass 10
		r3 invalidate k
		r2 catchup r3
		r2 want k none
		pass 10
		r1 incr k 2
		r2 catchup r1
		r2 want k string 2
		r1 catchup r2
		r1 want k string 2
	`},
	{"time cut keeps out an expiry stamped before it", `
		r1 set k v
		r2 catchup r1
		r2 expire k at 50
		pass 10
		r1 invalidate k
		r1 incr k 1
		r1 catchup r2
		r1 want k string 1
		r2 catchup r1
		r2 want k string 1
	`},
	{"time cut keeps out what was stamped before it and arrives after it", `
		r1 set k early
		r1 incr k 1
		r1 hset l f early
		pass 10
		r2 invalidate k
		r2 invalidate l
		r2 catchup r1
		r2 want k none
		r2 want l none
		r3 merge r1
		r3 merge r2
		r3 want l none
	`},
	{"HSET beside DEL of the key survives alone", `
		r1 hset k f 1
		r1 hset k g 1
		r2 catchup r1
		r1 hset k f 2
		r2 del k
		r1 catchup r2
		r1 want k hash f=2
		r2 catchup r1
		r2 want k hash f=2
	`},
	{"expired key is rewritten while a longer EXPIRE is on its way", `
		r1 hset k f v
		r1 expire k at 10
		r2 catchup r1
		r2 expire k at 30
		pass 10
		r1 want k none
		r1 hset k g v
		r1 want k hash g=v
		r1 catchup r2
		r1 want k hash g=v until 30
		r2 catchup r1
		r2 want k hash g=v until 30
		pass 20
		r2 want k none
	`},
	{"longer EXPIRE rescues what has expired elsewhere", `
		r1 incr k 7
		r1 expire k at 10
		r2 catchup r1
		r2 expire k at 30
		pass 10
		r1 want k none
		r1 merge r2
		r1 want k string 7 until 30
	`},
	{"PERSIST that arrives late finds the counter that its replica began anew", `
		r1 incr k 7
		r2 incr k 1
		r1 expire k at 10
		r2 catchup r1
		r2 persist k
		pass 10
		r1 incr k 2
		r1 want k string 2
		r1 catchup r2
		r1 want k string 3
		r2 catchup r1
		r2 want k string 3
	`},
	{"deltas merged into a clear still tell what the first one saw", `
		r2 hincr k f 5
		r1 catchup r2
		r1 hset k f 1
		r1 del k
		r2 hincr k f 1
		r3 catchup r2
		r3 pull r1 0 2
		r3 want k hash f=1
	`},
	{"replica that removes its own contribution leaves nothing", `
		r2 hincr k f 1
		r2 del k
		r1 pull r2 0 2
		r3 catchup r2
		r3 want k none
	`},
	{"SET without a time to live that a later EXPIRE overrode expires after a join", `
		r1 set k v
		r2 merge r1
		r2 expire k at 50
		r3 merge r1
		r3 merge r2
		r3 want k string v until 50
		r1 merge r3
		r1 want k string v until 50
	`},
	{"DEL takes the expiry that it saw", `
		r1 incr k 1
		r1 expire k at 50
		r1 del k
		r1 incr k 2
		r1 want k string 2
		r2 catchup r1
		r2 want k string 2
	`},
	{"write stamped at the very moment of the expiry stays", `
		r1 hset k f v
		r2 catchup r1
		r1 expire k at 10
		pass 10
		r2 hset k g v
		r1 catchup r2
		r1 want k hash g=v
		r2 catchup r1
		r2 want k hash g=v
	`},
	{"expiry by a slow clock is after what it saw", `
		r1 skew 20
		r1 set k v
		r2 catchup r1
		r2 expire k at 10
		r2 want k string v until 21
		pass 21
		r2 want k none
		r1 catchup r2
		r1 want k none
	`},
	{"delta that arrives twice is applied once", `
		r1 hset k f 1
		r2 catchup r1
		r2 del k
		r2 pull r1 -1 1
		r2 want k none
	`},
	{"old state does not bring back a counter that its own replica removed", `
		r1 incr k 5
		r1 save
		r1 del k
		r1 load 0
		r1 want k none
		r2 load 0
		r2 want k string 5
		r2 merge r1
		r2 want k none
	`},
	{"state under way does not change with its sender", `
		r1 incr k 1
		r1 save
		r1 incr k 1
		r2 load 0
		r2 want k string 1
	`},
	{"one write names a field twice", `
		r1 hset k f 1 + hset k g 2 + hset k f 3
		r1 want k hash f=3 g=2
		r2 catchup r1
		r2 hincr k g 1
		r2 hdel k f + hdel k f + hdel k h
		r2 want k hash g=3
		r1 merge r2
		r1 want k hash g=3
	`},
	{"rank of a register is not lost to a lower one because it had expired", `
		r1 pfadd k 26710
		r2 catchup r1
		r1 expire k at 30
		r2 expire k at 140
		pass 30
		r1 want k none
		r3 pfadd k 50148
		r1 catchup r3
		r1 want k hyperloglog 14224=1
		r1 pfadd k 27607
		r1 want k hyperloglog 14224=1 7782=1
		r1 catchup r2
		r1 want k hyperloglog 14224=1 7782=5 until 140
		r2 catchup r1
		r2 pfadd k 177121
		r2 want k hyperloglog 14224=6 7782=5 until 140
		r2 del k
		r1 catchup r2
		r1 want k none
	`},
}

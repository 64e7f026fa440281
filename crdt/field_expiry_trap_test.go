package crdt_test

import (
	"strings"
	"testing"

	"github.com/atollcache/atoll/crdt/crdttest"
)

// TestFieldExpiryTraps runs histories in which fields of hashes expire by themselves.
// Besides the values that the scripts want, crdttest.Replay checks every step against
// the specification, with and without a tier and with and without forgetting.
func TestFieldExpiryTraps(t *testing.T) {
	for _, trap := range fieldExpiryTraps {
		for name, o := range map[string]crdttest.Options{
			"":           {Audit: audit},
			" forgetful": {Collect: true, Audit: audit},
			" tiered":    {Collect: true, Audit: auditTier, Tier: tiers()},
		} {
			if !o.Collect && strings.Contains(trap.script, "collect") {
				continue
			}
			t.Run(strings.ReplaceAll(trap.name+name, " ", "_"), func(t *testing.T) {
				if err := crdttest.Replay(trap.script, o); err != nil {
					t.Errorf("%s: %v", trap.name, err)
				}
			})
		}
	}
}

var fieldExpiryTraps = []struct{ name, script string }{
	{"HSET clears the time to live that it saw", `
		r1 hset k f v at 50
		r2 catchup r1
		r2 want k hash f=v@50
		r2 hset k f w
		r1 catchup r2
		r1 want k hash f=w
		pass 60
		r1 want k hash f=w
	`},
	{"HINCRBY keeps the time to live", `
		r1 hset k f 5 at 50
		r2 catchup r1
		r2 hincr k f 1
		r1 catchup r2
		r1 want k hash f=6@50
		r3 merge r2
		pass 50
		r3 want k none
		r1 want k none
	`},
	{"HSET beside HEXPIRE never expires", `
		r1 hset k f old
		r2 catchup r1
		r1 hset k f new
		r2 hexpire k f at 50
		r2 want k hash f=old@50
		r1 catchup r2
		r1 want k hash f=new
		r2 merge r1
		r2 want k hash f=new
	`},
	{"HSET that loses says never all the same", `
		r1 hset k f a
		r2 hset k f b at 50
		r2 catchup r1
		r2 want k hash f=b
		r1 merge r2
		r1 want k hash f=b
		r1 hexpire k f at 40
		r2 catchup r1
		r2 want k hash f=b@40
	`},
	{"the longest of concurrent HEXPIREs counts and a later one replaces all", `
		r1 hset k f v
		r2 catchup r1
		r3 catchup r1
		r1 hexpire k f at 50
		r2 hexpire k f at 90
		r3 hexpire k f at 20
		r1 catchup r2
		r1 merge r3
		r1 want k hash f=v@90
		r1 hexpire k f at 30
		r2 catchup r3
		r2 catchup r1
		r2 want k hash f=v@30
	`},
	{"HPERSIST beside HEXPIRE wins", `
		r1 hset k f v at 50
		r2 catchup r1
		r1 hpersist k f
		r2 hexpire k f at 90
		r1 catchup r2
		r1 want k hash f=v
		r2 merge r1
		r2 want k hash f=v
	`},
	{"HEXPIRE beside HDEL brings nothing back", `
		r1 hset k f v
		r1 hset k g v
		r2 catchup r1
		r1 hdel k f
		r2 hexpire k f at 50
		r1 catchup r2
		r1 want k hash g=v
		r2 merge r1
		r2 want k hash g=v
		r2 hset k f w
		r2 want k hash f=w g=v
	`},
	{"a hash whose last field has expired does not exist", `
		r1 hset k f v at 10
		r1 hset k g v at 20
		r2 catchup r1
		pass 10
		r2 want k hash g=v@20
		pass 10
		r2 want k none
		r2 sadd k m
		r2 want k set m
		r1 catchup r2
		r1 want k set m
	`},
	{"increment stamped after an expiry that it had not seen counts from zero", `
		r1 hset k f 5
		r2 catchup r1
		r1 hexpire k f at 10
		pass 12
		r2 hincr k f 1
		r2 want k hash f=6
		r1 catchup r2
		r1 want k hash f=1
		r2 catchup r1
		r2 want k hash f=1
		r2 hexpire k f at 90
		r3 merge r2
		r3 want k hash f=1@90
	`},
	{"HEXPIRE where it is forgotten what the field has outlived", `
		r1 hset k f 5
		r2 catchup r1
		r1 hexpire k f at 10
		pass 12
		r2 hincr k f 1
		r1 catchup r2
		r2 catchup r1
		r3 catchup r1
		pass 2
		r1 collect
		r1 hexpire k f at 90
		r1 want k hash f=1@90
		r2 catchup r1
		r2 want k hash f=1@90
		r3 merge r1
		r3 want k hash f=1@90
	`},
	{"increment of a field that has expired starts fresh, forgotten or not", `
		r1 hset k f 5 at 10
		r1 hset k g v
		r2 catchup r1
		r3 catchup r1
		pass 12
		r2 collect
		r2 want k hash g=v
		r2 hincr k f 1
		r2 want k hash f=1 g=v
		r1 catchup r2
		r1 want k hash f=1 g=v
		r1 hexpire k f at 90
		r2 catchup r1
		r2 want k hash f=1@90 g=v
	`},
	{"longer HEXPIRE on its way rescues what only seems to have expired", `
		r1 hset k f v
		r1 hset k g v
		r2 catchup r1
		r3 catchup r1
		r1 hexpire k f at 10
		r3 catchup r1
		r2 hexpire k f at 90
		pass 12
		r1 want k hash g=v
		r1 collect
		r3 collect
		r1 catchup r2
		r1 want k hash f=v@90 g=v
	`},
	{"what a field says that the key has outlived does not count", `
		r1 hset k f v at 60
		r1 expire k at 10
		pass 12
		r2 hset k f w at 30
		r1 catchup r2
		r1 want k hash f=w@30
		r2 catchup r1
		r2 want k hash f=w@30
		r1 collect
		r2 collect
		pass 20
		r1 want k none
	`},
	{"HPERSIST that the key has outlived does not count either", `
		r1 hset k f v at 60
		r1 expire k at 10
		r1 hpersist k f
		pass 12
		r2 hset k f w at 30
		r1 catchup r2
		r2 catchup r1
		r3 catchup r1
		r1 want k hash f=w@30
		pass 2
		r1 collect
		r1 want k hash f=w@30
		r3 merge r1
		r3 want k hash f=w@30
	`},
	{"EXPIRE of a key that outlived its expiry takes what is said of fields", `
		r1 hset k f 5 at 60
		r2 catchup r1
		r1 expire k at 10
		pass 12
		r2 hincr k f 1
		r1 catchup r2
		r1 want k hash f=1
		r1 expire k at 90
		r1 want k hash f=1 until 90
		r2 catchup r1
		r2 want k hash f=1 until 90
	`},
	{"kind that a field hid does not come back when the field expires", `
		r1 set k text
		pass 1
		r2 hset k f v at 20
		r1 catchup r2
		r1 want k hash f=v@20
		pass 20
		r1 want k none
		r3 catchup r1
		r3 want k none
		r3 incr k 1
		r1 catchup r3
		r1 want k string 1
	`},
	{"time cut takes what is said of a field", `
		r1 hset k f v at 50
		r2 catchup r1
		pass 1
		r2 invalidate k
		r2 hset k f w
		r1 catchup r2
		r1 want k hash f=w
		r3 merge r1
		r3 want k hash f=w
	`},
	{"fields that expire one after the other are seen to from a disk", `
		r1 hset k f v at 1000
		r1 hset k g v at 70000
		r1 hset l f v
		r1 store done
		r1 release k
		r1 digest 1
		pass 1500
		r1 digest 1
		r1 collect
		r1 release k
		r1 want k hash g=v@70000
		pass 60000
		r1 digest 4
		r1 release k
		pass 10000
		r1 digest 1
		r1 want k none
	`},
	{"two writes of one field in one HSET with a time to live", `
		r1 hset k f v at 50 + hset k f w at 50 + hset k g v at 50
		r2 catchup r1
		r2 want k hash f=w@50 g=v@50
		pass 50
		r2 want k none
	`},
	{"time to live that has passed removes the field", `
		r1 hset k f v + hset k g v
		r2 catchup r1
		r2 hexpire k f at 0
		r2 hset k g w at 0
		r2 want k none
		r1 catchup r2
		r1 want k none
	`},
}

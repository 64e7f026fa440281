package crdt_test

import (
	"strings"
	"testing"

	"github.com/atollcache/atoll/crdt/crdttest"
)

// TestWhatIsLostIsNotWaitedFor runs histories in which the last copy of a write is lost
// while others hold back what comes after it. These drop that, and in the end all hold
// the same.
func TestWhatIsLostIsNotWaitedFor(t *testing.T) {
	for _, loss := range losses {
		t.Run(strings.ReplaceAll(loss.name, " ", "_"), func(t *testing.T) {
			o := crdttest.Options{Replicas: 3, Collect: true, Fills: true, Audit: audit}
			if loss.crashes {
				o.Audit, o.Tier = auditTier, tiers()
			}
			if err := crdttest.Replay(loss.script, o); err != nil {
				t.Errorf("%s: %v", loss.name, err)
			}
		})
	}
}

var losses = []struct {
	name, script string
	crashes      bool
}{
	{name: "held back by one who comes back when its origin has crashed", crashes: true, script: `
		r1 set k 1
		r1 set k 2
		r2 pull r1 1 1
		r3 pull r1 0 1
		r1 set k 3
		r3 pull r1 1 1
		r2 leave
		r1 crash 0
		r3 want k string 1
		r2 return
		r2 catchup r3
		r2 want k string 1
	`},
	{name: "older than what was forgotten while all who had it were away", script: `
		r1 fills
		r3 catchup r1
		r1 miss k
		r1 fill k 1
		r3 catchup r1
		r2 catchup r3
		r2 del k
		r1 catchup r2
		pass 3
		r2 leave
		r1 del k
		r3 pull r1 0 1
		r1 leave
		r3 collect
		r3 want k string 1
		r1 return
		r2 return
		r1 want k string 1
	`},
}

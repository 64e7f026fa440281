package nodetest

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// memoryPlan is what is drawn of how much nodes may keep in memory.
type memoryPlan struct {
	bytes []int64 // by place, of what entries account for
	// buries says that evicted keys that nobody has are removed on the way, as where too
	// much is left of them.
	buries bool
}

// String describes the plan.
func (m *memoryPlan) String() string {
	if m == nil {
		return "no limit"
	}
	return fmt.Sprintf("%v bytes, buries %v", m.bytes, m.buries)
}

// moreStream is that from which is drawn what came after everything else: it is such
// that the seeds named in README.md are what they were before.
const moreStream = 0x6d6f7265_002e7e27

// drawMore gives a fifth of the histories a limit to memory, another one commands of
// later kinds, and some both.
func drawMore(p *plan, o Options) {
	r := rand.New(rand.NewPCG(p.seed, moreStream))
	what := r.IntN(10)
	if o.Memory {
		what = 8
	}
	if what < 6 || o.Lists && !o.Memory {
		return
	}
	if what <= 8 {
		drawLater(r, p)
	}
	if what < 8 {
		return
	}
	m := &memoryPlan{buries: r.IntN(2) == 0}
	same, bytes := r.IntN(2) == 0, pick[int64](r, 2000, 4000, 8000)
	for range p.places {
		if !same {
			bytes = pick[int64](r, 2000, 4000, 8000, 1<<20)
		}
		m.bytes = append(m.bytes, bytes)
	}
	p.memory = m
	spread(r, p, pick(r, 1, 2, 4))
}

// spread has commands go to so many times as many keys.
func spread(r *rand.Rand, p *plan, times int) {
	for i := range p.steps {
		s := &p.steps[i]
		if key := s.call.args; s.action == doCommand && len(key) > 1 && strings.HasPrefix(key[1], "k") && key[0] != "MSET" && key[0] != "MGET" && key[0] != "EXISTS" && key[0] != "DEL" {
			if n := r.IntN(times); n > 0 {
				key[1] += strings.Repeat("x", n)
			}
		}
	}
}

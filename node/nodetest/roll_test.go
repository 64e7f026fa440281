package nodetest

import (
	"testing"
	"time"
)

// TestRollingRestart restarts every node of two regions, one after the other, lets
// one join and one leave, under a stream of commands: none fails, nothing that is
// present is missed, nothing that was acknowledged is lost, nothing runs twice.
func TestRollingRestart(t *testing.T) {
	p := quickPlan(2, 4, 2)
	p.gentle = true
	for i := range p.places {
		p.places[i].up = i%4 < 3
	}
	s := newScenario(t, p)
	verbs := [][]string{
		{"INCRBY", "pin:count", "1"}, {"GET", "pin:count"}, {"SET", "pin:string", "v"}, {"GET", "pin:string"},
		{"HINCRBY", "pin:hash", "f", "1"}, {"HGETALL", "pin:hash"}, {"SADD", "pin:set", "m"}, {"SMEMBERS", "pin:set"},
		{"ZINCRBY", "pin:zset", "1", "m"}, {"ZRANGE", "pin:zset", "0", "-1"},
	}
	busy := func(d time.Duration) {
		for end := s.now + d; s.now < end; s.wait(20 * ms) {
			i := s.asked
			s.call([]string{"ap", "eu"}[i%2], i/2, verbs[i/3%len(verbs)]...)
		}
	}
	busy(2 * time.Second)
	s.start(3)
	for at := range p.places {
		if n := s.nodes[at]; n != nil {
			s.leave(n, 50*ms)
		}
		busy(1200 * ms)
	}
	s.leave(s.nodes[0], -1)
	busy(2 * time.Second)
	calls := s.counts.Calls
	s.rest()
	if have := s.counts; have.Unavailable > 0 || have.Twice > 0 || have.Died > 0 || calls < 500 {
		t.Errorf("%d commands: want none to fail, to run twice or to be lost, have %d, %d and %d", calls, have.Unavailable, have.Twice, have.Died)
	}
}

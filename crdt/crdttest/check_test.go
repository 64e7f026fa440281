package crdttest

import (
	"reflect"
	"strings"
	"testing"

	"github.com/atollcache/atoll/crdt"
)

// script returns steps as Replay reads them.
func script(steps []step) string {
	lines := make([]string, len(steps))
	for i, s := range steps {
		lines[i] = s.String()
	}
	return strings.Join(lines, "\n")
}

func TestScriptsReadBackAsTheyWereWritten(t *testing.T) {
	for seed := range uint64(200) {
		steps := generate(seed, Options{}.withDefaults())
		again, err := parse(script(steps))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if want, have := script(steps), script(again); want != have {
			t.Fatalf("seed %d: want script\n%s\nhave\n%s", seed, want, have)
		}
		for i := range again {
			// What a script does not name is whatever the generator drew.
			if !reflect.DeepEqual(again[i].commands, steps[i].commands) {
				t.Fatalf("seed %d, %v: want %v, have %v", seed, steps[i], steps[i].commands, again[i].commands)
			}
		}
	}
}

func TestSeedsRepeat(t *testing.T) {
	for seed := range uint64(50) {
		o := Options{}.withDefaults()
		if a, b := generate(seed, o), generate(seed, o); !reflect.DeepEqual(a, b) {
			t.Fatalf("seed %d: want the same history twice, have\n%s\nand\n%s", seed, script(a), script(b))
		}
	}
}

func TestBadScriptsAreRefused(t *testing.T) {
	for line, want := range map[string]string{
		"x1 del k":                   `"x1" is not a replica`,
		"r0 del k":                   `"r0" is not a replica`,
		"r1":                         "a word is missing",
		"r1 rename k":                `"rename" is neither a verb nor an action`,
		"r1 set k":                   "a word is missing",
		"r1 set k v until 5":         `"until" is not "at"`,
		"r1 incr k much":             `"much" is not an amount`,
		"r1 expire k":                "a word is missing",
		"r1 pull r2 one 1":           `"one" is not a number`,
		"pass":                       "a word is missing",
		"pass 5 6":                   `"6" is too much`,
		"r1 want k string 5":         "want string 5, have none",
		"r1 set k 5\nr1 want k none": "step 2, r1 want k none: k at r1: want none, have string 5",
	} {
		err := Replay(line, Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: want an error that says %q, have %v", line, want, err)
		}
	}
}

// TestFailuresAreCutDown lets an audit fail once a counter shows seven, which
// takes two increments and a delivery.
func TestFailuresAreCutDown(t *testing.T) {
	steps := generate(1, Options{Replicas: 3, Steps: 60})
	needed, err := parse("r1 incr zz 3\nr1 incr zz 4\nr2 catchup r1")
	if err != nil {
		t.Fatal(err)
	}
	steps = append(steps[:20:20], append(needed[:1:1], append(steps[20:40:40], append(needed[1:], steps[40:]...)...)...)...)
	seven := func(s []step) bool {
		w := newWorld(Options{}.withDefaults())
		for _, s := range s {
			if err := w.run(s); err != nil {
				t.Fatalf("%v: %v", s, err)
			}
		}
		text, _ := w.replicas[1].part.Entry("zz").View(epoch).Get()
		return text == "7"
	}
	if want, have := script(needed), script(shrink(steps, seven)); want != have {
		t.Errorf("want the history\n%s\nhave\n%s", want, have)
	}
}

func TestFailuresNameSeedAndHistory(t *testing.T) {
	o := Options{Audit: func(p *crdt.Partition) error {
		if p.Len() > 0 {
			panic("too full")
		}
		return nil
	}}
	err := Check(3, o)
	if err == nil {
		t.Fatal("seed 3: want an error from the audit, have none")
	}
	for _, want := range []string{"seed 3: ", "panic: too full", "replay on 3 replicas:\n\tr"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("seed 3: want an error that says %q, have %v", want, err)
		}
	}
	if lines := strings.Split(err.Error(), "\n"); len(lines) != 3 {
		t.Errorf("seed 3: want one step left, have %v", err)
	}
}

package region

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// at returns the time ms milliseconds into a test.
func at(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }

func newView(t testing.TB, cfg Config) *View {
	t.Helper()
	v, err := NewView(cfg)
	if err != nil {
		t.Fatalf("NewView(%+v): %v", cfg, err)
	}
	return v
}

// ready returns a member of region eu that is ready, in the given life.
func ready(name string, life int) Member {
	return Member{Name: name, Region: "eu", Replica: crdt.ReplicaID(100 + life), State: StateReady, Started: uint64(life)}
}

// beat feeds heartbeats and returns the kinds of what changed.
func beat(t testing.TB, v *View, ms int, members ...Member) string {
	t.Helper()
	var all []Change
	for _, m := range members {
		changes, err := v.Heartbeat(m, at(ms))
		if err != nil {
			t.Fatalf("heartbeat of %s at %d ms: %v", m.Name, ms, err)
		}
		all = append(all, changes...)
	}
	return kinds(all)
}

// kinds writes changes as "joined eu-1, left eu-2".
func kinds(changes []Change) string {
	var list []string
	for _, c := range changes {
		list = append(list, fmt.Sprintf("%v %s", c.Kind, c.Member.Name))
	}
	return strings.Join(list, ", ")
}

func check(t testing.TB, what, want, have string) {
	t.Helper()
	if have != want {
		t.Errorf("%s: want %q, have %q", what, want, have)
	}
}

func names(members []Member) string {
	var list []string
	for _, m := range members {
		list = append(list, m.Name)
	}
	return strings.Join(list, " ")
}

func TestViewSuspectsTheSilent(t *testing.T) {
	v := newView(t, Config{})
	check(t, "first beats", "joined eu-1, joined eu-2", beat(t, v, 0, ready("eu-1", 1), ready("eu-2", 1)))
	before := v.Epoch()
	for ms := 500; ms <= 3000; ms += 500 {
		check(t, "beat", "", beat(t, v, ms, ready("eu-1", 1)))
		check(t, "tick within the time", "", kinds(v.Tick(at(ms))))
	}
	check(t, "tick beyond it", "suspected eu-2", kinds(v.Tick(at(3001))))
	check(t, "next tick", "", kinds(v.Tick(at(3500))))
	check(t, "serving", "eu-1", names(v.Serving("eu")))
	check(t, "planned", "eu-1", names(v.Planned("eu")))
	check(t, "members", "eu-1 eu-2", names(v.Members()))
	if m, ok := v.Member("eu", "eu-2"); !ok || m.State != StateSuspect || v.Heard("eu", "eu-2") != at(0) {
		t.Errorf("eu-2: want it suspect and heard at the start, have %+v, %v", m, v.Heard("eu", "eu-2"))
	}
	if v.Epoch() == before {
		t.Error("the epoch did not change with the ring")
	}
	check(t, "heard again", "back eu-2", beat(t, v, 4000, ready("eu-2", 1)))
	if v.Epoch() != before {
		t.Error("the same members have another epoch")
	}
}

func TestViewTouch(t *testing.T) {
	v := newView(t, Config{})
	beat(t, v, 0, ready("a", 1), ready("b", 2))
	v.Touch(101, at(2900))
	v.Touch(999, at(2900))
	check(t, "a wrote at 2900", "suspected b", kinds(v.Tick(at(3100))))
	v.Touch(102, at(3200))
	check(t, "suspect b wrote at 3200", "", kinds(v.Tick(at(3300))))
	if m, _ := v.Member("eu", "b"); m.State != StateSuspect {
		t.Errorf("suspect b after a write: want %v, have %v", StateSuspect, m.State)
	}
	check(t, "a silent since 2900", "suspected a", kinds(v.Tick(at(6000))))
}

func TestViewForgets(t *testing.T) {
	v := newView(t, Config{ForgetAfter: 10 * time.Second})
	beat(t, v, 0, ready("eu-1", 1), ready("eu-2", 1))
	for ms := 1000; ms < 10000; ms += 1000 {
		v.Tick(at(ms))
		beat(t, v, ms, ready("eu-1", 1))
	}
	check(t, "at the horizon", "", kinds(v.Tick(at(10000))))
	check(t, "beyond the horizon", "forgotten eu-2", kinds(v.Tick(at(10001))))
	check(t, "by hand", "forgotten eu-1", kinds(v.Forget("eu", "eu-1")))
	check(t, "by hand again", "", kinds(v.Forget("eu", "eu-1")))
	check(t, "members", "", names(v.Members()))
	if m, known := v.Member("eu", "eu-1"); known || m != (Member{}) || !v.Heard("eu", "eu-1").IsZero() {
		t.Errorf("a forgotten member: have %+v, %v", m, known)
	}
}

// A view that slept does not hold its own silence against the others.
func TestViewThatSleptWaits(t *testing.T) {
	v := newView(t, Config{ForgetAfter: 10 * time.Second})
	beat(t, v, 0, ready("eu-1", 1))
	v.Tick(at(0))
	check(t, "waking", "", kinds(v.Tick(at(60000))))
	check(t, "within the new patience", "", kinds(v.Tick(at(63000))))
	check(t, "beyond it", "forgotten eu-1", kinds(v.Tick(at(63001))))
	if have := v.Stats().Pauses; have != 1 {
		t.Errorf("pauses: want 1, have %d", have)
	}
}

// A bad configuration is refused by everything that takes one.
func TestNewRefusesBadConfig(t *testing.T) {
	bad := Config{MaxMembers: -1}
	if v, err := NewView(bad); v != nil || !errors.Is(err, ErrConfig) {
		t.Errorf("NewView: want ErrConfig, have %v", err)
	}
	if ls, err := NewLinks(bad); ls != nil || !errors.Is(err, ErrConfig) {
		t.Errorf("NewLinks: want ErrConfig, have %v", err)
	}
}

func TestViewStates(t *testing.T) {
	v := newView(t, Config{})
	joining, leaving, later := ready("eu-1", 1), ready("eu-2", 1), ready("eu-3", 1)
	joining.State, leaving.State, later.State = StateJoining, StateLeaving, 77
	other := ready("us-1", 1)
	other.Region = "us"
	beat(t, v, 0, other, later, leaving, joining, ready("eu-4", 1))
	check(t, "serving", "eu-2 eu-4", names(v.Serving("eu")))
	check(t, "planned", "eu-1 eu-4", names(v.Planned("eu")))
	check(t, "in region", "eu-1 eu-2 eu-3 eu-4", names(v.InRegion("eu")))
	check(t, "members", "eu-1 eu-2 eu-3 eu-4 us-1", names(v.Members()))
	check(t, "regions", "eu us", strings.Join(v.Regions(), " "))
	us, eu := v.RegionEpoch("us"), v.RegionEpoch("eu")
	check(t, "ready", "updated eu-1", beat(t, v, 1, ready("eu-1", 1)))
	if v.RegionEpoch("us") != us || v.RegionEpoch("eu") == eu {
		t.Error("want the epoch of eu changed and that of us not")
	}
}

func TestViewLeave(t *testing.T) {
	v := newView(t, Config{})
	m := ready("eu-1", 1)
	m.Beat = 9
	beat(t, v, 0, m)
	check(t, "another life leaves", "", kinds(v.Leave("eu", "eu-1", 5, at(1))))
	check(t, "leave", "left eu-1", kinds(v.Leave("eu", "eu-1", m.Replica, at(1))))
	check(t, "leave again", "", kinds(v.Leave("eu", "eu-1", m.Replica, at(2))))
	check(t, "a heartbeat that was under way", "", beat(t, v, 3, m))
	check(t, "the next process", "joined eu-1", beat(t, v, 4, ready("eu-1", 2)))
	v.Leave("eu", "eu-1", ready("eu-1", 2).Replica, at(5))
	v.Tick(at(3006))
	check(t, "long after", "joined eu-1", beat(t, v, 3007, m))
	if have := v.Stats().Late; have != 3 {
		t.Errorf("late: want 3, have %d", have)
	}
}

func TestViewReplacesAFormerLife(t *testing.T) {
	v := newView(t, Config{})
	beat(t, v, 0, ready("eu-1", 1))
	changes, err := v.Heartbeat(ready("eu-1", 2), at(100))
	if err != nil || kinds(changes) != "replaced eu-1" || changes[0].Former.Replica != 101 || changes[0].Member.Replica != 102 {
		t.Fatalf("a new life: have %v, %v", changes, err)
	}
	// Messages of the former life that were under way come almost in one go.
	check(t, "a late beat", "", beat(t, v, 2000, ready("eu-1", 1)))
	check(t, "the next", "", beat(t, v, 2001, ready("eu-1", 2), ready("eu-1", 1)))
	if m, _ := v.Member("eu", "eu-1"); m.Replica != 102 || v.Len() != 1 {
		t.Errorf("want the new life alone, have %+v", v.Members())
	}
	check(t, "in words", "replaced eu/eu-1 0000000000000066 ready (former 0000000000000065 ready)", changes[0].String())

	// The same replica ID after a clean restart is the same life.
	again := ready("eu-1", 2)
	again.Started = 50
	check(t, "a clean restart", "updated eu-1", beat(t, v, 2100, again))

	// A life that seems older, for a clock that was set back, must wait until
	// the present one is suspect.
	check(t, "set back", "", beat(t, v, 2600, ready("eu-1", 3)))
	check(t, "set back, again", "", beat(t, v, 4200, ready("eu-1", 3)))
	v.Tick(at(3000))
	check(t, "silence", "suspected eu-1", kinds(v.Tick(at(5101))))
	check(t, "set back, later", "replaced eu-1", beat(t, v, 5200, ready("eu-1", 3)))
	if have := v.Stats().Conflicts; have != 0 {
		t.Errorf("conflicts: want none, have %d", have)
	}
}

// Two processes that both go on talking are a conflict, reported once by every
// view whatever it hears first; the one that started later is the member.
func TestViewConflict(t *testing.T) {
	sameID := ready("eu-1", 2)
	sameID.Replica = ready("eu-1", 1).Replica
	for what, second := range map[string]Member{"new ID": ready("eu-1", 2), "copied directory": sameID} {
		for _, order := range [][]Member{{ready("eu-1", 1), second}, {second, ready("eu-1", 1)}} {
			v := newView(t, Config{})
			var conflicts []string
			for ms := 0; ms < 5000; ms += 500 {
				for _, m := range order {
					changes, err := v.Heartbeat(m, at(ms))
					if err != nil {
						t.Fatal(err)
					}
					for _, c := range changes {
						if c.Kind == Conflict {
							conflicts = append(conflicts, fmt.Sprintf("%d: %d beside %d", ms, c.Former.Started, c.Member.Started))
						}
					}
				}
				v.Tick(at(ms))
			}
			if len(conflicts) != 1 || !strings.HasSuffix(conflicts[0], "1 beside 2") || v.Stats().Conflicts != 1 {
				t.Errorf("%s, first %d: want one conflict of 1 beside 2, have %v", what, order[0].Started, conflicts)
			}
			if m, _ := v.Member("eu", "eu-1"); m.Started != 2 {
				t.Errorf("%s, first %d: want the process that started later, have %+v", what, order[0].Started, m)
			}
			// When the rival has been silent, a new one is reported anew.
			for ms := 5000; ms < 9000; ms += 500 {
				beat(t, v, ms, second)
				v.Tick(at(ms))
			}
			beat(t, v, 9000, ready("eu-1", 1))
			beat(t, v, 9500, second)
			check(t, what+", again", "conflict eu-1", beat(t, v, 10000, ready("eu-1", 1)))
		}
	}
}

func TestViewIgnoresOvertakenBeats(t *testing.T) {
	v := newView(t, Config{})
	m := ready("eu-1", 1)
	m.Beat = 7
	beat(t, v, 0, m)
	old := m
	old.Beat, old.State = 6, StateJoining
	check(t, "an older beat", "", beat(t, v, 10, old, m))
	if have, _ := v.Member("eu", "eu-1"); have.State != StateReady || v.Stats().Late != 2 || v.Heard("eu", "eu-1") != at(0) {
		t.Errorf("want the newer beat kept and two counted, have %+v, %+v", have, v.Stats())
	}
}

func TestViewIsBounded(t *testing.T) {
	v := newView(t, Config{MaxMembers: 2})
	beat(t, v, 0, ready("eu-1", 1), ready("eu-2", 1))
	if _, err := v.Heartbeat(ready("eu-3", 1), at(1)); !errors.Is(err, ErrFull) {
		t.Errorf("a third member: want ErrFull, have %v", err)
	}
	check(t, "a known member", "", beat(t, v, 2, ready("eu-2", 1)))
	bad := ready("eu-1", 1)
	bad.State = StateSuspect
	if _, err := v.Heartbeat(bad, at(3)); !errors.Is(err, ErrMember) {
		t.Errorf("a suspect: want ErrMember, have %v", err)
	}
	if _, err := v.Heartbeat(Member{}, at(3)); !errors.Is(err, ErrName) {
		t.Errorf("a nameless member: want ErrName, have %v", err)
	}
	if have, want := v.Stats(), (ViewStats{Refused: 1, Invalid: 2}); have != want {
		t.Errorf("stats: want %+v, have %+v", want, have)
	}
	// Departures are bounded too: names that come and go must not pile up.
	for i := range 10 {
		v.Leave("eu", "eu-1", 101, at(4))
		v.Leave("eu", fmt.Sprintf("n-%d", i-1), 101, at(4))
		beat(t, v, 4, ready(fmt.Sprintf("n-%d", i), 1))
	}
	if len(v.departed) > 2 {
		t.Errorf("departures: want at most 2, have %d", len(v.departed))
	}
}

// Views that have heard the same members agree, whatever the order.
func TestViewsAgree(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var beats []Member
		for i := range 12 {
			m := ready(fmt.Sprintf("n-%d", i%5), 1+rng.IntN(3))
			m.State = State(rng.IntN(3))
			if slices.ContainsFunc(beats, func(b Member) bool { return b.Name == m.Name && b.Started == m.Started }) {
				continue
			}
			beats = append(beats, m)
		}
		var want string
		for range 5 {
			rng.Shuffle(len(beats), func(i, j int) { beats[i], beats[j] = beats[j], beats[i] })
			v := newView(t, Config{})
			beat(t, v, 0, beats...)
			have := fmt.Sprint(v.Epoch(), v.Members())
			if want == "" {
				want = have
			}
			if have != want {
				t.Fatalf("seed %d: %v\nwant %s\nhave %s", seed, beats, want, have)
			}
		}
	}
}

// Of three processes with one name the two that started last are reported.
func TestViewConflictOfThree(t *testing.T) {
	v := newView(t, Config{})
	var conflicts []Change
	for ms := 0; ms < 3000; ms += 500 {
		for _, life := range []int{1, 3, 2} {
			changes, err := v.Heartbeat(ready("eu-1", life), at(ms))
			if err != nil {
				t.Fatal(err)
			}
			conflicts = append(conflicts, slices.DeleteFunc(changes, func(c Change) bool { return c.Kind != Conflict })...)
		}
	}
	if len(conflicts) != 1 || conflicts[0].Member.Started != 3 || conflicts[0].Former.Started != 2 {
		t.Errorf("want one conflict of 2 beside 3, have %v", conflicts)
	}
}

// TestRecall: who has never heard of somebody counts it all the same when others do,
// and no longer than they.
func TestRecall(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	v, err := NewView(Config{HeartbeatEvery: time.Second, SuspectAfter: 3 * time.Second, ForgetAfter: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	lost := Member{Name: "eu-1", Region: "eu", Replica: 7, Started: 5, State: StateSuspect}
	if changes := v.Recall(lost, 50*time.Minute, now); len(changes) != 1 || changes[0].Kind != Suspected {
		t.Fatalf("want it suspected, have %v", changes)
	}
	if m, ok := v.Member("eu", "eu-1"); !ok || m.State != StateSuspect || len(v.Serving("eu"))+len(v.Planned("eu")) != 0 {
		t.Errorf("want a suspect on no ring, have %v", m)
	}
	if changes := v.Recall(lost, 0, now); len(changes) != 0 {
		t.Errorf("known already: want no change, have %v", changes)
	}
	for s := time.Duration(0); s <= 11*time.Minute; s += time.Second {
		v.Tick(now.Add(s))
	}
	if _, ok := v.Member("eu", "eu-1"); ok {
		t.Error("silent for more than an hour by now: want it forgotten")
	}
	for what, c := range map[string]struct {
		m      Member
		silent time.Duration
	}{
		"too long ago": {lost, 2 * time.Hour}, "a time ahead": {lost, -1}, "no record": {Member{}, 0},
	} {
		if changes := v.Recall(c.m, c.silent, now); len(changes) != 0 {
			t.Errorf("%s: want no change, have %v", what, changes)
		}
	}
	alive := Member{Name: "eu-2", Region: "eu", Replica: 8, Started: 5, State: StateReady, Beat: 1}
	if _, err := v.Heartbeat(alive, now); err != nil {
		t.Fatal(err)
	}
	v.Leave("eu", "eu-2", 8, now)
	if changes := v.Recall(alive, 0, now); len(changes) != 0 {
		t.Errorf("it has left: want no change, have %v", changes)
	}
}

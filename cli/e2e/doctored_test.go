package e2e

import (
	"maps"
	"strings"
	"testing"
	"time"
)

// Every check is shown a history in which nothing is wrong, and the same with one
// thing changed that it must complain of.

// sound returns a history with one operation of every fate, and what two regions
// show after it.
func sound() (*history, []shown) {
	h := &history{}
	at := time.Duration(0)
	add := func(region string, r record) {
		at += time.Second
		r.Client, r.Via, r.Region, r.Start, r.End = region+"-go-1", viaGo, region, at, at+time.Millisecond
		h.records = append(h.records, r)
	}
	add("eu", record{Verb: incr, Key: "counter:0", N: 2, Outcome: acked})
	add("us", record{Verb: incr, Key: "counter:0", N: 3, Outcome: acked})
	add("us", record{Verb: incr, Key: "counter:0", N: 1, Outcome: unknown})
	add("us", record{Verb: incr, Key: "counter:0", N: 1, Outcome: refused})
	add("eu", record{Verb: once, Key: "once:0", Field: "a", Outcome: acked})
	add("eu", record{Verb: once, Key: "once:0", Field: "b", Outcome: unknown})
	add("eu", record{Verb: once, Key: "once:0", Field: "c", Outcome: refused})
	add("eu", record{Verb: sadd, Key: "set:0", Field: "stays", Outcome: acked})
	add("eu", record{Verb: sadd, Key: "set:0", Field: "goes", Outcome: acked})
	add("eu", record{Verb: srem, Key: "set:0", Field: "goes", Outcome: acked})
	add("eu", record{Verb: sadd, Key: "set:0", Field: "never", Outcome: refused})
	add("us", record{Verb: hset, Key: "hash:0", Field: "stays", Value: "v", Outcome: acked})
	add("us", record{Verb: hset, Key: "hash:0", Field: "either", Value: "v", Outcome: acked})
	add("us", record{Verb: hdel, Key: "hash:0", Field: "either", Outcome: unknown})
	add("us", record{Verb: set, Key: "session:0", Value: "1", Outcome: acked})
	add("eu", record{Verb: get, Key: "session:0", Value: "1", Want: "1", Outcome: acked})
	add("us", record{Verb: set, Key: "session:0", Value: "2", Outcome: acked})
	add("eu", record{Verb: get, Key: "session:0", Want: "2", Outcome: unknown})
	var all []shown
	for _, region := range []string{"eu", "us"} {
		all = append(all, shown{
			place: place{region, viaGo},
			text:  map[string]string{"counter:0": "6", "session:0": "2"},
			fields: map[string]map[string]string{
				"once:0": {"a": "1", "b": "1"},
				"set:0":  {"stays": ""},
				"hash:0": {"stays": "v", "either": "v"},
			},
		})
	}
	return h, all
}

// change does something to a history or to what is shown.
type change func(h *history, all []shown)

// text lets every region show a value, field one of a collection; "" takes it away.
func text(key, value string) change {
	return func(_ *history, all []shown) {
		for _, s := range all {
			put(s.text, key, value)
		}
	}
}

func field(key, name, value string) change {
	return func(_ *history, all []shown) {
		for _, s := range all {
			s.fields[key] = maps.Clone(s.fields[key])
			put(s.fields[key], name, value)
		}
	}
}

func put(m map[string]string, key, value string) {
	if value == "" {
		delete(m, key)
		return
	}
	m[key] = value
}

// member lets every region show a member of a set.
func member(key, name string) change {
	return func(_ *history, all []shown) {
		for _, s := range all {
			s.fields[key][name] = ""
		}
	}
}

// doubted notes a doubt about all of a region's operations.
func doubted(region string, a allowance) change {
	return func(h *history, _ []shown) { h.doubts = append(h.doubts, doubt{region, a, 0, time.Hour}) }
}

// answered lets the read of session:0 that was answered show a value.
func answered(value string) change {
	return func(h *history, _ []shown) {
		for i := range h.records {
			if r := &h.records[i]; r.Verb == get && r.Outcome == acked {
				r.Value = value
			}
		}
	}
}

func outcomeIs(was, now outcome) change {
	return func(h *history, _ []shown) {
		for i := range h.records {
			if h.records[i].Outcome == was {
				h.records[i].Outcome = now
			}
		}
	}
}

func TestChecksComplain(t *testing.T) {
	for name, c := range map[string]struct {
		change change
		want   string // part of a complaint; "" where there must be none
	}{
		"nothing wrong":               {func(*history, []shown) {}, ""},
		"an increment is lost":        {text("counter:0", "4"), "counter:0: want 5 to 6"},
		"a counter is gone":           {text("counter:0", ""), "counter:0: want 5 to 6"},
		"an increment counts twice":   {text("counter:0", "8"), "counter:0: want 5 to 6"},
		"the unknown one is missing":  {text("counter:0", "5"), ""},
		"a counter is no number":      {text("counter:0", "x"), "counter:0"},
		"once is lost":                {field("once:0", "a", ""), "acknowledged and lost"},
		"once is twice":               {field("once:0", "a", "2"), `have "2"`},
		"the unknown once is missing": {field("once:0", "b", ""), ""},
		"the unknown once is twice":   {field("once:0", "b", "2"), `have "2"`},
		"the refused once is there":   {field("once:0", "c", "1"), "refused and there"},
		"a field nobody wrote":        {field("once:0", "x", "1"), "nobody has written"},
		"a member is lost": {func(_ *history, all []shown) {
			for _, s := range all {
				delete(s.fields["set:0"], "stays")
			}
		}, "acknowledged and lost"},
		"a removed member is back":    {member("set:0", "goes"), "removed and back"},
		"a refused member is there":   {member("set:0", "never"), "refused and there"},
		"a member nobody added":       {member("set:0", "x"), "nobody has written"},
		"a hash field is lost":        {field("hash:0", "stays", ""), "acknowledged and lost"},
		"a hash field is another":     {field("hash:0", "stays", "w"), `want "v", have "w"`},
		"perhaps removed, and gone":   {field("hash:0", "either", ""), ""},
		"a session reads nothing":     {answered(""), "session: want"},
		"a session reads old news":    {answered("0"), "session: want"},
		"the last value is an old":    {text("session:0", "1"), "session:0: want one of"},
		"the last value is gone":      {text("session:0", ""), "session:0: want one of"},
		"an error of another kind":    {outcomeIs(unknown, broken), "undocumented error"},
		"a region shows another text": {func(_ *history, all []shown) { all[1].text["counter:0"] = "5" }, "counter:0: {eu go} shows"},
		"a region shows more":         {func(_ *history, all []shown) { all[1].fields["set:0"]["x"] = "" }, "not the same"},
		"lost with a killed node":     {all(doubted("eu", mayBeLost), text("counter:0", "3"), field("once:0", "a", ""), member("set:0", "goes")), ""},
		"lost in another region":      {all(doubted("us", mayBeLost), field("once:0", "a", "")), "acknowledged and lost"},
		"run again by another node":   {all(doubted("eu", mayBeRepeated), text("counter:0", "8"), field("once:0", "a", "2"), member("set:0", "goes")), ""},
		"run again and again":         {all(doubted("eu", mayBeRepeated), field("once:0", "a", "3")), `have "3"`},
	} {
		h, all := sound()
		c.change(h, all)
		have := strings.Join(check(h, all), "\n")
		if (c.want == "") != (have == "") || !strings.Contains(have, c.want) {
			t.Errorf("%s: want a complaint with %q, have %q", name, c.want, have)
		}
	}
}

// all does several changes.
func all(changes ...change) change {
	return func(h *history, all []shown) {
		for _, c := range changes {
			c(h, all)
		}
	}
}

package e2e

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// What must hold of a history and of what the regions show afterwards. Every
// check returns one line for each violation.

// shown is what one region shows by one way when all has been healed.
type shown struct {
	place
	text   map[string]string            // counters and what sessions have set; no entry where there is nothing
	fields map[string]map[string]string // hashes, and sets with empty values
	closed map[string]bool              // keys that cannot be read this way: too large for it
}

// check runs every check.
func check(h *history, all []shown) []string {
	var wrong []string
	wrong = append(wrong, checkErrors(h)...)
	wrong = append(wrong, checkSessions(h)...)
	wrong = append(wrong, checkSame(all)...)
	if len(all) > 0 {
		// All are the same, so one speaks for all.
		wrong = append(wrong, checkCounters(h, all[0])...)
		wrong = append(wrong, checkOnce(h, all[0])...)
		wrong = append(wrong, checkFields(h, all[0])...)
		wrong = append(wrong, checkLast(h, all[0])...)
	}
	return wrong
}

// certain reports whether a write was acknowledged and cannot have been lost.
func (h *history) certain(r record) bool { return r.Outcome == acked && !h.allows(mayBeLost, r) }

// checkErrors wants every error to be one that the documents name.
func checkErrors(h *history) []string {
	var wrong []string
	for _, r := range h.records {
		if r.Outcome == broken {
			wrong = append(wrong, fmt.Sprintf("undocumented error: %s", r))
		}
	}
	return wrong
}

// checkSessions wants every read in a session to show what the session has written
// before: the key is written by this session alone, one value after the other.
func checkSessions(h *history) []string {
	var wrong []string
	for _, r := range h.records {
		if r.Verb == get && r.Outcome == acked && r.Value != r.Want {
			wrong = append(wrong, fmt.Sprintf("session: want %q, have %q: %s", r.Want, r.Value, r))
		}
	}
	return wrong
}

// checkSame wants every region to show the same, by every way.
func checkSame(all []shown) []string {
	var wrong []string
	for _, s := range all[min(1, len(all)):] {
		first := all[0]
		for key := range merged(first.text, s.text) {
			if first.text[key] != s.text[key] && !first.closed[key] && !s.closed[key] {
				wrong = append(wrong, fmt.Sprintf("%s: %v shows %q, %v shows %q", key, first.place, first.text[key], s.place, s.text[key]))
			}
		}
		for key := range merged(first.fields, s.fields) {
			if !maps.Equal(first.fields[key], s.fields[key]) {
				wrong = append(wrong, fmt.Sprintf("%s: %v shows %d fields or members, %v shows %d, not the same",
					key, first.place, len(first.fields[key]), s.place, len(s.fields[key])))
			}
		}
	}
	return wrong
}

// merged returns the keys of two maps, each once.
func merged[V any](a, b map[string]V) map[string]bool {
	keys := map[string]bool{}
	for k := range a {
		keys[k] = true
	}
	for k := range b {
		keys[k] = true
	}
	return keys
}

// checkCounters wants every counter to be at least what was acknowledged and at
// most that and what may have happened.
func checkCounters(h *history, s shown) []string {
	least, most := map[string]int64{}, map[string]int64{}
	for _, r := range h.records {
		if r.Verb != incr {
			continue
		}
		least[r.Key], most[r.Key] = least[r.Key], most[r.Key]
		if h.certain(r) {
			least[r.Key] += r.N
		}
		if r.Outcome != refused {
			most[r.Key] += r.N
		}
		if h.allows(mayBeRepeated, r) {
			most[r.Key] += r.N
		}
	}
	var wrong []string
	for _, key := range slices.Sorted(maps.Keys(most)) {
		have, err := strconv.ParseInt("0"+s.text[key], 10, 64)
		if err != nil || have < least[key] || have > most[key] {
			wrong = append(wrong, fmt.Sprintf("%s: want %d to %d, have %q", key, least[key], most[key], s.text[key]))
		}
	}
	return wrong
}

// checkOnce wants every field of the once hashes to be 1 when its increment was
// acknowledged, 1 or absent when it may have happened, and no other field.
func checkOnce(h *history, s shown) []string {
	wrong, made := []string{}, map[item]bool{}
	for _, r := range h.records {
		if r.Verb != once {
			continue
		}
		made[item{r.Key, r.Field}] = true
		have, there := s.fields[r.Key][r.Field]
		switch {
		case there && have != "1" && !(have == "2" && h.allows(mayBeRepeated, r)):
			wrong = append(wrong, fmt.Sprintf("incremented once, have %q: %s", have, r))
		case there && r.Outcome == refused:
			wrong = append(wrong, fmt.Sprintf("refused and there: %s", r))
		case !there && h.certain(r):
			wrong = append(wrong, fmt.Sprintf("acknowledged and lost: %s", r))
		}
	}
	return append(wrong, phantoms(s, made, once)...)
}

// prefixes are how the keys of the collections begin that a verb writes.
var prefixes = map[verb]string{once: "once:", sadd: "set:", hset: "hash:"}

// phantoms returns what is shown and was never written.
func phantoms(s shown, made map[item]bool, v verb) []string {
	var wrong []string
	for key, fields := range s.fields {
		if len(key) < len(prefixes[v]) || key[:len(prefixes[v])] != prefixes[v] {
			continue
		}
		for field := range fields {
			if !made[item{key, field}] {
				wrong = append(wrong, fmt.Sprintf("%s: nobody has written %q", key, field))
			}
		}
	}
	slices.Sort(wrong)
	return wrong
}

// fate is what became of one member or field by the history.
type fate struct{ added, removed *record }

// checkFields wants sets and hashes to hold exactly what was added and not
// removed. What was added or removed with an unknown outcome may be there or not.
func checkFields(h *history, s shown) []string {
	fates, made := map[item]*fate{}, map[verb]map[item]bool{sadd: {}, hset: {}}
	for i := range h.records {
		r := &h.records[i]
		id := item{r.Key, r.Field}
		switch r.Verb {
		case sadd, hset:
			fates[id] = &fate{added: r}
			made[r.Verb][id] = true
		case srem, hdel:
			fates[id].removed = r // It was added before: see worker.
		}
	}
	var wrong []string
	for id, f := range fates {
		if complaint := f.judge(h, s, id); complaint != "" {
			wrong = append(wrong, complaint)
		}
	}
	slices.Sort(wrong)
	wrong = append(wrong, phantoms(s, made[sadd], sadd)...)
	return append(wrong, phantoms(s, made[hset], hset)...)
}

// judge says what is wrong with a member or field, "" if nothing is.
func (f *fate) judge(h *history, s shown, id item) string {
	have, there := s.fields[id.key][id.field]
	mayBeThere := f.added.Outcome != refused
	mustBeThere := h.certain(*f.added)
	if f.removed != nil {
		mayBeThere = mayBeThere && (!h.certain(*f.removed) || h.allows(mayBeRepeated, *f.added))
		mustBeThere = mustBeThere && f.removed.Outcome == refused
	}
	switch {
	case there && !mayBeThere && f.removed != nil:
		return fmt.Sprintf("removed and back: added by %s, removed by %s", f.added, f.removed)
	case there && !mayBeThere:
		return fmt.Sprintf("refused and there: %s", f.added)
	case !there && mustBeThere:
		return fmt.Sprintf("acknowledged and lost: %s", f.added)
	case there && have != f.added.Value:
		return fmt.Sprintf("want %q, have %q: %s", f.added.Value, have, f.added)
	}
	return ""
}

// checkLast wants every key that a session has set to show the value that was
// acknowledged last, or that of one later set whose outcome is unknown.
func checkLast(h *history, s shown) []string {
	type last struct {
		certain bool
		allowed []string
		by      record
	}
	lasts := map[string]*last{}
	for _, r := range h.records {
		if r.Verb != set {
			continue
		}
		l := lasts[r.Key]
		if l == nil {
			l = &last{}
			lasts[r.Key] = l
		}
		switch {
		case h.certain(r):
			l.certain, l.allowed, l.by = true, []string{r.Value}, r
		case r.Outcome != refused:
			l.allowed = append(l.allowed, r.Value)
		}
	}
	var wrong []string
	for _, key := range slices.Sorted(maps.Keys(lasts)) {
		l := lasts[key]
		have, there := s.text[key]
		if there && !slices.Contains(l.allowed, have) || !there && l.certain {
			wrong = append(wrong, fmt.Sprintf("%s: want one of %q, have %q: last acknowledged by %s", key, l.allowed, have, l.by))
		}
	}
	return wrong
}

// lostInCrash returns how many members and fields are not there that a region had
// acknowledged just before one of its nodes was killed. The README allows it.
func lostInCrash(h *history, s shown) int {
	lost, removed := 0, map[item]bool{}
	for _, r := range h.records {
		if r.Verb == srem || r.Verb == hdel {
			removed[item{r.Key, r.Field}] = true
		}
	}
	for _, r := range h.records {
		switch r.Verb {
		case once, sadd, hset:
			_, there := s.fields[r.Key][r.Field]
			if r.Outcome == acked && !there && !removed[item{r.Key, r.Field}] {
				lost++
			}
		}
	}
	return lost
}

// digest returns a text as histories keep it: a long one as its length and hash.
func digest(s string) string {
	if len(s) <= 64 {
		return s
	}
	return fmt.Sprintf("%d bytes, %x", len(s), sha256.Sum256([]byte(s)))[:48]
}

// String describes a record for people.
func (r record) String() string {
	text := fmt.Sprintf("%s %s %s %s%s in %s at %v to %v: %s", r.Client, r.Verb, r.Key, r.Field, r.Value, r.Region,
		r.Start.Round(time.Millisecond), r.End.Round(time.Millisecond), r.Outcome)
	if r.Err != "" {
		text += " (" + r.Err + ")"
	}
	return text
}

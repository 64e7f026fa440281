package crdttest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/atollcache/atoll/crdt"
)

// verbNames are the verbs as scripts write them.
var verbNames = [numVerbs]string{
	Set: "set", Del: "del", Incr: "incr", IncrFloat: "incrfloat", Expire: "expire", Persist: "persist",
	Invalidate: "invalidate", HSet: "hset", HDel: "hdel", HIncr: "hincr", HIncrFloat: "hincrfloat",
	SAdd: "sadd", SRem: "srem", ZAdd: "zadd", ZIncr: "zincr", ZRem: "zrem",
	LPush: "lpush", RPush: "rpush", LPop: "lpop", RPop: "rpop", LBefore: "lbefore", LAfter: "lafter",
	LSet: "lset", LRem: "lrem", LTrim: "ltrim", LRotate: "lrotate", PFAdd: "pfadd",
	HExpire: "hexpire", HPersist: "hpersist", Miss: "miss", Fill: "fill",
}

// actionNames are the other actions as scripts write them.
var actionNames = map[action]string{
	pullDelta: "pull", catchUp: "catchup", mergeState: "merge", saveState: "save",
	loadState: "load", passTime: "pass", setSkew: "skew",
	collectStable: "collect", leave: "leave", comeBack: "return", retireOver: "retire", beginAnew: "anew", expectValue: "want",
	storeChanges: "store", releaseKey: "release", crash: "crash", reopen: "reopen", sumUp: "digest",
	announceFills: "fills", evictKey: "evict", restoreKey: "restore", repairKey: "repair",
}

// String returns the step as a line of a script.
func (s step) String() string {
	at := fmt.Sprintf("r%d ", s.at+1)
	if s.action == doCommand {
		var commands []string
		for _, c := range s.commands {
			commands = append(commands, c.String())
		}
		return at + strings.Join(commands, " + ")
	}
	name := actionNames[s.action]
	switch s.action {
	case pullDelta:
		return fmt.Sprintf("%s%s r%d %d %d", at, name, s.other+1, s.offset, s.count)
	case catchUp, mergeState:
		return fmt.Sprintf("%s%s r%d", at, name, s.other+1)
	case saveState, collectStable, leave, comeBack, retireOver, beginAnew, reopen, announceFills:
		return at + name
	case storeChanges:
		return fmt.Sprintf("%s%s %v", at, name, outcome(s.count))
	case restoreKey, repairKey:
		return fmt.Sprintf("%s%s %s r%d", at, name, s.key, s.other+1)
	case releaseKey, evictKey:
		return fmt.Sprintf("%s%s %s", at, name, s.key)
	case crash:
		return fmt.Sprintf("%s%s %d", at, name, s.other)
	case sumUp:
		return fmt.Sprintf("%s%s %d", at, name, s.offset)
	case loadState:
		return fmt.Sprintf("%s%s %d", at, name, s.other)
	case passTime:
		return fmt.Sprintf("%s %d", name, s.millis)
	case setSkew:
		return fmt.Sprintf("%s%s %d", at, name, s.millis)
	default:
		return fmt.Sprintf("%s%s %s %s", at, name, s.key, s.expect)
	}
}

// String returns the command as a script writes it. Times count from the
// history's beginning.
func (c Command) String() string {
	words := []string{verbNames[c.Verb], c.Key}
	if c.Field != "" {
		words = append(words, c.Field)
	}
	switch {
	case c.Verb == Set || c.Verb == HSet || c.Verb == Fill:
		words = append(words, c.Value)
	case c.Verb.isIncrement() || c.Verb == ZAdd:
		words = append(words, crdt.FormatFloat(c.Amount))
	case c.Verb.counts():
		words = append(words, strconv.Itoa(int(c.Amount)))
	}
	if c.Verb.takesElements() {
		words = append(words, c.Value)
	}
	if c.Verb == Expire || c.Verb == HExpire || (c.Verb == Set || c.Verb == HSet || c.Verb == Fill) && c.At != crdt.Never {
		words = append(words, "at", strconv.FormatInt(c.At-epoch, 10))
	}
	return strings.Join(words, " ")
}

// String returns the value as a script's want line writes it.
func (v Value) String() string {
	words := []string{v.Kind.String()}
	switch v.Kind {
	case crdt.KindString:
		words = append(words, v.Text)
	case crdt.KindHash:
		for _, f := range slices.Sorted(maps.Keys(v.Fields)) {
			words = append(words, f+"="+v.Fields[f])
			if at, ok := v.FieldsUntil[f]; ok {
				words[len(words)-1] += "@" + strconv.FormatInt(at-epoch, 10)
			}
		}
	case crdt.KindSet:
		words = append(words, slices.Sorted(maps.Keys(v.Members))...)
	case crdt.KindZSet:
		for _, f := range slices.Sorted(maps.Keys(v.Scores)) {
			words = append(words, f+"="+crdt.FormatFloat(v.Scores[f]))
		}
	case crdt.KindList:
		words = append(words, v.Elements...)
	case crdt.KindHLL:
		for _, register := range slices.Sorted(maps.Keys(v.Registers)) {
			words = append(words, register+"="+strconv.Itoa(v.Registers[register]))
		}
	}
	if v.ExpireAt != crdt.Never {
		words = append(words, "until", strconv.FormatInt(v.ExpireAt-epoch, 10))
	}
	return strings.Join(words, " ")
}

// String returns the reply for failure messages.
func (r Reply) String() string { return fmt.Sprintf("{%v %q %v}", r.OK, r.Text, r.Err) }

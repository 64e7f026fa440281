package simtest

import (
	"fmt"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/crdttest"
)

// action is what a step does.
type action uint8

const (
	doWrite  action = iota // run a command, count times
	doFlush                // broadcast what is queued
	doWait                 // nothing but let time pass
	doCut                  // stop the link from at to other
	doMend                 // restart it
	doPause                // stop taking from the region of other
	doResume               // take from it again
	doCrash                // lose all memory and return as somebody else
	doSkew                 // set the clock wrong
	doAbsurd               // receive something that no engine sends
	doAudit                // compare the state with the writes that make it
	doFreeze               // stop and do nothing
	doThaw                 // go on
	doEvict                // forget the values of a key
	doWant                 // ask other for what was evicted
	doMiss                 // find a key missing and begin to load its value
	doFill                 // come back with the value, having asked other
	numActions
)

var actionNames = [numActions]string{
	"write", "flush", "wait", "cut", "mend", "pause", "resume", "crash", "skew", "absurd", "audit", "freeze", "thaw", "evict", "want",
	"miss", "fill",
}

// step is one step of a history. It names things relative to what there is, so
// that it still means something when the steps before it are left out.
type step struct {
	action  action
	after   time.Duration // passes first
	at      int           // the replica
	other   int           // the other replica; for absurd messages, which one
	command crdttest.Command
	request uint64
	count   int
	by      time.Duration // skew
}

// String returns one line for a history.
func (s step) String() string {
	line := fmt.Sprintf("+%-5v %d %s", s.after, s.at, actionNames[s.action])
	switch s.action {
	case doWrite:
		line += fmt.Sprintf(" %d× %s", s.count, commandString(s.command))
		if s.request != 0 {
			line += fmt.Sprintf(" request=%d", s.request)
		}
	case doEvict, doMiss:
		line += " " + s.command.Key
	case doFill:
		line += fmt.Sprintf(" %s missed at %d", commandString(s.command), s.other)
	case doWant, doCut, doMend, doPause, doResume, doAbsurd:
		line += fmt.Sprintf(" %d", s.other)
	case doSkew:
		line += fmt.Sprintf(" %v", s.by)
	}
	return line
}

var verbNames = map[crdttest.Verb]string{
	crdttest.Set: "SET", crdttest.Fill: "FILL", crdttest.Del: "DEL", crdttest.Incr: "INCR", crdttest.IncrFloat: "INCRBYFLOAT",
	crdttest.Expire: "EXPIRE", crdttest.Persist: "PERSIST", crdttest.Invalidate: "INVALIDATE",
	crdttest.HSet: "HSET", crdttest.HDel: "HDEL", crdttest.HIncr: "HINCRBY", crdttest.HIncrFloat: "HINCRBYFLOAT",
	crdttest.SAdd: "SADD", crdttest.SRem: "SREM",
	crdttest.PFAdd: "PFADD", crdttest.ZAdd: "ZADD", crdttest.ZIncr: "ZINCRBY", crdttest.ZRem: "ZREM",
}

func commandString(c crdttest.Command) string {
	s := fmt.Sprintf("%s %s %s", verbNames[c.Verb], c.Key, c.Field)
	if c.Value != "" {
		s += fmt.Sprintf(" %.8q(%d)", c.Value, len(c.Value))
	}
	if c.Amount != 0 {
		s += fmt.Sprintf(" %v", c.Amount)
	}
	if c.At != crdt.Never && c.At != 0 {
		s += fmt.Sprintf(" at=+%dms", c.At-epoch.UnixMilli())
	}
	return s
}

package nodetest

import (
	"fmt"
	"strings"
	"time"
)

// action is what a step does.
type action uint8

const (
	doCommand  action = iota // a client runs a command
	doWait                   // nothing but let time pass
	doStart                  // start a node where there is none
	doLeave                  // let a node leave
	doRestart                // let a node leave and start it again
	doOutlive                // a node is told that it has missed too much
	doCrash                  // a node loses its memory; it is started again after a while, or not
	doFreeze                 // a node stands still for a while
	doCut                    // the link from one place to another carries nothing for a while
	doIsolate                // a region and the others hear nothing of each other for a while
	doJump                   // a clock is wrong for a while
	doSlow                   // a node takes its messages slowly for a while
	doPause                  // an operator stops replication from one region to another for a while
	doDesert                 // all nodes of a region leave
	doSettle                 // all places of a region get a node
	doAudit                  // compare a node's state with the writes that make it
	doPower                  // all nodes of a region, or all there are, crash at once and are started again
	doKill                   // let a node leave, kill it when it has to finish what it has on its disk, and start it again
	doDamage                 // a partition on a node's disk cannot be read any more
	doSlowDisk               // a node's disk is slow for a while
	doDestroy                // a disk that no node uses is no more
	numActions
)

var actionNames = [numActions]string{
	"command", "wait", "start", "leave", "restart", "outlive", "crash", "freeze", "cut", "isolate", "jump", "slow", "pause",
	"desert", "settle", "audit", "power", "kill", "damage", "slow disk", "destroy",
}

// way says how a client reaches nodes.
type way uint8

const (
	anyNode  way = iota // any node of the region, which may pass the command on
	byOwner             // the node that offers to answer for the key
	embedded            // as the program that the node is part of
	numWays
)

// step is one step of a history. It names things relative to what there is, so
// that it still means something when the steps before it are left out. What a
// step breaks heals by itself after a while.
type step struct {
	action action
	after  time.Duration // passes first
	at     int           // the place; for commands which of the region's nodes
	other  int           // the other place
	lasts  time.Duration
	by     time.Duration // of a clock
	call   clientStep
}

// clientStep is what a client does.
type clientStep struct {
	region  string
	session int // zero for none
	way     way
	count   int // so many times in a row
	args    []string
	request uint64 // of a command that must not run twice
	token   int    // FILL: which of those that were given for the key that Args name, from the last one back
	asked   int    // MISS: how often the client has been told to wait
}

// String returns one line for a history.
func (s step) String() string {
	line := fmt.Sprintf("+%-6v %s", s.after, actionNames[s.action])
	switch s.action {
	case doCommand:
		c := s.call
		return line + fmt.Sprintf(" %s/%d way=%d session=%d request=%d %d× %.60s", c.region, s.at, c.way, c.session, c.request, c.count, strings.Join(c.args, " "))
	case doWait:
		return line
	case doCut, doPause:
		return line + fmt.Sprintf(" %d→%d for %v", s.at, s.other, s.lasts)
	case doJump:
		return line + fmt.Sprintf(" %d by %v for %v", s.at, s.by, s.lasts)
	case doPower, doDamage, doKill:
		return line + fmt.Sprintf(" %d (%d) for %v", s.at, s.other, s.lasts)
	case doCrash, doRestart, doFreeze, doIsolate, doSlow, doSlowDisk:
		return line + fmt.Sprintf(" %d for %v", s.at, s.lasts)
	}
	return line + fmt.Sprintf(" %d", s.at)
}

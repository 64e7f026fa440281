package node

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"time"

	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// askTimeout bounds the wait for one node's answer to an internal command.
const askTimeout = 2 * time.Second

// clusterCommand returns what runs a command that looks at more than one key of
// one node, nil for any other. Such commands run at the node that they reach.
func clusterCommand(verb string) func(*life, context.Context, wire.Command) wire.Reply {
	switch verb {
	case "PING":
		return (*life).ping
	case "SCAN":
		return (*life).scan
	case "KEYS":
		return (*life).keys
	case "RANDOMKEY":
		return (*life).randomKey
	case "DBSIZE":
		return (*life).size
	case "FLUSHALL", "FLUSHDB":
		return (*life).flush
	case "INSPECT":
		return (*life).inspect
	case "RING":
		return (*life).ring
	case "REGIONS":
		return (*life).regions
	case "NODES":
		return (*life).nodes
	case "LINK":
		return (*life).linkCommand
	case "VERIFY":
		return (*life).verify
	case "MEMBERS":
		return (*life).members
	}
	return nil
}

// internalCommand returns what runs a command that nodes ask of each other, nil
// when there is none of that name. Their names begin with "_"; no front door takes
// them.
func internalCommand(verb string) func(*life, []string) (wire.Reply, error) {
	switch verb {
	case "_DIGESTS":
		return (*life).answerDigests
	case "_SYMBOLS":
		return (*life).answerSymbols
	case "_NAMES":
		return (*life).answerNames
	case "_SHOWN":
		return (*life).answerShown
	case "_SCAN":
		return (*life).answerScan
	case "_EVICTED":
		return (*life).answerEvicted
	case "_COUNT":
		return (*life).answerCount
	case "_INSPECT":
		return (*life).answerInspect
	case "_NODE":
		return (*life).answerNode
	case "_LINKS":
		return (*life).answerLinks
	case core.VerbSeen:
		return (*life).answerSeen
	case core.VerbAwait:
		return (*life).answerAwait
	case core.VerbMoves:
		return (*life).answerMoves
	case "_STATE":
		return (*life).answerState
	case "_UNIT":
		return (*life).answerUnit
	case "_REACHED":
		return (*life).answerReached
	case "_OBSERVE":
		return (*life).answerObserve
	case "_BACKUP":
		return (*life).answerBackup
	case "_RESTORE":
		return (*life).answerRestore
	case "_CHANGES":
		return (*life).answerChanges
	}
	return nil
}

func (l *life) runInternal(cmd wire.Command) wire.Reply {
	run := internalCommand(cmd.Args[0])
	if run == nil {
		return wire.Fail(&wire.Error{Code: wire.CodeBadRequest, Text: "ERR unknown internal command " + strconv.Quote(cmd.Args[0])})
	}
	reply, err := run(l, cmd.Args[1:])
	if err != nil {
		return wire.Fail(err)
	}
	return reply
}

func (l *life) ping(_ context.Context, cmd wire.Command) wire.Reply {
	if len(cmd.Args) > 1 {
		return wire.String(cmd.Args[1])
	}
	return wire.String("PONG")
}

// members answers with the members that the region's ring is made of.
func (l *life) members(context.Context, wire.Command) wire.Reply {
	var serving []region.Member
	for _, m := range l.core.Place().Members() {
		if m.Region == l.cfg.Region && (m.State == region.StateReady || m.State == region.StateLeaving) {
			serving = append(serving, m)
		}
	}
	return wire.String(string(region.AppendMembers(nil, serving)))
}

// jsonReply returns a value as a reply of JSON text.
func jsonReply(v any) wire.Reply {
	b, err := json.Marshal(v)
	if err != nil {
		return wire.Fail(err)
	}
	return wire.String(string(b))
}

// answer is one member's answer to an internal command.
type answer struct {
	member region.Member
	reply  wire.Reply
}

// maxAsked bounds the nodes that are asked at the same time.
const maxAsked = 32

// askAll sends an internal command to members and returns their answers in the
// same order, within a time.
func (l *life) askAll(ctx context.Context, members []region.Member, within time.Duration, args ...string) []answer {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	out := make([]answer, len(members))
	slots := make(chan struct{}, maxAsked)
	var wg sync.WaitGroup
	for i, m := range members {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			out[i] = answer{m, l.askNode(ctx, m.Replica, args...)}
		})
	}
	wg.Wait()
	return out
}

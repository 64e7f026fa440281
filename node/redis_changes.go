package node

import (
	"context"
	"strconv"
	"strings"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/resp"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// Changes travel between nodes as arguments, four for each: the partition, flags,
// the key, and the events with commas.
const changeFields = 4

// The flags of a change.
const (
	flagAway       = "a"
	flagAll        = "p"
	flagEverywhere = "e"
)

// send gives changes to another node that observes them.
func (n *Node) send(ctx context.Context, to crdt.ReplicaID, changes []resp.Change) error {
	args := make([]string, 0, 1+changeFields*len(changes))
	args = append(args, "_CHANGES")
	for _, c := range changes {
		flags := ""
		for _, f := range []struct {
			is   bool
			flag string
		}{{c.Away, flagAway}, {c.All, flagAll}, {c.Everywhere, flagEverywhere}} {
			if f.is {
				flags += f.flag
			}
		}
		args = append(args, strconv.Itoa(int(c.Partition)), flags, c.Key, strings.Join(c.Events, ","))
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if reply := n.life.Load().askNode(ctx, to, args...); reply.Type == wire.TypeError {
		return reply.Err
	}
	return nil
}

// answerChanges takes in what another node tells of changes.
func (l *life) answerChanges(args []string) (wire.Reply, error) {
	if len(args)%changeFields != 0 {
		return wire.Reply{}, errAnswer
	}
	var changes []resp.Change
	for ; len(args) > 0; args = args[changeFields:] {
		p, err := strconv.ParseUint(args[0], 10, 16)
		if err != nil {
			return wire.Reply{}, errAnswer
		}
		c := resp.Change{
			Partition: region.Partition(p), Key: args[2], Away: strings.Contains(args[1], flagAway),
			All: strings.Contains(args[1], flagAll), Everywhere: strings.Contains(args[1], flagEverywhere),
		}
		if args[3] != "" {
			c.Events = strings.Split(args[3], ",")
		}
		changes = append(changes, c)
	}
	f := l.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range f.mu.observers {
		o.add(changes...)
	}
	return wire.OK, nil
}

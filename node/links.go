package node

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// linkCommand lists, pauses or resumes links between regions.
func (n *Node) linkCommand(ctx context.Context, cmd wire.Command) wire.Reply {
	args, err := command.ParseLink(cmd)
	if err != nil {
		return wire.Fail(err)
	}
	if args.Action == command.LinkList {
		return jsonReply(n.linkInfos())
	}
	return n.decideLinks(ctx, args.From, args.To, args.Action == command.LinkPause)
}

// decideLinks pauses or resumes the links between two regions, an empty name
// meaning every region, and returns when the nodes that answer know of it.
func (n *Node) decideLinks(ctx context.Context, from, to string, pause bool) wire.Reply {
	regions := n.regionNames()
	for _, r := range []string{from, to} {
		if r != "" && !slices.Contains(regions, r) {
			return wire.Fail(&wire.Error{Code: wire.CodeBadRequest, Text: fmt.Sprintf(
				"ERR region %q is not known: the cluster has %s", r, strings.Join(regions, ", "))})
		}
	}
	if from != "" && from == to {
		return wire.Fail(&wire.Error{Code: wire.CodeBadRequest, Text: fmt.Sprintf(
			"ERR a link from %q to itself: name two regions", from)})
	}
	n.mu.Lock()
	n.mu.lclock.Observe(n.mu.links.Highest())
	var err error
	for _, f := range regions {
		for _, t := range regions {
			if f == t || (from != "" && from != f) || (to != "" && to != t) {
				continue
			}
			v := crdt.Version{Stamp: n.mu.lclock.Next(n.clock.now().UnixMilli()), Replica: n.self}
			decide := n.mu.links.Resume
			if pause {
				decide = n.mu.links.Pause
			}
			if _, _, failed := decide(region.Link{From: f, To: t}, v); failed != nil {
				err = failed
			}
		}
	}
	states := n.mu.links.List()
	n.mu.Unlock()
	if err != nil {
		return wire.Fail(&wire.Error{Code: wire.CodeBadRequest, Text: "ERR " + err.Error()})
	}
	n.obeyLinks()
	n.greet()
	n.askAll(ctx, n.alive(), askTimeout, "_LINKS", string(region.AppendLinks(nil, states)))
	return jsonReply(n.linkInfos())
}

// regionNames returns the regions that have members, in order.
func (n *Node) regionNames() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.mu.view.Regions()
}

// alive returns the members that are not silent, of all regions.
func (n *Node) alive() []region.Member {
	var out []region.Member
	for _, m := range n.place.Load().members {
		if m.State != region.StateSuspect {
			out = append(out, m)
		}
	}
	return out
}

func (n *Node) linkInfos() []wire.LinkInfo {
	regions := n.regionNames()
	n.mu.Lock()
	defer n.mu.Unlock()
	out := []wire.LinkInfo{}
	for _, f := range regions {
		for _, t := range regions {
			if f == t {
				continue
			}
			info := wire.LinkInfo{From: f, To: t}
			if s, ok := n.mu.links.State(region.Link{From: f, To: t}); ok && s.Paused {
				since := s.Since()
				info.Paused, info.Since = true, &since
			}
			out = append(out, info)
		}
	}
	return out
}

// answerLinks takes in what another node decided about links.
func (n *Node) answerLinks(args []string) (wire.Reply, error) {
	if len(args) != 1 {
		return wire.Reply{}, command.ErrSyntax
	}
	states, err := readLinks(args[0])
	if err != nil {
		return wire.Reply{}, err
	}
	n.mu.Lock()
	for _, s := range states {
		n.mu.links.Apply(s)
	}
	n.mu.Unlock()
	n.obeyLinks()
	return wire.OK, nil
}

// obeyLinks tells the engines which regions' writes to take.
func (n *Node) obeyLinks() {
	n.mu.Lock()
	before := n.paused.Load()
	// The links say it, not the regions that are known: of one that has not been
	// heard of yet nothing is to be taken either.
	var regions []string
	for _, l := range n.mu.links.List() {
		if l.Paused && l.To == n.cfg.Region {
			regions = append(regions, l.From)
		}
	}
	now := &pausedLinks{version: before.version + 1, regions: regions}
	same := slices.Equal(before.regions, now.regions)
	if !same {
		n.paused.Store(now)
	}
	n.mu.Unlock()
	if same {
		return
	}
	for _, s := range n.held() {
		s.obey(now)
	}
	for _, r := range without(now.regions, before.regions) {
		n.cfg.Log.Info("link paused", "from", r, "to", n.cfg.Region)
	}
	resumed := without(before.regions, now.regions)
	for _, r := range resumed {
		n.cfg.Log.Info("link resumed", "from", r, "to", n.cfg.Region)
	}
	if len(resumed) > 0 {
		n.announceHeads()
	}
}

// pausedLinks are the regions whose writes the node does not take. It is
// immutable. Of two the one with the higher version was decided later, whatever
// reaches a shard first.
type pausedLinks struct {
	version uint64
	regions []string // sorted
}

func (l *pausedLinks) has(r string) bool { return slices.Contains(l.regions, r) }

// without returns what is in a and not in b.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

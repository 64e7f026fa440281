package node

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atollcache/atoll/crdt/pack"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// linkCommand lists, pauses or resumes links between regions.
func (l *life) linkCommand(ctx context.Context, cmd wire.Command) wire.Reply {
	args, err := command.ParseLink(cmd)
	if err != nil {
		return wire.Fail(err)
	}
	if args.Action == command.LinkList {
		return jsonReply(l.linkInfos())
	}
	return l.decideLinks(ctx, args.From, args.To, args.Action == command.LinkPause)
}

// decideLinks pauses or resumes the links between two regions, an empty name
// meaning every region, and returns when the nodes that answer know of it.
func (l *life) decideLinks(ctx context.Context, from, to string, pause bool) wire.Reply {
	regions := l.core.Place().Regions()
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
	var links []region.Link
	for _, f := range regions {
		for _, t := range regions {
			if f != t && (from == "" || from == f) && (to == "" || to == t) {
				links = append(links, region.Link{From: f, To: t})
			}
		}
	}
	states, err := l.core.Decide(links, pause)
	if err != nil {
		return wire.Fail(&wire.Error{Code: wire.CodeBadRequest, Text: "ERR " + err.Error()})
	}
	l.askAll(ctx, l.alive(), askTimeout, "_LINKS", string(region.AppendLinks(nil, states)))
	return jsonReply(l.linkInfos())
}

// alive returns the members that are not silent, of all regions.
func (l *life) alive() []region.Member {
	var out []region.Member
	for _, m := range l.core.Place().Members() {
		if m.State != region.StateSuspect {
			out = append(out, m)
		}
	}
	return out
}

func (l *life) linkInfos() []wire.LinkInfo {
	regions := l.core.Place().Regions()
	out := []wire.LinkInfo{}
	for _, f := range regions {
		for _, t := range regions {
			if f == t {
				continue
			}
			info := wire.LinkInfo{From: f, To: t}
			if s, ok := l.core.Link(region.Link{From: f, To: t}); ok && s.Paused {
				since := s.Since()
				info.Paused, info.Since = true, &since
			}
			out = append(out, info)
		}
	}
	return out
}

// answerLinks takes in what another node decided about links.
func (l *life) answerLinks(args []string) (wire.Reply, error) {
	if len(args) != 1 {
		return wire.Reply{}, command.ErrSyntax
	}
	states, err := readLinks(args[0])
	if err != nil {
		return wire.Reply{}, err
	}
	l.core.Apply(states)
	return wire.OK, nil
}

// readLinks reads what region.AppendLinks wrote.
func readLinks(s string) ([]region.LinkState, error) {
	r := pack.NewReader([]byte(s))
	states := region.ReadLinks(r)
	return states, r.Done()
}

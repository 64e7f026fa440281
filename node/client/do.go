package client

import (
	"context"
	"slices"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// doer is the command.Doer under a client's API.
type doer struct{ c *Client }

// Do implements command.Doer.
func (d doer) Do(ctx context.Context, cmds ...wire.Command) []wire.Reply { return d.c.do(ctx, cmds) }

// do runs commands and returns a reply for each.
func (c *Client) do(ctx context.Context, cmds []wire.Command) []wire.Reply {
	if i := slices.IndexFunc(cmds, c.spans); i >= 0 && len(cmds) > 1 {
		// What comes before it is done when it begins, what follows when it is done.
		return slices.Concat(c.do(ctx, cmds[:i]), c.do(ctx, cmds[i:i+1]), c.do(ctx, cmds[i+1:]))
	}
	out := make([]wire.Reply, len(cmds))
	var p plan
	for i, cmd := range cmds {
		cmd = command.Wrap(cmd, c.cfg.Partitions)
		if err := command.Check(cmd, c.cfg.Limits); err != nil {
			out[i] = wire.Fail(err)
			continue
		}
		parts, join, split := command.Split(cmd, c.cfg.Partitions)
		if !split {
			p.add(c.cfg, cmd, func(r wire.Reply) { out[i] = r })
			continue
		}
		replies := make([]wire.Reply, len(parts))
		for j, part := range parts {
			p.add(c.cfg, part, func(r wire.Reply) { replies[j] = r })
		}
		p.finally = append(p.finally, func() { out[i] = join(replies) })
	}
	c.run(ctx, p.lines)
	for _, f := range p.finally {
		f()
	}
	return out
}

// spans reports whether a command has keys in several partitions that depend on
// each other.
func (c *Client) spans(cmd wire.Command) bool {
	spec, err := command.Find(command.Wrap(cmd, c.cfg.Partitions))
	return err == nil && spec.Together
}

// plan sorts the commands of one call into lines.
type plan struct {
	lines   []*line
	of      map[region.Partition]*line
	finally []func() // run when all replies are there
}

// line is a sequence of commands that must keep their order, those on one
// partition. It travels in one message, or one message after the other.
type line struct {
	units []*unit
	sinks [][]func(wire.Reply) // where each unit's replies go
}

// add puts a command into the line of its partition. A command that looks at the
// cluster, or at keys in several partitions, is a line of its own: any node
// answers, and may take its time.
func (p *plan) add(cfg Config, cmd wire.Command, sink func(wire.Reply)) {
	spec, _ := command.Find(cmd) // It has been checked.
	if spec.Keys == command.KeysNone || spec.Together || spec.Name == "INSPECT" {
		u := &unit{alone: true, prompt: spec.Prompt, stage: stageAny}
		u.add(cmd)
		p.lines = append(p.lines, &line{units: []*unit{u}, sinks: [][]func(wire.Reply){{sink}}})
		return
	}
	partition := cfg.Partitions.Of(cmd.Key())
	l := p.of[partition]
	if l == nil {
		if p.of == nil {
			p.of = map[region.Partition]*line{}
		}
		l = &line{}
		p.of[partition] = l
		p.lines = append(p.lines, l)
	}
	l.add(cfg, partition, cmd, sink)
}

// add appends a command to the last unit of the line, or begins another.
func (l *line) add(cfg Config, p region.Partition, cmd wire.Command, sink func(wire.Reply)) {
	last := len(l.units) - 1
	if last < 0 || !l.units[last].fits(cmd, cfg) {
		l.units = append(l.units, &unit{partition: p})
		l.sinks = append(l.sinks, nil)
		last++
	}
	l.units[last].add(cmd)
	l.sinks[last] = append(l.sinks[last], sink)
}

// run sends the lines side by side, the units of each one after the other, and
// returns when all replies are there or ctx ends.
func (c *Client) run(ctx context.Context, lines []*line) {
	for round := 0; ; round++ {
		// Scatter.
		var started []*unit
		var sinks [][]func(wire.Reply)
		for _, l := range lines {
			if round < len(l.units) {
				started = append(started, l.units[round])
				sinks = append(sinks, l.sinks[round])
			}
		}
		if len(started) == 0 {
			return
		}
		ctx, cancel := c.bound(ctx, started)
		for _, u := range started {
			u.begin(ctx)
			c.submit(u)
		}
		// Gather.
		for i, u := range started {
			for j, r := range c.await(ctx, u) {
				sinks[i][j](r)
			}
		}
		cancel()
	}
}

// bound gives a context without a deadline the configured one.
func (c *Client) bound(ctx context.Context, units []*unit) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	limit := c.cfg.Timeout
	for _, u := range units {
		if c.isLarge(u.size) {
			limit = max(limit, c.cfg.LargeTimeout)
		}
	}
	return context.WithTimeout(ctx, limit)
}

// await returns a unit's replies, timeouts when ctx ends before they are there.
func (c *Client) await(ctx context.Context, u *unit) []wire.Reply {
	select {
	case <-u.done:
		return u.replies
	case <-ctx.Done():
	}
	select {
	case <-u.done: // Both at once: prefer the replies.
		return u.replies
	default:
	}
	c.count.abandoned.Add(uint64(len(u.cmds)))
	replies := make([]wire.Reply, len(u.cmds))
	for i := range replies {
		replies[i] = c.errLate()
	}
	return replies
}

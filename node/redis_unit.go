package node

import (
	"context"
	"math/rand/v2"
	"strconv"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/resp"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// Transactions. What is on keys of one partition runs under its lock at its owner;
// partitions come one after the other. Watched keys are looked at there: those of
// the first partition in the same unit, those of others before anything runs.

// unit is commands on keys of one partition, and the watched keys of it.
type unit struct {
	p       region.Partition
	watched []resp.Watched
	cmds    []wire.Command
}

// step is a command of a transaction: its parts, each in a unit, or a command that
// belongs to no partition.
type step struct {
	parts []stepPart
	join  func([]wire.Reply) wire.Reply
	whole *wire.Command // runs on its own
	reply wire.Reply    // when there is nothing to run
}

// stepPart says where the reply of a part will be.
type stepPart struct{ unit, index int }

// Transact implements resp.Transactor.
func (r redis) Transact(ctx context.Context, watched []resp.Watched, cmds []wire.Command) ([]wire.Reply, bool) {
	l, err := r.n.enter(ctx)
	if err != nil {
		return failAll(err, len(cmds)), true
	}
	defer l.core.Exit()
	units, steps := l.plan(watched, cmds)
	first := -1
	for i, u := range units {
		if len(u.cmds) > 0 && first < 0 {
			first = i
			continue
		}
		if len(u.watched) > 0 {
			_, same, err := l.runUnit(ctx, unit{p: u.p, watched: u.watched})
			switch {
			case err != nil:
				return failAll(err, len(cmds)), true
			case !same:
				return nil, false
			}
			units[i].watched = nil
		}
	}
	replies := make([][]wire.Reply, len(units))
	for i, u := range units {
		if len(u.cmds) == 0 {
			continue
		}
		got, same, err := l.runUnit(ctx, u)
		switch {
		case err != nil:
			got = failAll(err, len(u.cmds))
		case !same:
			return nil, false
		}
		replies[i] = got
	}
	return l.gather(ctx, steps, replies), true
}

// plan sorts commands into units, by where their partitions first occur.
func (l *life) plan(watched []resp.Watched, cmds []wire.Command) (units []unit, steps []step) {
	index := map[region.Partition]int{}
	at := func(p region.Partition) int {
		i, ok := index[p]
		if !ok {
			i = len(units)
			index[p] = i
			units = append(units, unit{p: p})
		}
		return i
	}
	for _, cmd := range cmds {
		j := l.prepare(cmd)
		switch {
		case j.err != nil:
			steps = append(steps, step{reply: wire.Fail(j.err)})
			continue
		case !command.OnKeys(j.Spec.Name):
			steps = append(steps, step{whole: &j.Command})
			continue
		}
		parts := j.parts
		if j.join == nil {
			if parts = []wire.Command{j.Command}; !l.together(j.Spec, j.Command) {
				steps = append(steps, step{whole: &j.Command})
				continue
			}
		}
		s := step{join: j.join}
		for _, part := range parts {
			if j.Spec.IsUnsafe(part) {
				part.Request = rand.Uint64() | 1
			}
			u := &units[at(l.cfg.Partitions.Of(j.Spec.KeysOf(part)[0]))]
			s.parts = append(s.parts, stepPart{index[u.p], len(u.cmds)})
			u.cmds = append(u.cmds, part)
		}
		steps = append(steps, s)
	}
	for _, w := range watched {
		u := &units[at(l.cfg.Partitions.Of(w.Key))]
		u.watched = append(u.watched, w)
	}
	return units, steps
}

// together reports whether a command has keys, all in one partition.
func (l *life) together(spec *command.Spec, cmd wire.Command) bool {
	keys := spec.KeysOf(cmd)
	for _, k := range keys {
		if l.cfg.Partitions.Of(k) != l.cfg.Partitions.Of(keys[0]) {
			return false
		}
	}
	return len(keys) > 0
}

// gather makes the replies of a transaction of those of its units.
func (l *life) gather(ctx context.Context, steps []step, replies [][]wire.Reply) []wire.Reply {
	out := make([]wire.Reply, len(steps))
	for i, s := range steps {
		switch {
		case s.whole != nil:
			out[i] = l.run(ctx, []wire.Command{*s.whole}, false)[0]
		case s.join != nil:
			var parts []wire.Reply
			for _, p := range s.parts {
				parts = append(parts, replies[p.unit][p.index])
			}
			out[i] = s.join(parts)
		case len(s.parts) == 1:
			out[i] = replies[s.parts[0].unit][s.parts[0].index]
		default:
			out[i] = s.reply
		}
	}
	return out
}

// runUnit runs a unit at the owner of its partition, or at the next holder when
// that does not answer. It reports false, and nothing has run, when a watched key
// has changed.
func (l *life) runUnit(ctx context.Context, u unit) (replies []wire.Reply, same bool, err error) {
	args := []string{"_UNIT", strconv.Itoa(int(u.p)), string(wire.AppendRequest(nil, u.cmds))}
	for _, w := range u.watched {
		args = append(args, w.Key, strconv.FormatUint(w.Digest, 16))
	}
	for attempt := 0; ctx.Err() == nil; attempt++ {
		to := l.core.Holder(u.p, attempt)
		if to == 0 {
			return l.runUnitHere(ctx, u)
		}
		within, cancel := context.WithTimeout(ctx, answerTimeout)
		reply := l.askNode(within, to, args...)
		cancel()
		switch {
		case unreachable(reply):
			continue
		case reply.Type == wire.TypeNil:
			return nil, false, nil
		case reply.Type == wire.TypeError:
			return nil, true, reply.Err
		}
		replies, err := wire.DecodeReplies([]byte(reply.Text))
		if err != nil || len(replies) != len(u.cmds) {
			return nil, true, errAnswer
		}
		return replies, true, nil
	}
	return nil, true, errTime
}

// runUnitHere runs a unit in this node's memory.
func (l *life) runUnitHere(ctx context.Context, u unit) (replies []wire.Reply, same bool, err error) {
	for {
		s, err := l.core.Take(u.p)
		if err == nil {
			replies, same, err = l.runUnitIn(ctx, s, u)
		}
		if err != core.ErrReleased && err != core.ErrUnbound || !sleep(ctx, stepEvery) {
			return replies, same, err
		}
	}
}

func (l *life) runUnitIn(ctx context.Context, s *core.Shard, u unit) (replies []wire.Reply, same bool, err error) {
	if !s.IsReady() {
		select {
		case <-s.Opened():
		case <-ctx.Done():
			return nil, true, errStarting
		}
	}
	if err := l.disk.admit(ctx); err != nil {
		return nil, true, err
	}
	jobs := l.prepareAll(nil, u.cmds)
	lagging := l.lagging(jobs, false)
	defer l.disclaim(lagging)
	l.fence.await(ctx, lagging)
	same, wrote, owed := true, false, false
	err = l.whole(ctx, s, u).Alone(func(t command.Target) {
		for _, w := range u.watched {
			if digest := digestIn(t, w.Key); digest != w.Digest {
				same = false
				return
			}
		}
		for i, cmd := range u.cmds {
			reply := command.Exec(t, cmd)
			wrote = wrote || !reply.Wrote.IsZero()
			owed = owed || jobs[i].Spec != nil && jobs[i].Spec.Write && reply.Type != wire.TypeError
			replies = append(replies, reply)
		}
	})
	if wrote {
		l.wrote(s)
	}
	if owed {
		if unsaved := l.disk.acknowledge(ctx); unsaved != nil {
			return nil, true, unsaved
		}
	}
	return replies, same, err
}

// digestIn returns the digest of what a key shows.
func digestIn(t command.Target, key string) (digest uint64) {
	_ = t.Read([]string{key}, func(v crdt.View) { digest = v.Digest(key, t.Now()) }) // It fails when the unit does.
	return digest
}

// answerUnit runs a unit that another node has sent: a partition, the commands,
// and watched keys with their digests.
func (l *life) answerUnit(args []string) (wire.Reply, error) {
	if len(args) < 2 || len(args)%2 != 0 {
		return wire.Reply{}, errAnswer
	}
	p, err := strconv.ParseUint(args[0], 10, 16)
	if err != nil || int(p) >= l.cfg.Partitions.Count() {
		return wire.Reply{}, errAnswer
	}
	u := unit{p: region.Partition(p)}
	if u.cmds, err = wire.DecodeRequest([]byte(args[1])); err != nil {
		return wire.Reply{}, errAnswer
	}
	for _, cmd := range u.cmds {
		if j := l.prepare(cmd); j.err != nil || !command.OnKeys(cmd.Args[0]) {
			return wire.Reply{}, errAnswer
		}
	}
	for rest := args[2:]; len(rest) > 0; rest = rest[2:] {
		digest, err := strconv.ParseUint(rest[1], 16, 64)
		if err != nil {
			return wire.Reply{}, errAnswer
		}
		u.watched = append(u.watched, resp.Watched{Key: rest[0], Digest: digest})
	}
	if err := l.core.Enter(); err != nil {
		return wire.Reply{}, err
	}
	defer l.core.Exit()
	ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
	defer cancel()
	replies, same, err := l.runUnitHere(ctx, u)
	if err != nil {
		return wire.Reply{}, err
	}
	if !same {
		return wire.Nil, nil
	}
	return wire.String(string(wire.AppendReplies(nil, replies))), nil
}

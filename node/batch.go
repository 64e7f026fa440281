package node

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// job is a command of a batch and all that is found out about it, once.
type job struct {
	core.Task
	parts []wire.Command                // what it is run as, when its keys are in several partitions
	join  func([]wire.Reply) wire.Reply // makes one reply of theirs
	err   error                         // why it cannot run; then there is nothing else
}

// isSplit reports whether the command is run as several, each on keys of one
// partition.
func (j *job) isSplit() bool { return j.join != nil || j.Spec.Together }

// prepare looks a command up, checks its size, and finds out where its keys are.
func (l *life) prepare(cmd wire.Command) (j job) {
	spec, err := command.Find(cmd)
	if err == nil && spec.Together {
		cmd = command.Wrap(cmd, l.cfg.Partitions)
		spec, err = command.Find(cmd)
	}
	if err == nil {
		err = spec.Check(cmd, l.cfg.Limits)
	}
	if err == nil {
		err = command.CheckTogether(cmd, l.cfg.Partitions)
	}
	if err != nil {
		return job{err: err}
	}
	j.Task = core.NewTask(cmd, spec, l.cfg.Partitions)
	j.parts, j.join, _ = spec.Split(cmd, l.cfg.Partitions)
	return j
}

// prepareAll prepares commands, in the memory of jobs as far as that goes.
func (l *life) prepareAll(jobs []job, cmds []wire.Command) []job {
	jobs = slices.Grow(jobs, len(cmds))
	for i := range cmds {
		jobs = append(jobs, l.prepare(cmds[i]))
	}
	return jobs
}

// batch is commands that came together.
type batch struct {
	l    *life
	ctx  context.Context
	jobs []job
	near bool // reads may be answered by any holder
	out  []wire.Reply

	away    []int           // to pass on
	aside   sync.WaitGroup  // those that run in goroutines of their own
	running int             // how many those are, at most maxAside
	pending map[string]bool // keys of both; true for those only in away

	wrote   []int                             // commands that have written here, or found it written, where that is waited for
	lagging map[region.Partition]lag          // where others have been asked
	astray  map[crdt.ReplicaID][]core.Awaited // by owner, what this node has written in its place, the last in each partition
}

// batches keeps batches that nobody uses, for their memory.
var batches = sync.Pool{New: func() any { return &batch{} }}

// maxKeptJobs bounds the memory that a batch is kept with.
const maxKeptJobs = 256

// release gives the batch back. Nothing of it is used after that.
func (b *batch) release() {
	clear(b.jobs)
	jobs, away, wrote := b.jobs[:0], b.away[:0], b.wrote[:0]
	if cap(jobs) > maxKeptJobs {
		jobs, away, wrote = nil, nil, nil
	}
	*b = batch{jobs: jobs, away: away, wrote: wrote}
	batches.Put(b)
}

// maxAside bounds the commands of one request that run side by side: those that
// look at the cluster or whose keys are in several partitions. The next one waits
// until they are answered.
const maxAside = 64

// goAside runs f beside the batch.
func (b *batch) goAside(f func()) {
	if b.running == maxAside {
		b.flush()
	}
	b.running++
	b.aside.Go(f)
}

// add runs a command or puts it with those that wait for flush.
func (b *batch) add(i int) {
	j := &b.jobs[i]
	if j.err != nil {
		b.out[i] = wire.Fail(j.err)
		return
	}
	if cluster := clusterCommand(j.Spec.Name); cluster != nil {
		b.goAside(func() { b.out[i] = cluster(b.l, b.ctx, b.jobs[i].Command) })
		return
	}
	if j.Request == 0 && j.Unsafe {
		j.Request = rand.Uint64() | 1 // It may have to be sent again.
	}
	split := j.isSplit()
	here := !split && b.l.core.RunsHere(&j.Task, b.near)
	if len(b.pending) > 0 && b.meets(j, here || split) {
		b.flush()
	}
	if here {
		b.runHere(i)
		return
	}
	b.put(i, split)
}

// meets reports whether a command has a key in common with those that wait, and is not
// to be passed on with them.
func (b *batch) meets(j *job, stays bool) bool {
	return slices.ContainsFunc(j.Spec.KeysOf(j.Command), func(k string) bool {
		onlyAway, ok := b.pending[k]
		return ok && (stays || !onlyAway)
	})
}

// put starts a command that runs beside the batch, or puts it with those to pass on.
func (b *batch) put(i int, split bool) {
	j := &b.jobs[i]
	switch {
	case j.Spec.Together:
		// What it writes depends on what it reads: that is what the owners have.
		d := inside{b.l, b.near && !j.Spec.Write}
		b.goAside(func() { b.out[i] = command.Across(b.ctx, d, b.l.cfg.Partitions, b.jobs[i].Command) })
	case split:
		b.goAside(func() { b.out[i] = b.jobs[i].join(b.l.run(b.ctx, b.jobs[i].parts, b.near)) })
	default:
		if b.lagging[j.Partition].requests != nil {
			b.l.core.Disclaim(j.Partition, j.Request)
		}
		b.away = append(b.away, i)
	}
	b.wait(j, !split)
}

// wait notes the keys of a command that waits for flush.
func (b *batch) wait(j *job, onlyAway bool) {
	if b.pending == nil {
		b.pending = map[string]bool{}
	}
	for _, k := range j.Spec.KeysOf(j.Command) {
		b.pending[k] = onlyAway
	}
}

// runHere runs a command in this node's memory.
func (b *batch) runHere(i int) {
	j := &b.jobs[i]
	b.out[i] = b.l.runAdmitted(b.ctx, &j.Task)
	r := &b.out[i]
	switch {
	case r.Type != wire.TypeError:
		b.note(j, r.Wrote)
		if j.Spec.Write && b.l.disk.syncs() {
			b.wrote = append(b.wrote, i)
		}
	case r.Err == core.ErrUnread && j.Hops == 0:
		b.away = append(b.away, i) // Another holder may have it.
		b.wait(j, true)
	}
}

// note notes a write that the owner is to see before the reply goes out.
func (b *batch) note(j *job, wrote crdt.Dot) {
	owner := b.l.core.Tell(&j.Task, wrote)
	if owner == 0 {
		return
	}
	w := core.Awaited{Partition: j.Partition, Dot: wrote}
	if b.astray == nil {
		b.astray = map[crdt.ReplicaID][]core.Awaited{}
	}
	// The node's own writes of a partition are seen in order.
	list := b.astray[owner]
	if i := slices.IndexFunc(list, func(o core.Awaited) bool { return o.Partition == w.Partition }); i >= 0 {
		list[i] = w
		return
	}
	b.astray[owner] = append(list, w)
}

// acknowledge waits until what has been written here is as safe as its replies say. A
// command that finds its work done, as when it is sent again, may have been written a
// moment ago.
func (b *batch) acknowledge() {
	if len(b.wrote) == 0 {
		return
	}
	if err := b.l.disk.acknowledge(b.ctx); err != nil {
		for _, i := range b.wrote {
			b.out[i] = wire.Fail(err)
		}
	}
}

// flush waits until all that was added has been answered.
func (b *batch) flush() {
	if len(b.away) > 0 {
		b.l.passOn(b.ctx, b.jobs, b.away, b.out)
	}
	b.aside.Wait()
	b.away, b.running = b.away[:0], 0
	clear(b.pending)
}

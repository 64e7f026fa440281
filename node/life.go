package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
	"github.com/atollcache/atoll/sync/bulk"
	"github.com/atollcache/atoll/sync/natslink"
)

// life is one life of a node, from joining to its end: all that knows the replica
// ID. A node has one after the other, nearly always only one.
type life struct {
	cfg    Config
	core   *core.Core // decides
	link   *natslink.Link
	runner *cachesync.Runner
	doors  *doors
	fence  *fence
	feed   *feed
	disk   *disk // nil: there is none
	memory *core.Memory
	limits command.Limits // with the defaults filled in
	gone   gone
	stages stages

	ready    chan struct{} // closed when the front doors are open
	closed   chan struct{} // closed when no more commands are let in
	closing  sync.Once     // closes it
	replaced chan struct{} // closed when the node has the next one

	malformed atomic.Int64 // messages of nodes that could not be decoded
}

// errOutlived is returned by live when the node is to go on in another life.
var errOutlived = errors.New("the life has missed too much")

// maxEntry is the most bytes that all of one key may have, to be handed to another
// holder: an entry travels whole.
const maxEntry = 256 << 20

// newLife returns a life that has not begun. It is told from the former one of
// the node's name by its replica ID, and taken for the later by when it started.
func (n *Node) newLife(former *life) (*life, error) {
	l := &life{cfg: n.cfg, feed: n.feed, disk: n.disk, memory: n.memory, limits: n.cfg.Limits.WithDefaults(), ready: make(chan struct{}), closed: make(chan struct{}), replaced: make(chan struct{})}
	self, cfg := newReplica(), l.cfg.core()
	var err error
	if n.disk != nil {
		if self, cfg.Kept, err = n.disk.begin(former == nil); err != nil {
			return nil, err
		}
		cfg.Disk = n.disk
	}
	cfg.Observer, cfg.Memory = n.feed.observer(l), n.memory
	if cfg.Started = cfg.Now(); former != nil {
		if least := former.core.Config().Started.Add(time.Millisecond); cfg.Started.Before(least) {
			cfg.Started = least
		}
		cfg.Known = former.others()
	}
	if l.core, err = core.New(cfg, self, outside{l}); err != nil {
		return nil, err
	}
	if n.disk != nil {
		n.disk.live(l.core)
	}
	if l.link, err = natslink.New(l.cfg.Conn, natslink.Config{
		Cluster: l.cfg.Cluster, Region: l.cfg.Region, Replica: self, Partitions: l.cfg.Partitions,
		ControlConn: l.cfg.Control, BulkConn: l.cfg.Bulk,
		Bulk: bulk.Config{MaxMessage: maxEntry, MaxHeld: 2*maxEntry + maxEntry/4, WindowBytes: l.cfg.AskBytes},
	}); err != nil {
		return nil, err
	}
	l.runner = cachesync.NewRunner(cachesync.RunnerConfig{
		AskTimeout: l.cfg.AskWait, Heard: l.core.Sign, Now: l.cfg.Now, Log: l.cfg.Log,
	}, l.core, l.link)
	l.fence = newFence(l)
	l.doors, err = newDoors(l, func() {
		l.cfg.Log.Info("ready", "replica", self)
		close(l.ready)
		n.serving.Do(func() { close(n.ready) })
	})
	return l, err
}

// others returns the other members that this life knew to be alive.
func (l *life) others() []region.Member {
	return slices.DeleteFunc(l.alive(), func(m region.Member) bool {
		return m.Region == l.cfg.Region && m.Name == l.cfg.Name || m.State == region.StateLeaving
	})
}

// outside is what the core has effects on.
type outside struct{ l *life }

// Announce implements core.Outside.
func (o outside) Announce(msg []byte) {
	if err := o.l.link.Announce(msg); err != nil {
		o.l.cfg.Log.Debug("announce", "err", err)
	}
}

// Hold implements core.Outside.
func (o outside) Hold(p region.Partition, hold bool) error { return o.l.link.Hold(p, hold) }

// Open implements core.Outside.
func (o outside) Open() (bool, error) { return o.l.doors.open() }

// Offer implements core.Outside.
func (o outside) Offer(own, alt []region.Partition) { o.l.doors.offer(own, alt) }

// live works until the core says that the life is over, and returns when
// everything that it started has ended. When ctx ends the node leaves.
func (l *life) live(ctx context.Context) error {
	defer l.end()
	if err := l.link.Start(receiver{l}); err != nil {
		return fmt.Errorf("start replication: %w", err)
	}
	work, stop := context.WithCancel(context.Background())
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() { _ = l.runner.Run(work) })
	wg.Go(func() { l.buryAll(work) })
	wg.Go(func() { l.doors.run(work) })
	wg.Go(func() { l.beats(work) })
	if l.disk != nil {
		wg.Go(func() { l.disk.run(work) })
	}
	err := l.steps(ctx)
	l.end()
	l.doors.close()
	stop()
	wg.Wait()
	err = errors.Join(err, l.link.Close())
	if l.core.Outlived() {
		if err != nil {
			l.cfg.Log.Warn("end of a life", "err", err)
		}
		return errOutlived
	}
	return err
}

// stepEvery is the beat of the core's steps.
const stepEvery = 10 * time.Millisecond

// steps drives the core until it is gone or fails. When ctx ends, or the life has
// been outlived, the front doors are closed.
func (l *life) steps(ctx context.Context) error {
	tick := time.NewTicker(stepEvery)
	defer tick.Stop()
	var closing sync.WaitGroup
	defer closing.Wait()
	done := ctx.Done()
	for {
		if err := l.core.Step(); err != nil {
			return err
		}
		switch l.core.State() {
		case core.Gone:
			return nil
		case core.Leaving:
			l.close()
			if l.cfg.Conn.IsClosed() {
				l.cfg.Log.Error("left before other nodes had everything")
				return nil
			}
			if done != nil {
				done = nil
				closing.Go(l.doors.close)
			}
		}
		select {
		case <-tick.C:
		case <-done:
			done = nil
			closing.Go(func() {
				if l.core.State() == core.Ready {
					l.stir()
					l.doors.close() // First, so that who has come in is not turned away.
				}
				l.core.Leave()
				l.doors.close()
			})
		}
	}
}

// close wakes the commands that wait for the life to serve.
func (l *life) close() {
	l.closing.Do(func() { close(l.closed) })
}

// end ends what the core decides on. Nothing is acknowledged after this.
func (l *life) end() {
	l.core.End()
	l.close()
}

// beats announces the node while a step takes long.
func (l *life) beats(ctx context.Context) {
	for sleep(ctx, max(l.core.Config().Members.HeartbeatEvery/2, time.Millisecond)) {
		l.core.Beat()
	}
}

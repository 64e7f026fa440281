package bench

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// Sizes of the row about replication.
const (
	replicaKeys    = 100_000
	replicaKey     = 16 // bytes
	replicaValue   = 10
	replicaWriters = 2
	replicaBatch   = 256 // SETs in one call
)

// replication writes in one region as fast as it takes it, and waits until the other
// has everything. Both ends and NATS are this process: what they take is what 2
// cores have to give. How much went over the link is counted in a round of its own,
// because counting costs too.
func replication(ctx context.Context, e *Env) (*Measured, error) {
	c, err := startCluster(ctx, []string{"one", "two"}, 0)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	w, err := Workload{Name: "replication", Keys: replicaKeys, KeyBytes: replicaKey, ValueBytes: replicaValue, Mix: []Share{{Set, 1}}}.prepare()
	if err != nil {
		return nil, err
	}
	r := &replicator{cluster: c, work: w, writes: e.Scale.Writes}
	if _, err := r.round(ctx); err != nil {
		return nil, err
	}
	var rates []float64
	for i := range e.Scale.Rounds {
		e.progress("replication, round %d of %d", i+1, e.Scale.Rounds)
		took, err := r.round(ctx)
		if err != nil {
			return nil, err
		}
		rates = append(rates, float64(r.writes)/took.Seconds())
	}
	bytes, messages, err := r.onTheWire(ctx)
	if err != nil {
		return nil, err
	}
	note := fmt.Sprintf("%d-byte keys, %d-byte values, %d calls of %d SETs at once; %.1f deltas in a message; payload and subject counted",
		replicaKey, replicaValue, replicaWriters, replicaBatch, float64(r.writes)/max(messages, 1))
	return &Measured{Figures: []Spread{spreadOf(rates), spreadOf([]float64{bytes})}, Notes: []string{note}}, nil
}

// replicator writes in the first region of a cluster.
type replicator struct {
	*cluster
	work   *work
	writes int
	rounds int
}

// round writes once and returns how long it took until the second region had it all.
func (r *replicator) round(ctx context.Context) (time.Duration, error) {
	r.rounds++
	began := time.Now()
	errs := make([]error, replicaWriters)
	var wg sync.WaitGroup
	for i := range replicaWriters {
		wg.Go(func() { errs[i] = r.write(ctx, i) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return 0, err
		}
	}
	err := settled(ctx, r.nodes[0].API, r.nodes[1].API)
	return time.Since(began), err
}

// write does one writer's share.
func (r *replicator) write(ctx context.Context, writer int) error {
	cmds := make([]wire.Command, 0, replicaBatch)
	for i := writer; i < r.writes; i += replicaWriters {
		key, value := r.work.keys[(i+r.rounds*r.writes)%len(r.work.keys)], r.work.values[i%len(r.work.values)]
		cmds = append(cmds, wire.Command{Args: []string{"SET", key, value}})
		if len(cmds) < replicaBatch && i+replicaWriters < r.writes {
			continue
		}
		for _, reply := range r.nodes[0].Do(ctx, cmds...) {
			if reply.Type == wire.TypeError {
				return fmt.Errorf("replication: %w", reply.Err)
			}
		}
		cmds = cmds[:0]
	}
	return nil
}

// settled returns when one region has everything that another has written: it writes
// to each partition here, and reads that there in the same session. A read that has
// waited for too long is made again.
func settled(ctx context.Context, here, there *command.API) error {
	ctx, cancel := context.WithTimeout(command.WithSession(ctx), patience)
	defer cancel()
	for _, op := range everyPartition() {
		if _, err := here.Set(ctx, op.Key, op.Value); err != nil {
			return err
		}
	}
	for _, op := range everyPartition() {
		for {
			_, ok, err := there.Get(ctx, op.Key)
			if err == nil && ok {
				break
			}
			if ctx.Err() != nil {
				return fmt.Errorf("the other region has not caught up within %s: %w", patience, err)
			}
		}
	}
	return nil
}

// onTheWire returns the bytes of each delta beyond its key and value, and how many
// messages there were, as they arrive at the other region's NATS server.
func (r *replicator) onTheWire(ctx context.Context) (bytes, messages float64, err error) {
	nc, err := r.client("two")
	if err != nil {
		return 0, 0, err
	}
	defer nc.Close()
	subject := region.Subjects{Cluster: r.name, Region: "one"}.Delta("one", 0)
	var total, count atomic.Int64
	sub, err := nc.Subscribe(subject[:strings.LastIndexByte(subject, '.')]+".*", func(m *nats.Msg) {
		total.Add(int64(len(m.Subject) + len(m.Data)))
		count.Add(1)
	})
	if err != nil {
		return 0, 0, err
	}
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return 0, 0, err
	}
	if err := nc.Flush(); err != nil {
		return 0, 0, err
	}
	if _, err := r.round(ctx); err != nil {
		return 0, 0, err
	}
	if err := drained(ctx, nc, sub); err != nil {
		return 0, 0, err
	}
	each := float64(total.Load()) / float64(r.writes+region.DefaultPartitions.Count())
	return each - replicaKey - replicaValue, float64(count.Load()), nil
}

// drained returns when a subscription has handled all that had come to its server.
func drained(ctx context.Context, nc *nats.Conn, sub *nats.Subscription) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := nc.FlushWithContext(ctx); err != nil {
		return err
	}
	tick := time.NewTicker(seePoll)
	defer tick.Stop()
	for {
		left, _, err := sub.Pending()
		if err != nil || left == 0 {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// Options say how a backup is restored. The zero value merges it into the cluster that
// it is of.
type Options struct {
	// From is the name of the cluster that the backup is of, where that is another.
	From string
	// AsNew writes keys anew that the backup has and the cluster has not, also what had
	// been removed on purpose.
	AsNew bool
}

// Result says what restoring has done. All but the last fields count keys that the
// backup has.
type Result struct {
	Keys    int `json:"keys"`    // of the backup that have been looked at
	Taken   int `json:"taken"`   // came back, or were merged with what is there
	Equal   int `json:"equal"`   // were there already, and the same
	Changed int `json:"changed"` // are there and show something else, written since, and were left as they are
	Removed int `json:"removed"` // have been removed since
	Expired int `json:"expired"` // have expired since
	Evicted int `json:"evicted"` // had been evicted: the backup has only their names
	// Elsewhere are keys that have been evicted from memory in the region. They are left
	// to whoever has them, if anybody has; with Options.AsNew that is looked after.
	Elsewhere int `json:"elsewhere"`
	Renewed   int `json:"renewed"` // have been written anew
	// Refused are keys that are not there, and of which the cluster cannot tell any more
	// whether they had been removed.
	Refused int `json:"refused"`
	// Failed are keys that could not be written anew, Failure why, of the first.
	Failed  int    `json:"failed"`
	Failure string `json:"failure,omitempty"`
	// RefusedPartitions are the partitions that took nothing of the backup in, Why the
	// reason, of the first.
	RefusedPartitions int    `json:"refused_partitions"`
	Why               string `json:"why,omitempty"`
}

// add adds what became of a partition.
func (r *Result) add(o Result) {
	for _, n := range []struct {
		to   *int
		more int
	}{
		{&r.Keys, o.Keys}, {&r.Taken, o.Taken}, {&r.Equal, o.Equal}, {&r.Changed, o.Changed}, {&r.Removed, o.Removed},
		{&r.Expired, o.Expired}, {&r.Evicted, o.Evicted}, {&r.Elsewhere, o.Elsewhere}, {&r.Renewed, o.Renewed}, {&r.Refused, o.Refused},
		{&r.Failed, o.Failed}, {&r.RefusedPartitions, o.RefusedPartitions},
	} {
		*n.to += n.more
	}
	if r.Why == "" {
		r.Why = o.Why
	}
	if r.Failure == "" {
		r.Failure = o.Failure
	}
}

// Restore gives a cluster back what a backup has, as the package comment says, and
// returns what came of it. First it reads the whole backup, so that nothing of a damaged
// one is restored. It blocks until all of it is done. After an error some of it may
// have been restored: restore it again.
func Restore(ctx context.Context, cfg Config, b *Backup, o Options) (Result, error) {
	cfg = cfg.withDefaults()
	r := &restoring{Config: cfg, Options: o, b: b, result: &Result{}}
	if b.Cluster != cfg.Client.Cluster() && b.Cluster != o.From {
		return Result{}, fmt.Errorf("%w: %q, and this is %q", ErrOther, b.Cluster, cfg.Client.Cluster())
	}
	if err := r.meet(ctx); err != nil {
		return Result{}, err
	}
	if err := CheckAll(ctx, cfg, b); err != nil {
		return Result{}, err
	}
	r.prog = Progress{Step: "restore", Of: b.Partitions.Count(), Size: b.Bytes}
	err := each(ctx, cfg.AtOnce, b.Partitions.Count(), func(ctx context.Context, p region.Partition) error {
		one, err := r.part(ctx, p)
		r.done(one, p)
		return err
	})
	return *r.result, err
}

// CheckAll reads all files of a backup and returns an error unless each can be restored.
func CheckAll(ctx context.Context, cfg Config, b *Backup) error {
	cfg = cfg.withDefaults()
	prog, mu := Progress{Step: "check", Of: b.Partitions.Count(), Size: b.Bytes}, sync.Mutex{}
	return each(ctx, cfg.AtOnce, b.Partitions.Count(), func(_ context.Context, p region.Partition) error {
		err := b.Check(p)
		mu.Lock()
		defer mu.Unlock()
		prog.Partitions++
		prog.Done += b.Parts[p].Bytes
		prog.Keys += b.Parts[p].Keys
		cfg.Progress(prog)
		return err
	})
}

// restoring is a restore that is under way.
type restoring struct {
	Config
	Options
	b      *Backup
	merges bool // the backup's partitions are the cluster's

	mu     sync.Mutex
	peers  []*peer
	result *Result
	prog   Progress
}

// meet finds out whether the backup can be merged.
func (r *restoring) meet(ctx context.Context) error {
	peers, err := r.roster(ctx)
	if err != nil {
		return err
	}
	r.peers = peers
	count, err := partitionsOf(peers)
	if err != nil {
		return err
	}
	if r.merges = count == r.b.Partitions; !r.merges {
		err := fmt.Errorf("%w: it has %d, the backup %d", ErrPartitions, count, r.b.Partitions)
		if !r.AsNew {
			return err
		}
		r.result.Why = err.Error()
	}
	if err := silent(peers); err != nil && !r.AsNew {
		return err
	} else if err != nil {
		r.merges, r.result.Why = false, err.Error()
	}
	return nil
}

// silent returns an error when a node does not answer that may hold something.
func silent(peers []*peer) error {
	var why []string
	for _, p := range peers {
		if p.err != nil {
			why = append(why, p.err.Error())
		}
	}
	if len(why) == 0 {
		return nil
	}
	return fmt.Errorf("no answer from %s: %w", strings.Join(why, ", "), ErrSilent)
}

func (r *restoring) done(one Result, p region.Partition) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.add(one)
	r.prog.Partitions++
	r.prog.Done += r.b.Parts[p].Bytes
	r.prog.Keys += one.Keys
	r.Progress(r.prog)
}

// part restores one partition.
func (r *restoring) part(ctx context.Context, p region.Partition) (out Result, err error) {
	if r.b.Parts[p].Entries == 0 {
		return out, nil
	}
	if !r.merges {
		out, err := r.renew(ctx, p)
		out.RefusedPartitions = 1
		return out, err
	}
	err = retry(ctx, func(attempt int) error {
		if attempt > 0 {
			if err := r.meetAgain(ctx); err != nil {
				return err
			}
		}
		out, err = r.merge(ctx, p)
		return err
	})
	if errors.Is(err, wire.ErrTooLarge) {
		keys := r.b.Parts[p].Keys
		out, err = Result{Keys: keys, Refused: keys, RefusedPartitions: 1, Why: err.Error()}, nil
	}
	missing := out.Removed + out.Refused + out.Elsewhere
	if err != nil || !r.AsNew || missing == 0 {
		return out, err
	}
	anew, err := r.renew(ctx, p)
	out.Removed, out.Refused, out.Elsewhere = 0, 0, 0
	out.Changed += max(missing-anew.Renewed-anew.Failed, 0) // They are there by now.
	out.Renewed, out.Failed, out.Failure = anew.Renewed, anew.Failed, anew.Failure
	return out, err
}

// meetAgain asks who holds what: that may have changed.
func (r *restoring) meetAgain(ctx context.Context) error {
	peers, err := r.roster(ctx)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.peers = peers
	return silent(peers)
}

// merge has the backup of a partition joined with what all its holders have.
func (r *restoring) merge(ctx context.Context, p region.Partition) (out Result, err error) {
	r.mu.Lock()
	at := holders(r.peers, r.Client.Region(), p)
	r.mu.Unlock()
	if len(at) == 0 {
		return out, ErrNotHeld
	}
	id, staged := rand.Uint64(), true
	defer func() {
		if staged { // It would go by itself, later.
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			_, _ = r.all(ctx, at, append([]string{"_RESTORE", "DROP"}, uints(id, uint64(p))...))
		}
	}()
	if err := r.stage(ctx, at, id, p); err != nil {
		return out, err
	}
	for _, verb := range []string{"PREPARE", "COMMIT"} {
		info, why, err := r.whatOf(ctx, at, append([]string{verb}, uints(id, uint64(p))...)...)
		switch {
		case err != nil:
			return out, err
		case why != "":
			return refused(info, why), nil
		}
		out = counted(info)
		out.Removed = info.Absent
	}
	staged = false
	return out, nil
}

// counted returns what a holder has counted.
func counted(i wire.RestoreInfo) Result {
	return Result{
		Keys: i.Taken + i.Equal + i.Changed + i.Absent + i.Expired + i.Evicted + i.Elsewhere, Elsewhere: i.Elsewhere,
		Taken: i.Taken, Equal: i.Equal, Changed: i.Changed, Expired: i.Expired, Evicted: i.Evicted,
	}
}

// refused returns what became of a partition that takes nothing in.
func refused(i wire.RestoreInfo, why string) Result {
	out := counted(i)
	out.Refused, out.RefusedPartitions, out.Why = i.Absent, 1, why
	return out
}

// stageBytes is how much of a partition travels to a holder in one request.
const stageBytes = 1 << 20

// stage sends a partition's backup to its holders.
func (r *restoring) stage(ctx context.Context, at []*peer, id uint64, p region.Partition) error {
	number := uint64(0)
	return r.b.each(p, func(_ *cachesync.Message, raw []byte) error {
		for len(raw) > 0 {
			chunk := raw[:min(len(raw), stageBytes)]
			raw = raw[len(chunk):]
			more := uint64(0)
			if len(raw) > 0 {
				more = 1
			}
			args := append([]string{"_RESTORE", "STAGE"}, uints(id, uint64(p), number, more)...)
			if _, err := r.all(ctx, at, append(args, string(chunk))); err != nil {
				return err
			}
			number++
		}
		return nil
	})
}

// all asks nodes the same and returns what each has said.
func (r *restoring) all(ctx context.Context, at []*peer, args []string) ([]wire.Reply, error) {
	out, errs := make([]wire.Reply, len(at)), make([]error, len(at))
	var wg sync.WaitGroup
	for i, to := range at {
		wg.Go(func() { out[i], errs[i] = r.ask(ctx, to, args...) })
	}
	wg.Wait()
	return out, errors.Join(errs...)
}

// whatOf asks the holders of a staged partition what would come of it, or has. It also
// returns why one of them does not take it in, empty when all do.
func (r *restoring) whatOf(ctx context.Context, at []*peer, args ...string) (info wire.RestoreInfo, why string, err error) {
	replies, err := r.all(ctx, at, append([]string{"_RESTORE"}, args...))
	if err != nil {
		return info, "", err
	}
	for i, reply := range replies {
		var one wire.RestoreInfo
		if err := json.Unmarshal([]byte(reply.Text), &one); err != nil {
			return info, "", fmt.Errorf("node %v: %w", at[i], err)
		}
		if i == 0 {
			info = one
		}
		if why == "" && one.Refused != "" {
			why = fmt.Sprintf("node %v: %s", at[i], one.Refused)
		}
	}
	return info, why, nil
}

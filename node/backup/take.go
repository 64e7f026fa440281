package backup

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

const (
	// attempts is how often a partition is begun anew: nodes come and go.
	attempts = 7
	// pause is how long the first of them is waited before, each further one twice as long.
	pause = 250 * time.Millisecond
)

// Take writes what a region holds to a directory, which is made, or is empty. It blocks
// until all of it is on the disk, and returns what there is. After an error, and when
// ctx ends, it removes what it has written: errors wrap ErrExists, ErrFull, ErrNotHeld
// or what the nodes said.
func Take(ctx context.Context, cfg Config, dir string) (*Manifest, error) {
	cfg = cfg.withDefaults()
	t := &taking{Config: cfg, dir: dir}
	peers, err := cfg.roster(ctx)
	if err != nil {
		return nil, err
	}
	t.peers = peers
	t.m = &Manifest{Cluster: cfg.Client.Cluster(), Region: cfg.Client.Region(), Began: cfg.Now().UTC()}
	if t.m.Partitions, err = partitionsOf(peers); err != nil {
		return nil, err
	}
	made, err := claimDir(cfg.FS, dir)
	if err != nil {
		return nil, err
	}
	if err := t.run(ctx); err != nil {
		return nil, errors.Join(err, t.clear(made))
	}
	return t.m, nil
}

// taking is a backup that is being made.
type taking struct {
	Config
	dir   string
	m     *Manifest
	peers []*peer

	mu   sync.Mutex
	prog Progress
}

// claimDir makes a directory that is empty this backup's, and says whether there was
// none. Whoever else is about to write a backup there finds that it is not empty.
func claimDir(fs FS, dir string) (made bool, err error) {
	if made, err = makeDir(fs, dir); err != nil {
		return false, err
	}
	switch err := fs.Claim(filepath.Join(dir, manifestName+newSuffix)); {
	case errors.Is(err, iofs.ErrExist):
		return false, fmt.Errorf("%s: %w: another backup is being written there", dir, ErrExists)
	case err != nil && made:
		return false, errors.Join(fileError("write to "+dir, err), fs.Remove(dir))
	case err != nil:
		return false, fileError("write to "+dir, err)
	}
	return made, nil
}

// makeDir makes a directory that is empty, and says whether there was none.
func makeDir(fs FS, dir string) (made bool, err error) {
	switch names, err := fs.List(dir); {
	case err == nil && len(names) > 0:
		return false, fmt.Errorf("%s: %w: it has %q", dir, ErrExists, names[0])
	case err == nil:
		return false, nil
	}
	if there, err := fs.Exists(dir); err == nil && there {
		return false, fmt.Errorf("%s: %w: it is no directory", dir, ErrExists)
	}
	if err := fs.MakeDir(dir); err != nil {
		return false, fileError("make "+dir, err)
	}
	return true, nil
}

// clear removes what has been written.
func (t *taking) clear(made bool) error {
	names := []string{manifestName, manifestName + newSuffix}
	for p := range t.m.Partitions.Count() {
		names = append(names, fileName(region.Partition(p)))
	}
	var errs []error
	for _, name := range names {
		if err := t.FS.Remove(filepath.Join(t.dir, name)); err != nil && !errors.Is(err, iofs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	if made {
		errs = append(errs, t.FS.Remove(t.dir))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("what was written is still there: %w", err)
	}
	return nil
}

// run writes all partitions, and then the manifest.
func (t *taking) run(ctx context.Context) error {
	count := t.m.Partitions.Count()
	t.m.Parts = make([]Part, count)
	t.prog = Progress{Step: "backup", Of: count}
	err := each(ctx, t.AtOnce, count, func(ctx context.Context, p region.Partition) (err error) {
		t.m.Parts[p], err = t.part(ctx, p)
		return err
	})
	if err != nil {
		return err
	}
	for _, part := range t.m.Parts {
		t.m.Keys += part.Keys
		t.m.Evicted += part.Evicted
		t.m.Bytes += part.Bytes
	}
	t.m.Ended = t.Now().UTC()
	if err := t.m.write(t.FS, t.dir); err != nil {
		return fileError("write the manifest", err)
	}
	return nil
}

// each calls f for all partitions, so many at once, until one gives an error.
func each(ctx context.Context, atOnce, count int, f func(context.Context, region.Partition) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan region.Partition)
	var wg sync.WaitGroup
	for range min(atOnce, count) {
		wg.Go(func() {
			for p := range next {
				if err := f(ctx, p); err != nil {
					cancel(fmt.Errorf("partition %d: %w", p, err))
				}
			}
		})
	}
	for p := range count {
		select {
		case next <- region.Partition(p):
		case <-ctx.Done():
		}
	}
	close(next)
	wg.Wait()
	return context.Cause(ctx)
}

// retry calls f until it succeeds, or gives an error that will not go.
func retry(ctx context.Context, f func(attempt int) error) (err error) {
	wait := pause
	for i := range attempts {
		if err = f(i); err == nil || !again(err) || i == attempts-1 {
			return err
		}
		select {
		case <-time.After(wait):
			wait *= 2
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return err
}

// part writes the file of one partition.
func (t *taking) part(ctx context.Context, p region.Partition) (part Part, err error) {
	err = retry(ctx, func(attempt int) error {
		peers := t.peers
		if attempt > 0 { // Who holds it may have changed.
			if peers, err = t.roster(ctx); err != nil {
				return err
			}
		}
		from := holders(peers, t.Client.Region(), p)
		if len(from) == 0 || from[0].Region != t.Client.Region() {
			return fmt.Errorf("region %s: %w", t.Client.Region(), ErrNotHeld)
		}
		part, err = t.pull(ctx, from[0], p)
		return err
	})
	if err == nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.prog.Partitions++
		t.prog.Keys += part.Keys
		t.Progress(t.prog)
	}
	return part, err
}

// pull writes what a node gives of a partition.
func (t *taking) pull(ctx context.Context, from *peer, p region.Partition) (part Part, err error) {
	w, err := createPart(t.FS, t.dir, p, t.Now().UnixMilli())
	if err != nil {
		return part, fileError("write "+fileName(p), err)
	}
	self := rand.Uint64() | 1
	var session uint64
	for index := 0; ; index++ {
		raw, err := t.piece(ctx, from, p, self, session, index)
		if err != nil {
			return part, errors.Join(err, w.f.Close())
		}
		m, err := decodePiece(raw, p)
		if err == nil && m.Index != index {
			err = fmt.Errorf("%w: piece %d in the place of %d", ErrDamaged, m.Index, index)
		}
		if err != nil {
			return part, errors.Join(fmt.Errorf("node %v: %w", from, err), w.f.Close())
		}
		if err := w.add(m, raw); err != nil {
			return part, errors.Join(fileError("write "+fileName(p), err), w.f.Close())
		}
		t.wrote(len(raw))
		if session = m.Session; m.Last {
			break
		}
	}
	part, err = w.finish()
	part.Node = from.Name
	return part, fileError("write "+fileName(p), err)
}

func (t *taking) wrote(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.prog.Done += int64(n)
	t.Progress(t.prog)
}

// piece asks for a piece of a snapshot, in as many parts as it takes.
func (t *taking) piece(ctx context.Context, from *peer, p region.Partition, self, session uint64, index int) (raw []byte, err error) {
	for {
		args := []string{"_BACKUP", "PIECE"}
		for _, n := range []uint64{uint64(p), uint64(crdt.ReplicaID(self)), session, uint64(index), uint64(len(raw))} {
			args = append(args, strconv.FormatUint(n, 10))
		}
		r, err := t.ask(ctx, from, args...)
		if err != nil {
			return nil, err
		}
		if r.Type != wire.TypeList || len(r.List) != 2 || r.List[0].Type != wire.TypeString {
			return nil, fmt.Errorf("node %v: %w", from, cachesync.ErrMessage)
		}
		raw = append(raw, r.List[0].Text...)
		if size := r.List[1].Int; int64(len(raw)) >= size {
			return raw, nil
		} else if r.List[0].Text == "" {
			return nil, fmt.Errorf("node %v: %w", from, cachesync.ErrMessage)
		}
	}
}

package cli

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/atollcache/atoll/node/command"
)

const (
	// batchLines is how many lines travel together.
	batchLines = 32
	// maxLine is the longest line in bytes: JSON may write a byte as six.
	maxLine = 6*command.DefaultMaxValue + 1<<20
)

// loader writes lines, several batches of them at once. All lines of one key go
// through one worker, so that they are written in order.
type loader struct {
	api     *command.API
	timeout time.Duration // of one batch
	seed    maphash.Seed
	workers []chan []write
	batch   int // lines in one

	loaded atomic.Int64 // lines written
	bytes  atomic.Int64 // read, after decompression

	mu struct {
		sync.Mutex
		err error // the first
	}
}

func newLoader(api *command.API, inFlight int, timeout time.Duration) *loader {
	l := &loader{api: api, timeout: timeout, seed: maphash.MakeSeed(), batch: min(batchLines, inFlight)}
	l.workers = make([]chan []write, max(inFlight/batchLines, 1))
	for i := range l.workers {
		l.workers[i] = make(chan []write)
	}
	return l
}

// run writes all lines of in and returns the first error when all that was sent
// has been answered.
func (l *loader) run(ctx context.Context, in io.Reader) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	for _, jobs := range l.workers {
		wg.Go(func() {
			for job := range jobs {
				if err := l.write(ctx, job); err != nil {
					l.fail(err)
					cancel()
				}
			}
		})
	}
	readErr := l.read(ctx, in)
	for _, jobs := range l.workers {
		close(jobs)
	}
	wg.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.err != nil {
		return l.mu.err
	}
	return readErr
}

// read hands lines to the workers, in batches, until one makes no sense. Those
// before it are still written.
func (l *loader) read(ctx context.Context, in io.Reader) error {
	pending := make([][]write, len(l.workers))
	send := func(w int) error {
		select {
		case l.workers[w] <- pending[w]:
			pending[w] = nil
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 1<<16), maxLine)
	var bad error
	for n := 1; bad == nil && lines.Scan(); n++ {
		l.bytes.Add(int64(len(lines.Bytes()) + 1))
		data := bytes.TrimSpace(lines.Bytes())
		if len(data) == 0 {
			continue
		}
		wr, err := parseWrite(data)
		if err != nil {
			bad = usagef("line %d: %w", n, err)
			continue
		}
		wr.line = n
		w := int(maphash.String(l.seed, wr.key) % uint64(len(l.workers)))
		if pending[w] = append(pending[w], wr); len(pending[w]) == l.batch {
			if err := send(w); err != nil {
				return err
			}
		}
	}
	for w := range pending {
		if len(pending[w]) == 0 {
			continue
		}
		if err := send(w); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return usagef("%w", err)
	}
	return bad
}

// write sends one batch and counts what was written.
func (l *loader) write(ctx context.Context, job []write) error {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	b := command.NewBatch()
	results := make([]func() error, len(job))
	for i, w := range job {
		results[i] = w.add(b)
	}
	_ = l.api.Run(ctx, b) // Each result has its own error.
	var first error
	for i, result := range results {
		err := result()
		if err == nil {
			l.loaded.Add(1)
		} else if first == nil {
			first = fmt.Errorf("line %d: %w", job[i].line, err)
		}
	}
	return first
}

func (l *loader) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.err == nil {
		l.mu.err = err
	}
}

// explain adds where it happened and how much was loaded.
func (l *loader) explain(file string, err error) error {
	f := explain(err)
	return &failure{code: f.code, err: fmt.Errorf("%s: %w (%s loaded)", file, f.err, plural(int(l.loaded.Load()), "line")), hint: f.hint}
}

package cli

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// progressEvery is how often the progress line is written again.
const progressEvery = 200 * time.Millisecond

// countingReader counts what is read through it.
type countingReader struct {
	r io.Reader
	n atomic.Int64
}

// Read implements io.Reader.
func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// progress shows on a terminal how far a load is, until the function that it
// returns is called.
func (t *terminal) progress(l *loader, in *input) (stop func()) {
	if !t.errTTY || t.json {
		return func() {}
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	began := time.Now()
	wg.Go(func() {
		tick := time.NewTicker(progressEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				fmt.Fprintf(t.err, "\r\x1b[K%s", progressLine(l.loaded.Load(), in.read.n.Load(), in.size, time.Since(began)))
			case <-done:
				fmt.Fprint(t.err, "\r\x1b[K")
				return
			}
		}
	})
	return func() { close(done); wg.Wait() }
}

// progressLine says how many keys are loaded, how fast, and, where the size of
// the input is known, how much of it is read and how long the rest will take.
func progressLine(keys, read, size int64, took time.Duration) string {
	line := fmt.Sprintf("%d keys, %.0f keys/s", keys, float64(keys)/max(took.Seconds(), 0.001))
	if size <= 0 || read <= 0 {
		return line
	}
	part := min(float64(read)/float64(size), 1)
	const width = 20
	bar := ""
	for i := range width {
		if float64(i) < part*width {
			bar += "█"
		} else {
			bar += "░"
		}
	}
	left := time.Duration(float64(took) * (1 - part) / part)
	return fmt.Sprintf("%s %3.0f%%  %s  %s left", bar, part*100, line, short(left.Round(time.Second)))
}

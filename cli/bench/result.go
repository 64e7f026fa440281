package bench

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// The range and precision of latencies: from a nanosecond to a minute, to three
// digits. Longer ones count as a minute.
const (
	leastLatency = int64(1)
	mostLatency  = int64(time.Minute)
	digits       = 3
)

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(leastLatency, mostLatency, digits)
}

// clamp returns a latency within the range of a histogram.
func clamp(d time.Duration) int64 { return min(max(int64(d), leastLatency), mostLatency) }

// Result is what came of driving a target once.
type Result struct {
	// Ops is how many operations were answered.
	Ops int64
	// Misses is how many reads found nothing.
	Misses int64
	// Took is from the first call to the last answer, and until everything had
	// arrived where the target passes it on.
	Took time.Duration
	// Corrected says that latencies count from when a call was meant to begin.
	Corrected bool

	hist *hdrhistogram.Histogram
}

func (r *Result) add(c *caller) {
	r.Ops += c.done
	r.Misses += c.misses
	r.hist.Merge(c.hist)
}

// PerSecond returns the throughput in operations a second.
func (r *Result) PerSecond() float64 { return float64(r.Ops) / max(r.Took.Seconds(), 1e-9) }

// Latency returns the latency that a part of the operations did not exceed, such as
// 0.99, to three digits.
func (r *Result) Latency(part float64) time.Duration {
	return time.Duration(r.hist.ValueAtQuantile(100 * part))
}

// Max returns the longest latency, to three digits.
func (r *Result) Max() time.Duration { return time.Duration(r.hist.Max()) }

// merged returns the sum of several results.
func merged(rs []*Result) *Result {
	out := &Result{hist: newHistogram()}
	for _, r := range rs {
		out.Ops += r.Ops
		out.Misses += r.Misses
		out.Took += r.Took
		out.Corrected = r.Corrected
		out.hist.Merge(r.hist)
	}
	return out
}

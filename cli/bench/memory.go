package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// memory fills a node and a redis-server with the same keys and compares what the
// system has given each of them since they were empty. Then the node is read and
// written at a rate: how long the collector stops it, and how long GETs take.
func memory(ctx context.Context, e *Env) (*Measured, error) {
	w := sets
	w.Keys = e.Scale.MemoryKeys
	made, err := w.prepare()
	if err != nil {
		return nil, err
	}
	ours, end, err := e.atollMemory(ctx, made)
	if err != nil {
		return nil, err
	}
	defer end.close()
	theirs, err := e.redisMemory(ctx, made)
	if err != nil {
		return nil, err
	}
	e.progress("memory, GET under load")
	gets, err := underLoad(ctx, end.RESP(), e.Scale)
	if err != nil {
		return nil, err
	}
	pauses := pausesOf(end.errors.String())
	keys := float64(w.Keys)
	return &Measured{
		Figures: []Spread{
			spreadOf([]float64{float64(ours) / float64(theirs)}), spreadOf([]float64{millis(quantile(pauses, 0.99))}),
			spreadOf([]float64{millis(gets.Latency(0.999))}),
		},
		Notes: []string{
			fmt.Sprintf("%d keys; resident bytes a key: atoll %.0f, redis-server %.0f", w.Keys, float64(ours)/keys, float64(theirs)/keys),
			fmt.Sprintf("%d pauses, the longest %s; GETs at %.0f a second: p50 %s, p99 %s, p99.9 %s, from when they were meant to begin",
				len(pauses), slices.Max(append(pauses, 0)), gets.PerSecond(), gets.Latency(0.5), gets.Latency(0.99), gets.Latency(0.999)),
		},
	}, nil
}

// atollMemory starts a node that tells about its collector, fills it, and returns
// by how much it has grown.
func (e *Env) atollMemory(ctx context.Context, w *work) (grown int64, a *AtollProcess, err error) {
	if a, err = e.Servers.StartAtoll(ctx, []string{"one"}, 0, "GODEBUG=gctrace=1"); err != nil {
		return 0, nil, err
	}
	if grown, err = e.grow(ctx, a.RESP(), a.pid(), w); err != nil {
		return 0, nil, errors.Join(err, a.close())
	}
	return grown, a, nil
}

// redisMemory starts a redis-server, fills it, and returns by how much it has grown.
func (e *Env) redisMemory(ctx context.Context, w *work) (int64, error) {
	r, err := startRedis(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer r.close()
	return e.grow(ctx, RESP(redisProgram, r.address), r.pid(), w)
}

// grow fills a target and returns by how many resident bytes its process has grown.
func (e *Env) grow(ctx context.Context, t Target, pid int, w *work) (int64, error) {
	e.progress("%s, fill %d keys", t.Name(), w.Keys)
	s, err := open(ctx, t, w, Load{Callers: fillers, Duration: e.Scale.Duration})
	if err != nil {
		return 0, err
	}
	defer s.close()
	before, err := residentBytes(pid)
	if err != nil {
		return 0, fmt.Errorf("memory of %s: %w", t.Name(), err)
	}
	if err := s.fill(ctx, w); err != nil {
		return 0, err
	}
	after, err := residentBytes(pid)
	if err != nil {
		return 0, fmt.Errorf("memory of %s: %w", t.Name(), err)
	}
	return max(after-before, 1), nil
}

// hashMemory compares what hashes of 1,000 small fields take.
func hashMemory(ctx context.Context, e *Env) (*Measured, error) {
	w := Workload{Name: "hashes", Keys: e.Scale.Hashes, KeyBytes: 16, ValueBytes: 8, Fields: 1000, Mix: []Share{{HGet, 1}}}
	made, err := w.prepare()
	if err != nil {
		return nil, err
	}
	ours, a, err := e.atollMemory(ctx, made)
	if err != nil {
		return nil, err
	}
	defer a.close()
	theirs, err := e.redisMemory(ctx, made)
	if err != nil {
		return nil, err
	}
	fields := float64(w.Keys * w.Fields)
	note := fmt.Sprintf("%d hashes, 12-byte fields, 8-byte values; resident bytes a field: atoll %.0f, redis-server %.0f",
		w.Keys, float64(ours)/fields, float64(theirs)/fields)
	return &Measured{Figures: []Spread{spreadOf([]float64{float64(ours) / float64(theirs)})}, Notes: []string{note}}, nil
}

// underLoad reads at a rate while others write, and returns how the reads fared.
func underLoad(ctx context.Context, t Target, scale Scale) (*Result, error) {
	const readers, writers = 50, 8
	var results [2]*Result
	var errs [2]error
	var wg sync.WaitGroup
	for i, load := range []Load{
		{Callers: readers, Rate: 0.9 * scale.LagRate, Duration: scale.LagFor},
		{Callers: writers, Rate: 0.1 * scale.LagRate, Duration: scale.LagFor},
	} {
		w := []Workload{gets, sets}[i]
		w.Keys = scale.MemoryKeys
		made, err := w.prepare()
		if err != nil {
			return nil, err
		}
		s, err := open(ctx, t, made, load)
		if err != nil {
			return nil, err
		}
		defer s.close()
		wg.Go(func() { results[i], errs[i] = s.run(ctx) })
	}
	wg.Wait()
	return results[0], errors.Join(errs[:]...)
}

// pausesOf reads from a trace of the collector for how long it stopped the program,
// twice in each cycle.
func pausesOf(trace string) []time.Duration {
	var out []time.Duration
	for line := range strings.Lines(trace) {
		_, rest, ok := strings.Cut(line, "%: ")
		clock, _, ok2 := strings.Cut(rest, " ms clock")
		phases := strings.Split(clock, "+")
		if !strings.HasPrefix(line, "gc ") || !ok || !ok2 || len(phases) != 3 {
			continue
		}
		for _, i := range []int{0, 2} {
			if ms, err := strconv.ParseFloat(phases[i], 64); err == nil {
				out = append(out, time.Duration(ms*float64(time.Millisecond)))
			}
		}
	}
	return out
}

// quantile returns what a part of some durations does not exceed, zero of none.
func quantile(ds []time.Duration, part float64) time.Duration {
	if len(ds) == 0 {
		return 0
	}
	ds = slices.Sorted(slices.Values(ds))
	return ds[min(int(part*float64(len(ds))), len(ds)-1)]
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

package e2e

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// scenario is a world, and what is done to it while the workload runs.
type scenario struct {
	name string
	form form
	topology
	steps []step
}

// form says when a scenario is run.
type form bool

const (
	short    form = true  // always, so in make test
	onlyLong form = false // with -long, so in make e2e
)

// step is one thing that is done, from its beginning to its healing.
type step struct {
	name string
	do   func(*trial)
}

// trial is a scenario under way.
type trial struct {
	*world
	*workload
	t     *testing.T
	blobs int // large values written
}

// run runs a scenario.
func (s scenario) run(t *testing.T) {
	number := *seed
	if number == 0 {
		number = rand.Uint64()
	}
	w := newWorld(t, s.topology)
	r := &trial{world: w, workload: startWorkload(w, number), t: t}
	t.Cleanup(func() { r.keepHistory(number) })
	r.untilProgress(5, s.regions...)
	for _, step := range s.steps {
		began := r.history.now()
		step.do(r)
		r.untilProgress(5, s.regions...)
		t.Logf("%5.1f s to %5.1f s: %s", began.Seconds(), r.history.now().Seconds(), step.name)
	}
	r.finish()
}

// finish stops the workload, waits until all regions are equal and checks the
// history.
func (r *trial) finish() {
	r.t.Helper()
	until(r.t, progressWithin, "everything has been done at least once", r.history.thin)
	r.stop()
	r.untilComplete()
	r.verify()
	all := r.show()
	for i, complaint := range check(r.history, all) {
		if i == 20 {
			r.t.Errorf("and more")
			break
		}
		r.t.Error(complaint)
	}
	r.t.Log(r.history.summary())
	r.t.Log(r.history.slowest())
	if len(all) > 0 {
		r.t.Logf("lost with killed nodes, as documented: %d", lostInCrash(r.history, all[0]))
	}
}

// keepHistory writes the history beside the logs, and tells how to repeat what
// has failed.
func (r *trial) keepHistory(number uint64) {
	path := filepath.Join(r.dir, "history.jsonl")
	if err := r.history.write(path); err != nil {
		r.t.Error(err)
	}
	if r.t.Failed() {
		r.t.Logf("seed of the workload: -seed=%d; -logs=DIR keeps logs and the history", number)
	}
}

// progressWithin is how long a region that can work may go without acknowledging
// what it is asked.
const progressWithin = 30 * time.Second

// untilProgress waits until regions have acknowledged n more operations by each
// way.
func (r *trial) untilProgress(n int, regions ...string) {
	r.t.Helper()
	before := r.history.done()
	until(r.t, progressWithin, fmt.Sprintf("%s have acknowledged %d more operations", strings.Join(regions, ", "), n), func() error {
		now := r.history.done()
		for _, region := range regions {
			for _, via := range []string{viaGo, viaPlain} {
				p := place{region, via}
				if have := now[p] - before[p]; have < n {
					return fmt.Errorf("%v has acknowledged %d", p, have)
				}
			}
		}
		return nil
	})
}

// show reads everything that the workload has written, in every region by every
// way.
func (r *trial) show() []shown {
	r.t.Helper()
	texts, fields := map[string]bool{}, map[string]bool{}
	for _, rec := range r.history.records {
		switch rec.Verb {
		case incr, set:
			texts[rec.Key] = true
		case once, sadd, hset:
			fields[rec.Key] = rec.Verb != sadd
		}
	}
	var all []shown
	for _, region := range r.topo.regions {
		for _, via := range []string{viaGo, viaPlain} {
			var s shown
			// A node that has just been thawed says that it is to be asked again.
			until(r.t, progressWithin, fmt.Sprintf("everything in %s is read by %s", region, via), func() (err error) {
				s, err = read(via, r.urls(region), region, texts, fields)
				if outcomeOf(err) == broken {
					r.t.Fatalf("read everything in %s by %s: %v", region, via, err)
				}
				return err
			})
			all = append(all, s)
		}
	}
	return all
}

// read reads keys in a region; fields says of collections whether they are hashes.
func read(via, url, region string, texts, fields map[string]bool) (shown, error) {
	s := shown{place: place{region, via}, text: map[string]string{}, fields: map[string]map[string]string{}, closed: map[string]bool{}}
	c, err := dial(via, url, region, "reader")
	if err != nil {
		return s, err
	}
	defer c.close()
	for key := range texts {
		value, err := c.run(newSession(), &record{Verb: get, Key: key})
		var service *errService
		switch {
		case errors.As(err, &service) && service.code == 413:
			s.closed[key] = true
		case err != nil:
			return s, fmt.Errorf("%s: %w", key, err)
		case value != "":
			s.text[key] = digest(value)
		}
	}
	for key, hash := range fields {
		if s.fields[key], err = c.dump(key, hash); err != nil {
			return s, fmt.Errorf("%s: %w", key, err)
		}
	}
	return s, nil
}

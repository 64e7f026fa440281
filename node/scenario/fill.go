package scenario

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// element is an argument that stands for an element of the list that the client was
// replied last, counted from 1.
var element = regexp.MustCompile(`^\$([1-9])$`)

// filledIn returns a command's arguments with elements of the last reply in their places.
func (r *run) filledIn(c Client, args []string) ([]string, error) {
	out := slices.Clone(args)
	for i, a := range args {
		m := element.FindStringSubmatch(a)
		if m == nil {
			continue
		}
		n, _ := strconv.Atoi(m[1])
		list := r.last[c].List
		if n > len(list) || list[n-1].Text == "" {
			return nil, fmt.Errorf("in %s: the last reply has no element %d", c, n)
		}
		out[i] = list[n-1].Text
	}
	return out, nil
}

// How often openFills asks, and how long it waits in between: a minute in all.
const (
	openTries = 1200
	openPause = 50 * time.Millisecond
)

// openFills waits until fills may be made in the partition of every key of the scenario:
// the first in a partition are not, until all have heard of it. It asks of another key of
// the same slot.
func (r *run) openFills(ctx context.Context, s *Scenario) error {
	for i := range s.Steps {
		if a := s.Steps[i].Args; len(a) > 1 && a[0] == "ATOLL.MISS" {
			if err := r.openFill(ctx, "{"+a[1]+"}open"); err != nil {
				return err
			}
		}
	}
	return r.world.Sync(ctx, r.regions)
}

// errNotOpen says that fills have not been let in for a minute.
var errNotOpen = errors.New("no fill is let in")

func (r *run) openFill(ctx context.Context, key string) error {
	for range openTries {
		r.world.Advance(tick)
		v, err := r.ask(Client{r.regions[0], 1}, []string{"ATOLL.MISS", key})
		if err != nil {
			return err
		}
		if len(v.List) == 3 && (v.List[1].Text != "" || v.List[2].Int > 0) {
			return nil
		}
		timer := time.NewTimer(openPause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
	return fmt.Errorf("%w: of %s", errNotOpen, key)
}

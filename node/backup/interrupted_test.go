package backup_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/atollcache/atoll/node/backup"
)

// TestRestoreInterrupted: a restore that is stopped anywhere says so, and another finishes
// it: everything is there, counters count once, and how far it is was told in order, to the
// end.
func TestRestoreInterrupted(t *testing.T) {
	for name, o := range map[string]backup.Options{"merged": {}, "as new": {AsNew: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startWorld(t, "one", nil, "us", "eu")
			const keys = 100
			for i := range keys {
				w.all("us", fmt.Sprintf("INCRBY n%d %d", i, i+1))
			}
			w.untilEqual()
			dir, _ := w.take("us")
			w.restart()
			b, err := backup.Open(nil, dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, stop := range []int{1, partitions / 2, partitions - 1} {
				ctx, cancel := context.WithCancel(t.Context())
				cfg := w.config("us")
				cfg.Progress = func(p backup.Progress) {
					if p.Step == "restore" && p.Partitions >= stop {
						cancel()
					}
				}
				if _, err := backup.Restore(ctx, cfg, b, o); !errors.Is(err, context.Canceled) && stop < partitions-4 {
					t.Errorf("stopped after %d partitions: want context.Canceled, have %v", stop, err)
				}
				cancel()
			}
			var told []int
			cfg, of := w.config("eu"), 0
			cfg.Progress = func(p backup.Progress) {
				if p.Step == "restore" {
					told, of = append(told, p.Partitions), p.Of
				}
			}
			if r, err := backup.Restore(t.Context(), cfg, b, o); err != nil || r.Keys != keys {
				t.Fatalf("once more: want %d keys seen to, have %+v, %v", keys, r, err)
			}
			if len(told) == 0 || !slices.IsSorted(told) || told[len(told)-1] != of || of != partitions {
				t.Errorf("progress: want up to %d of %d partitions in order, have %v of %d", partitions, partitions, told, of)
			}
			w.untilEqual()
			for i := range keys {
				w.wants("interrupted and finished", "eu", map[string]string{fmt.Sprintf("GET n%d", i): fmt.Sprint(i + 1)})
			}
		})
	}
}

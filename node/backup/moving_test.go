package backup_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/atollcache/atoll/node/backup"
)

// TestNodesComeAndGo: while a node leaves, and another comes, everything is backed up
// and restored.
func TestNodesComeAndGo(t *testing.T) {
	t.Parallel()
	w := startWorld(t, "one", nil, "us")
	w.start("us", "us-2")
	w.untilKnown()
	const keys = 300
	for i := range keys {
		w.all("us", fmt.Sprintf("SET k%d v", i))
	}
	w.untilEqual()
	var moving sync.WaitGroup
	defer moving.Wait()
	leaves := func(name string) func(backup.Progress) {
		once := sync.OnceFunc(func() { moving.Go(w.nodes[name].stop) })
		return func(p backup.Progress) {
			if p.Step != "check" && p.Partitions > 0 {
				once()
			}
		}
	}
	cfg := w.config("us")
	cfg.AtOnce, cfg.Progress = 1, leaves("us-1")
	dir := filepath.Join(t.TempDir(), "backup")
	m, err := backup.Take(t.Context(), cfg, dir)
	if err != nil || m.Keys != keys {
		t.Fatalf("while a node leaves: want %d keys, have %+v, %v", keys, m, err)
	}
	moving.Wait()
	w.nodes["us-2"].stop()
	delete(w.nodes, "us-2")
	w.start("us", "us-1")
	w.start("us", "us-3")
	w.untilKnown()
	w.wants("begun anew", "us", map[string]string{"DBSIZE": "0"})
	b, err := backup.Open(nil, dir)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Progress = leaves("us-3")
	r, err := backup.Restore(t.Context(), cfg, b, backup.Options{})
	if err != nil {
		t.Logf("again: %v", err) // Its end may come between a question and its answer.
		r, err = backup.Restore(t.Context(), cfg, b, backup.Options{})
	}
	if err != nil || r.Taken+r.Equal != keys {
		t.Errorf("while a node leaves: want %d keys, have %+v, %v", keys, r, err)
	}
	w.until("all are back", func() error {
		if have := w.do("us", "DBSIZE"); have != fmt.Sprint(keys) {
			return fmt.Errorf("%s keys", have)
		}
		return nil
	})
}

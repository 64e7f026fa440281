package cli

import (
	"testing"
	"time"

	"github.com/atollcache/atoll/node/backup"
)

func TestPartitionLine(t *testing.T) {
	for want, p := range map[string]backup.Progress{
		"backup: 0 of 256 partitions, 0 keys, 0 B, 0 B/s":                           {Step: "backup", Of: 256},
		"backup: 64 of 256 partitions, 1 key, 1.0 MiB, 102.4 KiB/s, 30s left":       {Step: "backup", Of: 256, Partitions: 64, Keys: 1, Done: 1 << 20},
		"restore: 256 of 256 partitions, 500 keys, 2.0 MiB of 2.0 MiB, 204.8 KiB/s": {Step: "restore", Of: 256, Partitions: 256, Keys: 500, Done: 2 << 20, Size: 2 << 20},
	} {
		if have := partitionLine(p, 10*time.Second); have != want {
			t.Errorf("%+v: want %q, have %q", p, want, have)
		}
	}
}

package backup

import (
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// Machine is the machine's file system.
var Machine FS = machine{}

// EachKey calls f for the keys of a partition.
func (b *Backup) EachKey(p region.Partition, f func(key string)) error {
	return b.each(p, func(m *cachesync.Message, _ []byte) error {
		for _, key := range m.Piece.Keys {
			f(key)
		}
		return nil
	})
}

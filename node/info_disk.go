package node

import "github.com/atollcache/atoll/node/wire"

// diskInfo says how the data directory does, nil when there is none, and adds what it
// has counted.
func (l *life) diskInfo(counters map[string]int64) *wire.DiskInfo {
	d := l.disk
	if d == nil {
		return nil
	}
	d.mu.Lock()
	s := d.mu.stats
	d.mu.Unlock()
	keys, bytes := l.core.Unsaved()
	m := d.store.Metrics()
	info := &wire.DiskInfo{
		Dir: d.cfg.Dir, Durability: string(d.cfg.Durability), Unsaved: int(keys), UnsavedBytes: int(bytes),
		Bytes: m.DiskBytes, Clean: d.found.Clean,
	}
	if d.cfg.Durability == Interval {
		info.Window = d.cfg.Window.String()
	}
	if !s.saved.IsZero() {
		info.Saved, info.Took = &s.saved, s.took.String()
	}
	if err := d.failed(); err != nil {
		info.Error = err.Error()
	}
	for _, shard := range l.core.Shards() {
		info.InMemory += shard.InMemory()
	}
	for name, n := range map[string]int64{
		"disk_rounds": s.rounds, "disk_saves": s.saves, "disk_waited": s.waited, "disk_refused": s.refused,
		"disk_longest_us": s.longest.Microseconds(), "disk_bytes": m.DiskBytes, "disk_log_bytes": m.LogBytes,
		"disk_cache_hits": m.CacheHits, "disk_cache_misses": m.CacheMisses, "disk_stalls": m.Stalls,
		"disk_unsaved_keys": keys, "disk_unsaved_bytes": bytes,
	} {
		counters[name] = n
	}
	return info
}

package resp

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/atollcache/atoll/node/wire"
)

// infoSections are the sections of INFO in the order in which it shows them. Those
// after defaultSections are shown when they are asked for.
var infoSections = []struct {
	name  string
	write func(*Server, *infoWriter)
}{
	{"server", infoServer}, {"clients", infoClients}, {"memory", infoMemory}, {"persistence", infoPersistence}, {"stats", infoStats},
	{"replication", infoReplication}, {"cpu", infoCPU}, {"modules", func(*Server, *infoWriter) {}}, {"errorstats", infoErrors},
	{"cluster", infoCluster}, {"keyspace", infoKeyspace}, {"geo", infoGeo},
	{"commandstats", infoCommands}, {"latencystats", infoLatency},
}

const defaultSections = 12

// infoWriter collects the lines of INFO.
type infoWriter struct{ b strings.Builder }

func (w *infoWriter) put(name string, value any) { fmt.Fprintf(&w.b, "%s:%v\r\n", name, value) }

func info(c *conn, args []string) {
	w := &infoWriter{}
	wanted := args[1:]
	for i, section := range infoSections {
		named := slices.ContainsFunc(wanted, func(a string) bool {
			a = strings.ToLower(a)
			return a == section.name || a == "all" || a == "everything" || a == "default" && i < defaultSections
		})
		if !named && (len(wanted) > 0 || i >= defaultSections) {
			continue
		}
		if w.b.Len() > 0 {
			w.b.WriteString("\r\n")
		}
		fmt.Fprintf(&w.b, "# %s%s\r\n", strings.ToUpper(section.name[:1]), section.name[1:])
		section.write(c.s, w)
	}
	c.w.Verbatim(w.b.String())
}

func (s *Server) mode() string {
	if s.cfg.ClusterMode {
		return "cluster"
	}
	return "standalone"
}

func infoServer(s *Server, w *infoWriter) {
	up := int64(time.Since(s.started).Seconds())
	w.put("redis_version", s.cfg.Version)
	w.put("redis_git_sha1", "00000000")
	w.put("redis_git_dirty", 0)
	w.put("redis_build_id", "0")
	w.put("redis_mode", s.mode())
	w.put("atoll_version", s.cfg.Build)
	w.put("os", runtime.GOOS)
	w.put("arch_bits", 32<<(^uint(0)>>63))
	w.put("monotonic_clock", "go")
	w.put("multiplexing_api", "go")
	w.put("gcc_version", "0.0.0")
	w.put("process_id", os.Getpid())
	w.put("run_id", s.runID)
	w.put("tcp_port", s.port())
	w.put("server_time_usec", time.Now().UnixMicro())
	w.put("uptime_in_seconds", up)
	w.put("uptime_in_days", up/86400)
	w.put("hz", 10)
	w.put("configured_hz", 10)
	w.put("lru_clock", time.Now().Unix()&(1<<24-1))
	executable, _ := os.Executable() // It is empty when it is not known.
	w.put("executable", executable)
	w.put("config_file", "")
	w.put("io_threads_active", 0)
}

func infoClients(s *Server, w *infoWriter) {
	largest, subscribers := 0, 0
	for _, c := range s.all() {
		waiting, _ := c.out.held()
		largest = max(largest, waiting)
		if c.isKind("pubsub") {
			subscribers++
		}
	}
	s.tracking.mu.Lock()
	trackers := len(s.tracking.mu.clients)
	s.tracking.mu.Unlock()
	w.put("connected_clients", s.count())
	w.put("cluster_connections", 0)
	w.put("maxclients", s.settings.maxClients())
	w.put("client_recent_max_input_buffer", 0)
	w.put("client_recent_max_output_buffer", largest)
	w.put("blocked_clients", s.stalled.Load())
	w.put("tracking_clients", trackers)
	w.put("pubsub_clients", subscribers)
	w.put("clients_in_timeout_table", 0)
}

func infoMemory(s *Server, w *infoWriter) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	node := s.node.Node()
	used, rss := m.HeapAlloc, m.Sys-m.HeapReleased
	w.put("used_memory", used)
	w.put("used_memory_human", human(used))
	w.put("used_memory_rss", rss)
	w.put("used_memory_rss_human", human(rss))
	w.put("used_memory_peak", max(m.HeapSys, used))
	w.put("used_memory_peak_human", human(max(m.HeapSys, used)))
	w.put("used_memory_dataset", node.Bytes)
	w.put("total_system_memory", 0)
	w.put("used_memory_lua", 0)
	limit, policy := s.memory()
	w.put("maxmemory", limit)
	w.put("maxmemory_human", human(uint64(limit)))
	w.put("maxmemory_policy", policy)
	w.put("mem_fragmentation_ratio", fmt.Sprintf("%.2f", float64(rss)/float64(max(used, 1))))
	w.put("mem_allocator", "go")
	w.put("active_defrag_running", 0)
}

// human returns a number of bytes as Redis shows it.
func human(n uint64) string {
	for _, u := range []struct {
		size uint64
		name string
	}{{1 << 40, "T"}, {1 << 30, "G"}, {1 << 20, "M"}, {1 << 10, "K"}} {
		if n >= u.size {
			return fmt.Sprintf("%.2f%s", float64(n)/float64(u.size), u.name)
		}
	}
	return fmt.Sprintf("%dB", n)
}

func infoPersistence(s *Server, w *infoWriter) {
	for _, name := range []string{"loading", "async_loading", "rdb_bgsave_in_progress", "aof_enabled", "aof_rewrite_in_progress"} {
		w.put(name, 0)
	}
	disk, status := s.node.Node().Disk, "ok"
	if disk == nil {
		disk = &wire.DiskInfo{}
	}
	if disk.Error != "" {
		status = "err"
	}
	w.put("rdb_changes_since_last_save", disk.Unsaved)
	if disk.Saved != nil {
		w.put("rdb_last_save_time", disk.Saved.Unix())
	}
	w.put("rdb_last_bgsave_status", status)
	w.put("aof_last_write_status", status)
	if disk.Dir == "" {
		return
	}
	w.put("atoll_data_dir", disk.Dir)
	w.put("atoll_durability", disk.Durability)
	w.put("atoll_durability_interval", disk.Window)
	w.put("atoll_unsaved_bytes", disk.UnsavedBytes)
	w.put("atoll_disk_bytes", disk.Bytes)
	w.put("atoll_disk_error", disk.Error)
}

func infoStats(s *Server, w *infoWriter) {
	st := &s.stats
	counters := s.node.Node().Counters
	s.hub.mu.Lock()
	channels, patterns := len(s.hub.mu.channels), len(s.hub.mu.patterns)
	s.hub.mu.Unlock()
	s.tracking.mu.Lock()
	tracked := len(s.tracking.mu.readers)
	s.tracking.mu.Unlock()
	w.put("total_connections_received", st.connections.Load())
	w.put("total_commands_processed", st.commands.Load())
	w.put("instantaneous_ops_per_sec", st.perSecond.Load())
	w.put("rejected_connections", st.rejected.Load())
	w.put("expired_keys", counters["expired"])
	w.put("evicted_keys", counters["evicted"])
	w.put("keyspace_hits", st.hits.Load())
	w.put("keyspace_misses", st.misses.Load())
	w.put("pubsub_channels", channels)
	w.put("pubsub_patterns", patterns)
	w.put("tracking_total_keys", tracked)
	w.put("unexpected_error_replies", 0)
	w.put("total_error_replies", st.errors.Load())
	w.put("client_query_buffer_limit_disconnections", st.protocolErrors.Load())
	w.put("client_output_buffer_limit_disconnections", st.cut.Load())
	w.put("idle_disconnections", st.idled.Load())
	w.put("acl_access_denied", st.denied.Load())
}

func infoReplication(s *Server, w *infoWriter) {
	w.put("role", "master")
	w.put("connected_slaves", 0)
	w.put("master_failover_state", "no-failover")
	w.put("master_replid", s.runID)
	w.put("master_repl_offset", s.stats.commands.Load())
	w.put("repl_backlog_active", 0)
}

func infoErrors(s *Server, w *infoWriter) {
	s.stats.mu.Lock()
	defer s.stats.mu.Unlock()
	for _, code := range sortedKeys(s.stats.mu.byError) {
		w.put("errorstat_"+code, fmt.Sprintf("count=%d", s.stats.mu.byError[code]))
	}
}

func infoCluster(s *Server, w *infoWriter) {
	on := 0
	if s.cfg.ClusterMode {
		on = 1
	}
	w.put("cluster_enabled", on)
}

func infoKeyspace(s *Server, w *infoWriter) {
	if keys, expiring := s.node.Keyspace(); keys > 0 {
		w.put("db0", fmt.Sprintf("keys=%d,expires=%d,avg_ttl=0", keys, expiring))
	}
}

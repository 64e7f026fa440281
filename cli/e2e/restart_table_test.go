package e2e

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

// restartWithin bounds the start and the stop of a server with very many keys.
const restartWithin = 10 * time.Minute

func splitPort(t testing.TB, addr string) (host, port string) {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return host, port
}

// restartTable returns what has been measured.
func restartTable(servers []*restarted) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "server\tfiles\tfirst read\tworst\tfirst write\tworst\tstarts\tfilled in\tstopped in\tbytes a key\n")
	for _, s := range servers {
		for _, cold := range []bool{true, false} {
			var reads, writes []time.Duration
			for _, at := range s.starts {
				if at.cold == cold {
					reads, writes = append(reads, at.read), append(writes, at.write)
				}
			}
			if len(reads) == 0 {
				continue
			}
			files := "in memory"
			if cold {
				files = "on disk"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\t%d\n", s.name, files, inMillis(middle(reads)), inMillis(slices.Max(reads)),
				inMillis(middle(writes)), inMillis(slices.Max(writes)), len(reads), inMillis(s.loading), inMillis(s.stopping), s.bytes/int64(*restartKeys))
		}
	}
	_ = w.Flush() // A strings.Builder takes everything.
	return b.String()
}

// middle returns the median.
func middle(ds []time.Duration) time.Duration {
	slices.Sort(ds)
	return ds[len(ds)/2]
}

func inMillis(d time.Duration) string {
	return fmt.Sprintf("%.0f ms", float64(d)/float64(time.Millisecond))
}

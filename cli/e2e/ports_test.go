package e2e

import (
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
)

// Ports are taken from below those that systems give to outgoing connections, so
// that none of those is in the way when a server is started again.
const (
	firstPort = 12000
	lastPort  = 32000
)

var taken struct {
	sync.Mutex
	ports map[int]bool
}

// freePort returns a port that nobody listens on, and that it has not returned
// before.
func freePort(t testing.TB) int {
	t.Helper()
	taken.Lock()
	defer taken.Unlock()
	if taken.ports == nil {
		taken.ports = map[int]bool{}
	}
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		if taken.ports[port] {
			continue
		}
		l, err := net.Listen("tcp", loopback(port))
		if err != nil {
			continue
		}
		_ = l.Close()
		taken.ports[port] = true
		return port
	}
	t.Fatal("no free port found")
	return 0
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

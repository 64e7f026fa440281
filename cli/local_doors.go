package cli

import (
	"net"
	"strconv"

	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/node/resp"
)

// localDoors says where the nodes of a local cluster serve Redis clients and HTTP:
// node j of region i at the first port and 10·i+j. Port 0 takes free ones.
type localDoors struct{ resp, http int }

// perRegion is how far the ports of one region are from those of the next.
const perRegion = 10

func (d *localDoors) validate(regions, nodes int) error {
	if d == nil {
		return nil
	}
	for _, p := range []struct {
		flag string
		port int
	}{{"resp-port", d.resp}, {"http-port", d.http}} {
		last := p.port + perRegion*(regions-1) + nodes - 1
		switch {
		case p.port < 0 || p.port > 0 && last > 65535:
			return usagef("--%s is %d; use 1 to 65535 for all nodes, or 0 for any", p.flag, p.port)
		case p.port > 0 && nodes > perRegion && regions > 1:
			return usagef("%d nodes in a region need more ports than there are between two regions", nodes).withHint("use at most %d, or --%s 0", perRegion, p.flag)
		}
	}
	return nil
}

// listen opens the doors of one node.
func (d *localDoors) listen(regionIndex, index int) (redis node.RedisConfig, web *webServer, err error) {
	if d == nil {
		return redis, nil, nil
	}
	if redis.Listener, err = listenLocal(d.resp, regionIndex, index); err != nil {
		return redis, nil, err
	}
	redis.Server = resp.Config{Build: version().Version}
	ln, err := listenLocal(d.http, regionIndex, index)
	if err != nil {
		redis.Listener.Close()
		return node.RedisConfig{}, nil, err
	}
	return redis, newWebServer(ln), nil
}

func listenLocal(port, regionIndex, index int) (net.Listener, error) {
	if port > 0 {
		port += perRegion*regionIndex + index
	}
	ln, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	return ln, listenFailure(err)
}

// closeDoors closes what a node of a local cluster listens at.
func (n *localNode) closeDoors() {
	if n.redis != nil {
		n.redis.Close()
	}
	n.web.close()
}

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// natsServer is a process of nats-server.
type natsServer struct {
	*process
	name string
	// The ports: for clients, for other servers of the same NATS cluster, for
	// gateways or leaf nodes, and for monitoring over HTTP.
	client, route, outside, monitor int
}

func newNATSServer(t testing.TB, dir, name string) *natsServer {
	s := &natsServer{name: name, client: freePort(t), route: freePort(t), outside: freePort(t), monitor: freePort(t)}
	s.process = newProcess(t, dir, "nats-"+name, "Server is ready", programs(t).natsServer, "-c", configPath(dir, name))
	return s
}

func configPath(dir, name string) string { return filepath.Join(dir, "nats-"+name+".conf") }

// configure writes the server's configuration: what every server says, and
// sections of its own.
func (s *natsServer) configure(dir string, sections ...string) {
	s.t.Helper()
	text := fmt.Sprintf("server_name: %q\nlisten: %q\nhttp: %q\n%s\n",
		s.name, loopback(s.client), loopback(s.monitor), strings.Join(sections, "\n"))
	if err := os.WriteFile(configPath(dir, s.name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// routes is the section that joins the servers of one NATS cluster. They do not
// tell clients of each other, which would lead nodes past their proxies.
func (s *natsServer) routes(cluster string, all []*natsServer) string {
	var others []string
	for _, o := range all {
		if o != s {
			others = append(others, fmt.Sprintf("%q", "nats://"+loopback(o.route)))
		}
	}
	return fmt.Sprintf("cluster { name: %q, listen: %q, no_advertise: true, routes: [%s] }", cluster, loopback(s.route), strings.Join(others, ", "))
}

// gateways is the section that joins a region's server to those of other regions,
// each through proxies of its own. What servers tell each other of where they
// listen must not lead past the proxies, so it leads nowhere: port 1.
func (s *natsServer) gateways(region string, to map[string][]*proxy) string {
	var remotes strings.Builder
	for other, proxies := range to {
		fmt.Fprintf(&remotes, "  { name: %q, urls: [%s] }\n", other, urlList(proxies))
	}
	return fmt.Sprintf("gateway {\n name: %q, listen: %q, advertise: \"127.0.0.1:1\", reject_unknown_cluster: true\n gateways: [\n%s ]\n}",
		region, loopback(s.outside), remotes.String())
}

// hub is the section of a server that takes leaf nodes.
func (s *natsServer) hub() string {
	return fmt.Sprintf("leafnodes { listen: %q, advertise: \"127.0.0.1:1\", no_advertise: true }", loopback(s.outside))
}

// leaf is the section of a server that is a leaf node of a hub, through proxies.
func (s *natsServer) leaf(proxies []*proxy) string {
	return fmt.Sprintf("leafnodes { reconnect: 1, remotes: [ { urls: [%s] } ] }", urlList(proxies))
}

func urlList(proxies []*proxy) string {
	var urls []string
	for _, p := range proxies {
		urls = append(urls, fmt.Sprintf("%q", "nats://"+p.listen))
	}
	return strings.Join(urls, ", ")
}

// slowConsumers returns how many connections the server has cut off since it was
// started because they did not take what it had for them.
func (s *natsServer) slowConsumers() (int, error) {
	text, err := httpCall(http.MethodGet, "http://"+loopback(s.monitor)+"/varz", nil)
	if err != nil {
		return 0, err
	}
	var vars struct {
		SlowConsumers int `json:"slow_consumers"`
	}
	err = json.Unmarshal(text, &vars)
	return vars.SlowConsumers, err
}

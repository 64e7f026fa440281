package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// clusterName is the name of the Atoll cluster under test.
const clusterName = "e2e"

// topology says what a world is made of.
type topology struct {
	regions []string
	servers int    // NATS servers in each region
	hub     int    // servers of a hub that the regions' are leaf nodes of; 0 joins them by gateways
	nodes   int    // Atoll nodes in each region
	setting string // what every nats-server configuration also says
	users   bool   // whether that names the users below
}

// users are those of NATS servers that know users, with what README says that they
// need: a node everything of the cluster, a client only to ask.
const users = `authorization {
 users: [
  { user: node, password: secret, permissions: { publish: ["atoll.e2e.>", "_INBOX.>"], subscribe: ["atoll.e2e.>", "_INBOX.>", "$SRV.>"] } }
  { user: client, password: secret, permissions: {
     publish: ["atoll.e2e.*.do.*", "atoll.e2e.*.alt.*", "atoll.e2e.*.any.*", "atoll.e2e.*.bulk.*", "atoll.e2e.*.kv.>", "_INBOX.>", "$SRV.PING.atoll"], subscribe: ["_INBOX.>"] } }
 ]
}`

// world is a cluster of processes and the links between its regions.
type world struct {
	t       *testing.T
	topo    topology
	dir     string // logs and configurations
	toxi    *toxiproxy
	servers map[string][]*natsServer // by region, and "hub"
	nodes   map[string]*process      // by name, such as eu-1
	links   map[link][]*proxy
}

// link is what carries one region's messages to another's, where regions are
// joined by gateways, or a region's both ways to the hub; or a node's, or those of
// a region's clients, both ways to their NATS servers.
type link struct{ from, to string }

// What a link leads to that is no region.
const (
	hub      = "hub"
	natsLink = "nats"
)

// newWorld starts the NATS servers and all nodes and returns when every node has
// said that it is ready and knows of the others.
func newWorld(t *testing.T, topo topology) *world {
	t.Helper()
	w := &world{t: t, topo: topo, dir: logDir(t), servers: map[string][]*natsServer{}, nodes: map[string]*process{}, links: map[link][]*proxy{}}
	w.toxi = startToxiproxy(t, w.dir)
	for _, region := range topo.regions {
		w.addServers(region, topo.servers)
	}
	w.addServers(hub, topo.hub)
	if topo.hub > 0 {
		w.joinByLeaves()
	} else {
		w.joinByGateways()
	}
	for _, place := range slices.Sorted(maps.Keys(w.servers)) {
		for _, s := range w.servers[place] {
			s.start()
		}
	}
	for _, region := range topo.regions {
		w.addProxies(clientsOf(region), region)
		for i := range topo.nodes {
			w.addNode(region, fmt.Sprintf("%s-%d", region, i+1))
		}
	}
	w.startAll(slices.Sorted(maps.Keys(w.nodes))...)
	w.untilComplete()
	return w
}

// logDir returns where logs go: to what -logs says, else they go with the tests.
func logDir(t *testing.T) string {
	t.Helper()
	root := *logs
	if root == "" {
		root = built.dir
	}
	dir, err := filepath.Abs(filepath.Join(root, filepath.FromSlash(t.Name())))
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func (w *world) addServers(place string, n int) {
	for i := range n {
		w.servers[place] = append(w.servers[place], newNATSServer(w.t, w.dir, fmt.Sprintf("%s-s%d", place, i+1)))
	}
}

func (w *world) addNode(region, name string) {
	w.addProxies(name, region)
	w.nodes[name] = newProcess(w.t, w.dir, name, `"ready":true`, programs(w.t).atoll, "serve", "--json",
		"--cluster", clusterName, "--region", region, "--name", name, "--nats", w.proxied(name, "node"))
}

// clientsOf is what the clients of a region are called as the end of a link.
func clientsOf(region string) string { return region + "-clients" }

// addProxies makes the link from a node or clients to the NATS servers of a region.
func (w *world) addProxies(from, region string) {
	l := link{from, natsLink}
	for _, s := range w.servers[region] {
		w.links[l] = append(w.links[l], w.toxi.add(from+"-to-"+s.name, loopback(s.client)))
	}
}

// proxied returns where that node or those clients connect as a user.
func (w *world) proxied(from, user string) string {
	var urls []string
	for _, p := range w.links[link{from, natsLink}] {
		urls = append(urls, w.url(user, p.listen))
	}
	return strings.Join(urls, ",")
}

// joinByGateways gives each server a gateway to each other region, and every
// gateway connection a proxy that knows who dials whom.
func (w *world) joinByGateways() {
	for _, from := range w.topo.regions {
		to := map[string][]*proxy{}
		for _, other := range w.topo.regions {
			if other == from {
				continue
			}
			l := link{from, other}
			for _, s := range w.servers[other] {
				w.links[l] = append(w.links[l], w.toxi.add(from+"-to-"+s.name, loopback(s.outside)))
			}
			to[other] = w.links[l]
		}
		for _, s := range w.servers[from] {
			s.configure(w.dir, w.topo.setting, s.routes(from, w.servers[from]), s.gateways(from, to))
		}
	}
}

// joinByLeaves makes the regions' servers leaf nodes of the hub.
func (w *world) joinByLeaves() {
	for _, region := range w.topo.regions {
		l := link{region, hub}
		for _, s := range w.servers[hub] {
			w.links[l] = append(w.links[l], w.toxi.add(region+"-to-"+s.name, loopback(s.outside)))
		}
		for _, s := range w.servers[region] {
			s.configure(w.dir, w.topo.setting, s.routes(region, w.servers[region]), s.leaf(w.links[l]))
		}
	}
	for _, s := range w.servers[hub] {
		s.configure(w.dir, w.topo.setting, s.routes(hub, w.servers[hub]), s.hub())
	}
}

// startAll starts nodes side by side and returns when all are ready.
func (w *world) startAll(names ...string) {
	w.t.Helper()
	said := make([]*watcher, len(names))
	for i, name := range names {
		said[i] = w.nodes[name].launch()
	}
	late := time.After(startWithin)
	for i, name := range names {
		select {
		case <-said[i].found:
		case <-w.nodes[name].ended:
			w.t.Fatalf("%s: ended before it was ready: %v", name, w.nodes[name].err)
		case <-late:
			w.t.Fatalf("%s: not ready after %v", name, startWithin)
		}
	}
}

// region returns the region of a node.
func (w *world) region(node string) string {
	region, _, _ := strings.Cut(node, "-")
	return region
}

// urls returns where a region is reached whatever is done to links.
func (w *world) urls(region string) string {
	var urls []string
	for _, s := range w.servers[region] {
		urls = append(urls, w.url("client", loopback(s.client)))
	}
	return strings.Join(urls, ",")
}

// url returns where a user connects to an address.
func (w *world) url(user, address string) string {
	if w.topo.users {
		return "nats://" + user + ":secret@" + address
	}
	return "nats://" + address
}

// atoll runs a command against a region and returns what it says as JSON, and its
// exit code.
func (w *world) atoll(region string, into any, args ...string) (int, error) {
	args = append(args, "--json", "--cluster", clusterName, "--region", region, "--server", w.urls(region))
	cmd := exec.Command(programs(w.t).atoll, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	code := cmd.ProcessState.ExitCode()
	if code > 1 || code < 0 {
		return code, fmt.Errorf("atoll %s in %s: %w\n%s%s", args[0], region, err, stdout.Bytes(), stderr.Bytes())
	}
	if err := json.Unmarshal(stdout.Bytes(), into); err != nil {
		return code, fmt.Errorf("atoll %s in %s: %w\n%s", args[0], region, err, stdout.Bytes())
	}
	return code, nil
}

// states returns how a region sees all nodes: "ready" and the like, by name.
func (w *world) states(region string) (map[string]string, error) {
	var said struct {
		Nodes []struct {
			Name, State string
			Unanswered  bool
		}
	}
	if _, err := w.atoll(region, &said, "nodes"); err != nil {
		return nil, err
	}
	states := map[string]string{}
	for _, n := range said.Nodes {
		if n.Unanswered {
			n.State += ", no answer"
		}
		states[n.Name] = n.State
	}
	return states, nil
}

// untilComplete waits until every region sees every node as ready.
func (w *world) untilComplete() {
	w.t.Helper()
	until(w.t, time.Minute, "every region sees every node", func() error {
		for _, region := range w.topo.regions {
			states, err := w.states(region)
			if err != nil {
				return err
			}
			for name := range w.nodes {
				if states[name] != "ready" {
					return fmt.Errorf("%s sees %v, so %s is not ready", region, states, name)
				}
			}
		}
		return nil
	})
}

// verifyWait is how long regions have to become equal once nothing fails and
// nobody writes.
const verifyWait = 30 * time.Second

// verify wants all regions to hold the same, as atoll verify sees it.
func (w *world) verify() {
	w.t.Helper()
	began := time.Now()
	var said json.RawMessage
	code, err := w.atoll(w.topo.regions[0], &said, "verify", "--wait", verifyWait.String())
	if err != nil {
		w.t.Errorf("verify: %v", err)
		return
	}
	if code != 0 {
		w.t.Errorf("verify: exit code %d: %s", code, said)
		return
	}
	w.t.Logf("equal %v after the end of the workload", time.Since(began).Round(time.Millisecond))
}

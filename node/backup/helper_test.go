package backup_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/node/backup"
	"github.com/atollcache/atoll/node/client"
	"github.com/atollcache/atoll/node/natsd"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

const partitions = 16

// world is nodes of a cluster on one NATS server, and a client in each region.
type world struct {
	t       *testing.T
	server  *natsd.Server
	name    string
	set     func(*node.Config)
	nodes   map[string]*running
	clients map[string]*client.Client
}

// running is a node that runs.
type running struct {
	*node.Node
	nc   *nats.Conn
	stop func()
}

// startWorld starts a node in each region, named REGION-1, and waits until they know of
// each other. set changes their configuration.
func startWorld(t *testing.T, name string, set func(*node.Config), regions ...string) *world {
	t.Helper()
	s, err := natsd.Start(natsd.Options{Port: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	w := &world{t: t, server: s, name: name, set: set, nodes: map[string]*running{}, clients: map[string]*client.Client{}}
	for _, r := range regions {
		w.start(r, r+"-1")
	}
	w.untilKnown()
	for _, r := range regions {
		w.clients[r] = w.client(r)
	}
	return w
}

// restart ends all nodes and starts others of the same names, which know nothing
// unless they find it on a disk.
func (w *world) restart() {
	w.t.Helper()
	for _, n := range w.nodes {
		n.stop()
	}
	for name := range w.nodes {
		r, _, _ := strings.Cut(name, "-")
		w.start(r, name)
	}
	w.untilKnown()
}

func (w *world) start(r, name string) {
	w.t.Helper()
	nc, err := w.server.Connect(natsd.ConnOptions(name)...)
	if err != nil {
		w.t.Fatal(err)
	}
	cfg := node.Config{
		Cluster: w.name, Region: r, Name: name, Conn: nc, Partitions: partitions, JoinWait: 200 * time.Millisecond,
		FrozenAfter: 20 * time.Second, LeaveWait: 100 * time.Millisecond,
		Members: region.Config{HeartbeatEvery: 100 * time.Millisecond, SuspectAfter: 15 * time.Second},
	}
	if w.set != nil {
		w.set(&cfg)
	}
	n, err := node.Open(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = n.Run(ctx) // Some are killed.
	}()
	stop := func() { cancel(); <-ended; nc.Close() }
	w.t.Cleanup(stop)
	w.nodes[name] = &running{n, nc, stop}
	select {
	case <-n.Ready():
	case <-time.After(20 * time.Second):
		w.t.Fatalf("%s is not ready after 20 s", name)
	}
}

// untilKnown waits until every node sees every other serve.
func (w *world) untilKnown() {
	w.t.Helper()
	w.until("every node sees every other", func() error {
		for name, n := range w.nodes {
			nodes, err := n.Nodes(w.t.Context())
			if err != nil {
				return err
			}
			ready := 0
			for _, o := range nodes {
				if o.State == "ready" {
					ready++
				}
			}
			if ready != len(w.nodes) || len(nodes) != len(w.nodes) {
				return fmt.Errorf("%s sees %d of %d nodes", name, ready, len(w.nodes))
			}
		}
		return nil
	})
}

func (w *world) until(what string, check func() error) {
	w.t.Helper()
	err := errors.New("never checked")
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); <-time.After(20 * time.Millisecond) {
		if err = check(); err == nil {
			return
		}
	}
	w.t.Fatalf("%s: %v", what, err)
}

// untilEqual waits until all regions show the same.
func (w *world) untilEqual() {
	w.t.Helper()
	w.until("equal", func() error {
		for _, c := range w.clients {
			v, err := c.Verify(w.t.Context(), 0)
			if err == nil && !(v.Equal && v.Complete) {
				err = fmt.Errorf("%+v", v)
			}
			return err
		}
		return nil
	})
}

func (w *world) client(r string) *client.Client {
	w.t.Helper()
	nc, err := w.server.Connect()
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(nc.Close)
	c, err := client.New(nc, client.WithConfig(client.Config{Cluster: w.name, Region: r, Partitions: partitions}))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = c.Close() })
	return c
}

// do runs a command of words in a region and returns what it replies, as text.
func (w *world) do(r, line string) string {
	w.t.Helper()
	return text(w.clients[r].Do(w.t.Context(), wire.Command{Args: strings.Fields(line)})[0])
}

// all runs commands in a region, none of which may fail.
func (w *world) all(r string, lines ...string) {
	w.t.Helper()
	for _, line := range lines {
		if have := w.do(r, line); strings.HasPrefix(have, "error ") {
			w.t.Fatalf("%s: %s", line, have)
		}
	}
}

// wants checks what commands reply in a region.
func (w *world) wants(what, r string, replies map[string]string) {
	w.t.Helper()
	for line, want := range replies {
		if have := w.do(r, line); have != want {
			w.t.Errorf("%s, in %s: %s: want %q, have %q", what, r, line, want, have)
		}
	}
}

func text(r wire.Reply) string {
	switch r.Type {
	case wire.TypeError:
		return "error " + r.Err.Error()
	case wire.TypeInt:
		return fmt.Sprint(r.Int)
	case wire.TypeList:
		var out []string
		for _, x := range r.List {
			out = append(out, text(x))
		}
		return strings.Join(out, " ")
	case wire.TypeFloat:
		return fmt.Sprint(r.Float)
	case wire.TypeNil:
		return "nil"
	}
	return r.Text
}

func (w *world) config(r string) backup.Config { return backup.Config{Client: w.clients[r]} }

// take makes a backup of a region in a new directory.
func (w *world) take(r string) (string, *backup.Manifest) {
	w.t.Helper()
	dir := filepath.Join(w.t.TempDir(), "backup")
	m, err := backup.Take(w.t.Context(), w.config(r), dir)
	if err != nil {
		w.t.Fatal(err)
	}
	return dir, m
}

// restore restores a directory into a region.
func (w *world) restore(r, dir string, o backup.Options) backup.Result {
	w.t.Helper()
	res, err := w.tryRestore(r, dir, o)
	if err != nil {
		w.t.Fatal(err)
	}
	return res
}

func (w *world) tryRestore(r, dir string, o backup.Options) (backup.Result, error) {
	b, err := backup.Open(nil, dir)
	if err != nil {
		return backup.Result{}, err
	}
	return backup.Restore(w.t.Context(), w.config(r), b, o)
}

// wantResult compares results, whatever the reasons that they give.
func wantResult(t *testing.T, what string, want, have backup.Result) {
	t.Helper()
	have.Why, have.Failure = "", ""
	if have != want {
		t.Errorf("%s: want %+v, have %+v", what, want, have)
	}
}

package node_test

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/node/client"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/natsapi"
	"github.com/atollcache/atoll/node/natsd"
	"github.com/atollcache/atoll/region"
)

// door is one way of clients to a region.
type door interface {
	get(key string) (value string, found bool, err error)
	set(key, value string) error
	incr(key string) error
	sadd(key, member string) error
	// session returns the same door, where reads see the writes made through it.
	session() door
}

// goDoor is the Go client.
type goDoor struct {
	ctx context.Context
	api *command.API
}

func (d goDoor) get(key string) (string, bool, error) { return d.api.Get(d.ctx, key) }

func (d goDoor) set(key, value string) error {
	_, err := d.api.Set(d.ctx, key, value)
	return err
}

func (d goDoor) incr(key string) error {
	_, err := d.api.Incr(d.ctx, key, 1)
	return err
}

func (d goDoor) sadd(key, member string) error {
	_, err := d.api.SAdd(d.ctx, key, member)
	return err
}

func (d goDoor) session() door { return goDoor{command.WithSession(context.Background()), d.api} }

// kvDoor is plain NATS requests, as any NATS client in any language sends them.
type kvDoor struct {
	nc    *nats.Conn
	after map[string]string // by key: the token of the session's last write to it; nil: no session
}

func (d kvDoor) ask(verb, key, body string) (*nats.Msg, error) {
	msg := nats.NewMsg(region.Subjects{Cluster: "test", Region: "us"}.KV(verb, key))
	msg.Data = []byte(body)
	if token := d.after[key]; token != "" {
		msg.Header.Set(natsapi.HeaderAfter, token)
	}
	reply, err := d.nc.RequestMsg(msg, 10*time.Second)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", verb, key, err)
	}
	if text := reply.Header.Get("Nats-Service-Error"); text != "" && reply.Header.Get("Nats-Service-Error-Code") != "404" {
		return nil, fmt.Errorf("%s %s at %s: %s", verb, key, reply.Header.Get(natsapi.HeaderNode), text)
	}
	if wrote := reply.Header.Get(natsapi.HeaderWrote); d.after != nil && wrote != "" {
		d.after[key] = wrote
	}
	return reply, nil
}

func (d kvDoor) get(key string) (string, bool, error) {
	reply, err := d.ask("get", key, "")
	if err != nil {
		return "", false, err
	}
	return string(reply.Data), reply.Header.Get("Nats-Service-Error-Code") == "", nil
}

func (d kvDoor) set(key, value string) error {
	_, err := d.ask("set", key, value)
	return err
}

func (d kvDoor) incr(key string) error {
	_, err := d.ask("incr", key, "")
	return err
}

func (d kvDoor) sadd(key, member string) error {
	_, err := d.ask("sadd", key, member)
	return err
}

func (d kvDoor) session() door { return kvDoor{d.nc, map[string]string{}} }

// churnDoors returns Go clients and plain connections.
func churnDoors(c *cluster) (doors []door, clients []*client.Client) {
	c.t.Helper()
	for i := range 4 {
		nc, err := c.server.Connect(natsd.ConnOptions(fmt.Sprint("churn-", i))...)
		if err != nil {
			c.t.Fatal(err)
		}
		c.t.Cleanup(nc.Close)
		if i%2 == 1 {
			doors = append(doors, kvDoor{nc: nc})
			continue
		}
		// A machine that stands still for a second must not have an increment sent again
		// that is about to run: it counts once only where the first has arrived.
		cl, err := client.New(nc, client.WithCluster("test"), client.WithRegion("us"), client.WithAttemptTimeout(4*time.Second))
		if err != nil {
			c.t.Fatal(err)
		}
		c.t.Cleanup(func() { _ = cl.Close() })
		doors, clients = append(doors, goDoor{context.Background(), cl.API}), append(clients, cl)
	}
	return doors, clients
}

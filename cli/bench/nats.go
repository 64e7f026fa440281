package bench

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/node/client"
	"github.com/atollcache/atoll/node/command"
)

// natsTarget is an Atoll cluster by the Go client over NATS. All callers share one
// client, so that their commands may share messages, as those of a program do.
type natsTarget struct {
	name string
	api  *command.API
	end  func() error
}

// Name implements Target.
func (t *natsTarget) Name() string { return t.name }

// Connect implements Target.
func (t *natsTarget) Connect(context.Context) (Conn, error) { return apiConn{t.api}, nil }

// Close implements Target.
func (t *natsTarget) Close() error {
	if t.end == nil {
		return nil
	}
	return t.end()
}

// API returns a cluster's Go API as a target. Whoever made it closes it.
func API(name string, api *command.API) Target { return &natsTarget{name: name, api: api} }

// dialCluster returns the cluster behind a NATS URL as a target, and end runs when
// that is closed.
func dialCluster(url, clusterName, region string, end func() error) (*natsTarget, error) {
	nc, err := nats.Connect(url, nats.Name("atoll bench"))
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", url, err)
	}
	c, err := client.New(nc, client.WithCluster(clusterName), client.WithRegion(region), client.WithTimeout(patience))
	if err != nil {
		nc.Close()
		return nil, err
	}
	return &natsTarget{name: "atoll, NATS", api: c.API, end: func() error {
		_ = c.Close() // It has nothing to lose any more.
		nc.Close()
		return end()
	}}, nil
}

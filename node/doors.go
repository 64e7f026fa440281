package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/atollcache/atoll/node/natsapi"
	"github.com/atollcache/atoll/region"
)

// doors are the front doors of one life over NATS. To open them and to change
// what they answer for takes a round trip to the NATS server. The core does not
// wait for that: it says what it wants, and run does it.
type doors struct {
	server *natsapi.Server
	log    *slog.Logger
	stir   func()        // tells the others that partitions are about to move
	opened func()        // called once the first offer stands
	wake   chan struct{} // holds one element while there is something to do

	mu struct {
		sync.Mutex
		wanted bool   // open has been called
		isOpen bool   // the server runs
		closed bool   // it does not any more
		err    error  // why it could not be opened
		offer  *offer // the latest that has not been made; nil: none
	}
}

// offer is the partitions that the front doors answer for as the owner and as the
// next replica.
type offer struct{ own, alt []region.Partition }

// newDoors returns the closed front doors of a life.
func newDoors(l *life, opened func()) (*doors, error) {
	d := &doors{log: l.cfg.Log, stir: l.stir, opened: sync.OnceFunc(opened), wake: make(chan struct{}, 1)}
	var err error
	d.server, err = natsapi.New(l.cfg.Conn, fronted{l}, addressed{l}, natsapi.Config{
		Cluster: l.cfg.Cluster, Region: l.cfg.Region, Node: l.cfg.Name, Partitions: l.cfg.Partitions,
	})
	return d, err
}

// open has the doors opened and reports whether they are.
func (d *doors) open() (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.mu.wanted {
		d.mu.wanted = true
		d.wakeUp()
	}
	return d.mu.isOpen, d.mu.err
}

// offer has the doors answer for partitions, instead of those before.
func (d *doors) offer(own, alt []region.Partition) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.offer = &offer{own, alt}
	d.wakeUp()
}

func (d *doors) wakeUp() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// run does what is wanted until ctx ends.
func (d *doors) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.wake:
		}
		d.mu.Lock()
		start := d.mu.wanted && !d.mu.isOpen && !d.mu.closed && d.mu.err == nil
		offer := d.mu.offer
		d.mu.offer = nil
		d.mu.Unlock()
		if start {
			d.start()
		}
		if offer == nil {
			continue
		}
		if err := d.server.Serve(offer.own, offer.alt); err != nil && !errors.Is(err, natsapi.ErrNotRunning) {
			d.log.Warn("serve partitions", "err", err)
		}
		d.opened()
	}
}

func (d *doors) start() {
	err := d.server.Start()
	d.stir()
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case err == nil:
		d.mu.isOpen = true
	case !d.mu.closed: // Otherwise it is close that has kept it from starting.
		d.mu.err = fmt.Errorf("start command service: %w", err)
	}
}

// close closes the doors and returns when every request that came in has its
// answer, or after a bounded time.
func (d *doors) close() {
	d.mu.Lock()
	d.mu.closed = true
	d.mu.Unlock()
	if err := d.server.Close(); err != nil {
		d.log.Warn("stop command service", "err", err)
	}
}

package bulk

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"
)

// Subscription is a Handler's place on a subject. Ending it does not end
// requests that have been taken on.
type Subscription struct {
	server  *Server
	handler Handler
	sub     *nats.Subscription
	ended   chan struct{} // closed when no message will come any more
}

// Handle lets h answer requests sent to subject, which may have wildcards.
// Servers that give the same queue share them, each request going to one; an
// empty queue means that this server sees them all. Handle does not block on
// the network; like every NATS subscription, it is known to the server only
// when the connection is flushed. It returns ErrClosed after Close.
func (s *Server) Handle(subject, queue string, h Handler) (*Subscription, error) {
	sub := &Subscription{server: s, handler: h, ended: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock() // Held throughout, so that Close sees every subscription.
	if s.mu.draining {
		return nil, fmt.Errorf("bulk handle %s: %w", subject, ErrClosed)
	}
	receive := func(msg *nats.Msg) { s.serve(sub, msg) }
	var err error
	if queue == "" {
		sub.sub, err = s.nc.Subscribe(subject, receive)
	} else {
		sub.sub, err = s.nc.QueueSubscribe(subject, queue, receive)
	}
	if err != nil {
		return nil, fmt.Errorf("bulk handle %s: %w", subject, err)
	}
	sub.sub.SetClosedHandler(func(string) {
		close(sub.ended)
		sub.forget()
	})
	s.mu.subs[sub] = struct{}{}
	return sub, nil
}

// Unsubscribe stops taking requests at once. What NATS has delivered and is not
// yet read is lost, and shows as a timeout there. It does not block.
func (sub *Subscription) Unsubscribe() error {
	sub.forget()
	if err := sub.sub.Unsubscribe(); err != nil {
		return fmt.Errorf("bulk unsubscribe %s: %w", sub.sub.Subject, err)
	}
	return nil
}

// Drain stops taking new requests and still handles those that have been
// delivered. It does not wait for that; Server.Close does.
func (sub *Subscription) Drain() error {
	if err := sub.sub.Drain(); err != nil {
		return fmt.Errorf("bulk drain %s: %w", sub.sub.Subject, err)
	}
	return nil
}

// forget removes a subscription that Close need not wait for.
func (sub *Subscription) forget() {
	sub.server.mu.Lock()
	defer sub.server.mu.Unlock()
	delete(sub.server.mu.subs, sub)
}

// Close stops the server and returns when every handler has returned. It takes
// no new requests, answers those it has, and lets parked replies be pulled, all
// for at most DrainTimeout; then the handlers' context ends, and replies not
// yet pulled are dropped and counted. Further calls do nothing and return when
// the first has.
func (s *Server) Close() error {
	var err error
	s.closing.Do(func() { err = s.shut() })
	return err
}

func (s *Server) shut() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.DrainTimeout)
	defer cancel()

	// No new requests.
	s.mu.Lock()
	s.mu.draining = true
	subs := make([]*Subscription, 0, len(s.mu.subs))
	for sub := range s.mu.subs {
		subs = append(subs, sub)
	}
	s.mu.Unlock()
	for i, sub := range subs {
		end := sub.sub.Drain
		if !s.nc.IsConnected() {
			end = sub.sub.Unsubscribe // What has come cannot be answered.
		}
		if end() != nil {
			subs[i] = nil // It has ended already.
		}
	}
	for _, sub := range subs {
		if sub != nil {
			await(ctx, sub.ended)
		}
	}

	// No new tasks; answer those there are.
	s.mu.Lock()
	s.mu.closed = true
	close(s.tasks)
	s.mu.Unlock()
	idle := make(chan struct{})
	go func() {
		s.workers.Wait()
		close(idle)
	}()
	await(ctx, idle)
	s.awaitPulls(ctx)

	// Nothing is waited for any more but the handlers themselves.
	s.cancel()
	<-idle
	s.sweeper.Wait()
	err := s.direct.Unsubscribe()
	s.count.droppedReplies.Add(uint64(s.ledger.clear()))
	if err != nil && !s.nc.IsClosed() {
		return fmt.Errorf("bulk server: unsubscribe from %s: %w", s.inbox, err)
	}
	return nil
}

// await waits for done, at most until ctx ends.
func await(ctx context.Context, done <-chan struct{}) {
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// awaitPulls waits until no reply is parked or nobody can pull it.
func (s *Server) awaitPulls(ctx context.Context) {
	for ctx.Err() == nil && s.nc.IsConnected() {
		if _, _, replies := s.ledger.held(); replies == 0 {
			return
		}
		select {
		case <-s.ledger.freed:
		case <-ctx.Done():
		}
	}
}

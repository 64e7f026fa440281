package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// Messages of PUBLISH travel as they are, on a subject for each channel: any NATS
// client can publish to Redis clients and listen to them. A header says which node
// a message has come through, since that has given it to its own clients already.

// headerNode is that header.
const headerNode = "Atoll-Node"

// Publish implements resp.Messenger.
func (r redis) Publish(channel, message string) error {
	s := region.Subjects{Cluster: r.n.cfg.Cluster, Region: r.n.cfg.Region}
	msg := nats.NewMsg(s.Channel(channel))
	msg.Header.Set(headerNode, r.n.identity)
	if !region.FitsSubject(channel) {
		msg.Header.Set(region.HeaderKey, region.EncodeKey(channel))
	}
	msg.Data = []byte(message)
	err := r.n.cfg.Conn.PublishMsg(msg)
	switch {
	case errors.Is(err, nats.ErrMaxPayload):
		return &wire.Error{Code: wire.CodeTooLarge, Text: fmt.Sprintf(
			"ERR message of %d bytes reaches this node's clients only: the NATS server carries at most %d", len(message), r.n.cfg.Conn.MaxPayload())}
	case err != nil:
		return &wire.Error{Code: wire.CodeUnavailable, Text: "ERR publish to other nodes: " + err.Error()}
	}
	return nil
}

// Listen implements resp.Messenger.
func (r redis) Listen(channel string, f func(channel, message string)) (stop func(), err error) {
	s := region.Subjects{Cluster: r.n.cfg.Cluster, Region: r.n.cfg.Region}
	return r.listen(s.Channel(channel), func(name, message string) {
		if name == channel { // Long names share a subject.
			f(name, message)
		}
	})
}

// ListenAll implements resp.Messenger.
func (r redis) ListenAll(f func(channel, message string)) (stop func(), err error) {
	s := region.Subjects{Cluster: r.n.cfg.Cluster, Region: r.n.cfg.Region}
	return r.listen(s.ChannelWildcard(), f)
}

// What NATS keeps of messages that this node has not taken yet; beyond that it
// drops some, as it does for any subscriber that is slow.
const (
	pendingMessages = 64 << 10
	pendingBytes    = 64 << 20
)

func (r redis) listen(subject string, f func(channel, message string)) (stop func(), err error) {
	s := region.Subjects{Cluster: r.n.cfg.Cluster, Region: r.n.cfg.Region}
	sub, err := r.n.cfg.Conn.Subscribe(subject, func(m *nats.Msg) {
		if m.Header.Get(headerNode) == r.n.identity {
			return
		}
		channel, inHeader, err := s.ParseChannel(m.Subject)
		if err == nil && inHeader {
			channel, err = region.DecodeKey(m.Header.Get(region.HeaderKey))
		}
		if err != nil {
			r.n.life.Load().malformed.Add(1)
			return
		}
		f(channel, string(m.Data))
	})
	if err != nil {
		return nil, fmt.Errorf("listen to %s: %w", subject, err)
	}
	_ = sub.SetPendingLimits(pendingMessages, pendingBytes) // It fails once the connection is closed, and then nothing comes.
	return func() { _ = sub.Unsubscribe() }, nil
}

// Flush implements resp.Messenger.
func (r redis) Flush(ctx context.Context) error {
	return r.n.cfg.Conn.FlushWithContext(ctx)
}

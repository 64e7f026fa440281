package sync

import (
	"context"

	"github.com/atollcache/atoll/region"
)

// bundle is the deltas of partitions that the same nodes hold, which travel together.
type bundle struct {
	lead  region.Partition
	parts []*Message
	bytes int
}

// broadcasts publishes what is written until ctx ends. What is written while a round is
// under way goes out with the next.
func (r *Runner) broadcasts(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
			r.flush()
		}
	}
}

// flush broadcasts everything that is queued.
func (r *Runner) flush() {
	r.mu.Lock()
	dirty := r.mu.dirty
	r.mu.dirty = nil
	clear(r.mu.marked)
	r.mu.Unlock()
	var open []*bundle // by lead
	for _, p := range dirty {
		for {
			var m *Message
			r.host.Do(p, func(e *Engine) { m = e.Next() })
			if m == nil {
				break
			}
			open = r.bundle(open, m)
		}
	}
	for _, b := range open {
		r.publish(b.lead, b.parts)
	}
}

// bundle puts a message beside those that the same nodes get, and publishes these first
// when they are enough.
func (r *Runner) bundle(open []*bundle, m *Message) []*bundle {
	lead, bytes := r.host.Lead(m.Partition), 0
	for _, d := range m.Deltas {
		bytes += d.Size()
	}
	for _, b := range open {
		if b.lead != lead {
			continue
		}
		if b.bytes > 0 && b.bytes+bytes > r.cfg.BundleBytes {
			r.publish(lead, b.parts)
			b.parts, b.bytes = nil, 0
		}
		b.parts, b.bytes = append(b.parts, m), b.bytes+bytes
		return open
	}
	return append(open, &bundle{lead, []*Message{m}, bytes})
}

// publish sends deltas to the holders of a partition, who hold those of all the
// messages, in halves where they do not fit into one. A delta that does not fit alone is
// only announced.
func (r *Runner) publish(lead region.Partition, ms []*Message) {
	msg := EncodeDeltas(ms)
	switch limit := r.transport.MaxMessage(); {
	case len(msg) <= limit:
		r.stats.published.Add(1)
		r.stats.bytes.Add(int64(len(msg)))
		if err := r.transport.Publish(lead, msg); err != nil {
			r.stats.failed.Add(1)
			r.cfg.Log.Debug("publish", "partition", lead, "err", err)
		}
	case len(ms) > 1:
		r.publish(lead, ms[:len(ms)/2])
		r.publish(lead, ms[len(ms)/2:])
	case len(ms[0].Deltas) > 1:
		half := *ms[0]
		half.Deltas = ms[0].Deltas[:len(ms[0].Deltas)/2]
		r.publish(lead, []*Message{&half})
		rest := *ms[0]
		rest.Deltas = ms[0].Deltas[len(ms[0].Deltas)/2:]
		r.publish(lead, []*Message{&rest})
	default:
		r.stats.tooLarge.Add(1)
		var heads *Message
		r.host.Do(ms[0].Partition, func(e *Engine) {
			e.Announce()
			heads = e.Heads(r.cfg.Now())
		})
		if heads != nil {
			r.announce([]*Message{heads})
		}
	}
}

// Published implements [Receiver].
func (r *Runner) Published(p region.Partition, msg []byte) {
	ms, err := Decode(msg)
	if err == nil && ms[0].Kind != KindDeltas {
		err = ErrMessage
	}
	if err != nil {
		r.stats.malformed.Add(1)
		r.cfg.Log.Debug("published", "partition", p, "err", err)
		return
	}
	r.cfg.Heard(ms[0].From)
	for _, m := range ms {
		m.Answer = false
		r.host.Do(m.Partition, func(e *Engine) { e.Receive(r.cfg.Now(), m) })
	}
}

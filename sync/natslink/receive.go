package natslink

import (
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
)

// sort takes messages from NATS and puts each into its lane. It never waits for
// a lane, so that a receiver that stands still costs drops and nothing else.
func (l *Link) sort() {
	defer func() {
		for _, lane := range l.lanes {
			close(lane.queue)
		}
	}()
	for {
		select {
		case msg := <-l.deltas:
			l.sortDelta(msg)
		case msg := <-l.members:
			l.sortMember(msg)
		case <-l.stop:
			l.sortRest()
			return
		}
	}
}

// sortRest takes what has arrived before the subscriptions ended.
func (l *Link) sortRest() {
	for {
		select {
		case msg := <-l.deltas:
			l.sortDelta(msg)
		case msg := <-l.members:
			l.sortMember(msg)
		default:
			return
		}
	}
}

func (l *Link) sortDelta(msg *nats.Msg) {
	from, p, err := l.subjects.ParseDelta(msg.Subject, l.cfg.Partitions)
	if err != nil {
		l.count.foreign.Add(1)
		return
	}
	lane := l.lanes[int(p)%(len(l.lanes)-1)]
	l.put(lane, from, item{partition: p, data: msg.Data})
}

func (l *Link) sortMember(msg *nats.Msg) {
	from, err := l.subjects.ParseMember(msg.Subject)
	if err != nil {
		l.count.foreign.Add(1)
		return
	}
	l.put(l.lanes[len(l.lanes)-1], from, item{data: msg.Data})
}

func (l *Link) put(lane *lane, from string, it item) {
	switch {
	case from == l.cfg.Region && l.echoes.heard(it.data):
		l.count.own.Add(1)
	case !lane.put(it):
		l.count.dropped.Add(1)
	}
}

// Close ends the link and returns when everything that had arrived is delivered
// and every goroutine of the link has ended; a receiver that does not return
// holds it up, and so does a connection whose network stands still. The
// connections stay open. Further calls do nothing and return when the first has.
func (l *Link) Close() error {
	l.mu.Lock()
	before := l.state.Swap(stateClosed)
	if before == stateClosed {
		l.mu.Unlock()
		<-l.ended
		return nil
	}
	defer close(l.ended)
	if before == stateNew {
		l.mu.Unlock()
		return nil
	}
	errs := l.endSubscriptions()
	server := l.mu.server
	l.mu.Unlock()

	close(l.stop)
	for _, c := range l.conns {
		c.leave()
	}
	l.running.Wait()
	errs = append(errs, server.Close())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close link: %w", err)
	}
	return nil
}

// endSubscriptions ends what brings announcements and published messages, and
// keeps the counts. It needs the lock.
func (l *Link) endSubscriptions() []error {
	l.mu.lost.control += dropped(l.mu.member)
	errs := []error{end(l.mu.member)}
	for p, sub := range l.mu.held {
		l.mu.lost.data += dropped(sub)
		errs = append(errs, end(sub))
		delete(l.mu.held, p)
	}
	return errs
}

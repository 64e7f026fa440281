package client

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/sync/bulk"
)

// firstPause is how long a unit rests before its second round; each further one
// is four times as long.
const firstPause = 25 * time.Millisecond

// outcome is what became of one message.
type outcome struct {
	replies []wire.Reply // one for each command; nil unless it was answered
	failure wire.Reply   // when it was not
	ran     bool         // the commands may have run all the same
	final   bool         // asking somebody else is of no use
	denied  bool         // NATS has turned them away, which says nothing of the nodes
}

// send sends a batch as one message and takes care of each unit in it.
func (c *Client) send(s stage, batch []*unit) {
	var cmds []wire.Command
	for _, u := range batch {
		for _, i := range u.open {
			cmds = append(cmds, u.cmds[i])
		}
	}
	o := c.exchange(s, batch, cmds)
	for _, u := range batch {
		n := len(u.open)
		switch {
		case o.replies != nil:
			u.take(o.replies[:n])
			o.replies = o.replies[n:]
		case o.ran:
			u.keepRepeatable(o.failure)
		}
		c.settle(u, o)
	}
}

// exchange sends commands to who is meant by the stage and returns what came of
// it.
func (c *Client) exchange(s stage, batch []*unit, cmds []wire.Command) outcome {
	if !c.nc.IsConnected() {
		return outcome{failure: c.errOffline(), final: c.nc.IsClosed()}
	}
	p := batch[0].partition
	subject := c.subjects.Do(p)
	switch s {
	case stageAlt:
		subject = c.subjects.Alt(p)
	case stageAny:
		subject = c.subjects.Any(p)
	}
	ctx, within, cancel := c.attempt(batch)
	defer cancel()
	ctx, stop := c.lookOut(ctx, subject, within)
	defer stop()
	c.count.messages.Add(1)
	c.count.commands.Add(uint64(len(cmds)))
	data, err := c.request(ctx, within, subject, wire.AppendRequest(nil, cmds), batch[0].prompt)
	if d := (*denial)(nil); err != nil && errors.As(context.Cause(ctx), &d) {
		return outcome{failure: c.errDenied(d), ran: d.bulk, final: d.bulk, denied: true}
	}
	if err != nil {
		return c.failed(subject, err)
	}
	replies, err := wire.DecodeReplies(data)
	switch {
	case err != nil:
		return outcome{failure: fail(wire.CodeInternal, "reply from %s: %v", subject, err), ran: true, final: true}
	case len(replies) == len(cmds):
		return outcome{replies: replies}
	case len(replies) == 1 && replies[0].Type == wire.TypeError:
		return outcome{failure: replies[0], final: true} // It could not read the request.
	}
	return outcome{failure: fail(wire.CodeInternal, "%d replies from %s to %d commands", len(replies), subject, len(cmds)), ran: true, final: true}
}

// request asks whoever listens on a subject. What any node answers within a moment
// is asked for again at every AttemptTimeout, up to Rounds times, and the first reply
// counts: NATS picks one of the region's nodes, and goes on picking one that is frozen.
func (c *Client) request(ctx context.Context, within time.Duration, subject string, data []byte, prompt bool) ([]byte, error) {
	if !prompt {
		return c.caller.RequestWithin(ctx, within, subject, data)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, c.cfg.Rounds)
	again := time.NewTicker(c.cfg.AttemptTimeout)
	defer again.Stop()
	for asked, failed := 0, 0; ; {
		if asked < c.cfg.Rounds {
			asked++
			c.running.Go(func() {
				data, err := c.caller.RequestWithin(ctx, 0, subject, data)
				done <- result{data, err}
			})
		}
		select {
		case r := <-done:
			if failed++; r.err == nil || failed == asked {
				return r.data, r.err
			}
		case <-again.C:
		}
	}
}

// failed turns an error of package bulk into an outcome.
func (c *Client) failed(subject string, err error) outcome {
	switch {
	case c.ctx.Err() != nil:
		return outcome{failure: c.errClosed(), ran: true, final: true}
	case errors.Is(err, nats.ErrNoResponders):
		c.count.noResponders.Add(1)
		return outcome{failure: c.errNobody(subject)}
	case errors.Is(err, bulk.ErrBusy):
		c.count.busy.Add(1)
		return outcome{failure: fail(wire.CodeOverload, "region %s: %v; try again later", c.cfg.Region, err)}
	case errors.Is(err, bulk.ErrTooLarge):
		return outcome{failure: fail(wire.CodeTooLarge, "region %s: %v", c.cfg.Region, err), ran: true, final: true}
	case errors.Is(err, nats.ErrConnectionClosed):
		return outcome{failure: c.errOffline(), ran: true, final: true}
	}
	c.count.timeouts.Add(1)
	if !errors.Is(err, context.DeadlineExceeded) {
		return outcome{failure: fail(wire.CodeTimeout, "region %s: %v; a write may or may not have happened", c.cfg.Region, err), ran: true}
	}
	return outcome{failure: c.errLate(), ran: true}
}

// attempt returns the context of one message, which lasts as long as the last of
// the callers waits, and how long to wait for the reply to begin: a short time,
// unless the message is a large one or one on its own that may take long.
func (c *Client) attempt(batch []*unit) (ctx context.Context, within time.Duration, cancel context.CancelFunc) {
	last, size, round := time.Time{}, 0, batch[0].round
	for _, u := range batch {
		if end, ok := u.ctx.Deadline(); ok && end.After(last) {
			last = end
		}
		size += u.size
		round = max(round, u.round)
	}
	if !batch[0].alone && !c.isLarge(size) {
		within = c.cfg.AttemptTimeout * time.Duration(pow(3, round))
	}
	if len(batch) > 1 {
		ctx, cancel = context.WithDeadline(c.ctx, last)
		return ctx, within, cancel
	}
	ctx, stopTimer := context.WithDeadline(batch[0].ctx, last)
	stop := context.AfterFunc(c.ctx, stopTimer)
	return ctx, within, func() { stop(); stopTimer() }
}

// settle ends a unit, or sends what is open of it on to whoever is to be asked
// next.
func (c *Client) settle(u *unit, o outcome) {
	switch {
	case len(u.open) == 0:
		u.finish(wire.Nil)
		return
	case o.replies == nil:
		for _, i := range u.open {
			u.replies[i] = o.failure
		}
	}
	if !u.alone && !o.denied {
		c.Refresh()
	}
	u.stage++
	if u.stage == numStages {
		u.stage = stageDo
		if u.alone {
			u.stage = stageAny
		}
		u.round++
	}
	if o.final || u.round >= c.cfg.Rounds || u.ctx.Err() != nil {
		u.settleOpen()
		return
	}
	c.count.resent.Add(uint64(len(u.open)))
	if u.stage == stageDo || u.alone {
		c.running.Go(func() { c.rest(u) })
		return
	}
	c.submit(u)
}

// settleOpen ends the unit with the replies that it has.
func (u *unit) settleOpen() {
	u.once.Do(func() { close(u.done) })
}

// rest submits a unit again after a pause.
func (c *Client) rest(u *unit) {
	t := time.NewTimer(firstPause * time.Duration(pow(4, u.round-1)))
	defer t.Stop()
	select {
	case <-t.C:
		c.submit(u)
	case <-u.ctx.Done():
		u.settleOpen()
	case <-c.ctx.Done():
		u.finish(c.errClosed())
	}
}

func pow(base, exponent int) int {
	n := 1
	for range min(exponent, 10) {
		n *= base
	}
	return n
}

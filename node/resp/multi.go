package resp

import (
	"context"
	"slices"
	"time"

	"github.com/atollcache/atoll/node/wire"
)

// transaction is what a client has asked for since MULTI and WATCH.
type transaction struct {
	open    bool
	spoiled bool // a command was refused: EXEC refuses all
	queue   []queued
	bytes   int
	watched []Watched
}

type queued struct {
	e    *entry
	sent string // the command's name as it was sent
	args []string
}

func transactionEntries() []*entry {
	cats := catFast | catTransaction
	flags := []string{"noscript", "fast"}
	return []*entry{
		{name: "multi", arity: 1, flags: flags, cats: cats, group: "transactions", summary: "Begin a transaction.", run: multi, is: atOnce},
		{name: "exec", arity: 1, flags: []string{"noscript"}, cats: catSlow | catTransaction, group: "transactions",
			summary: "Run the transaction: as one unit for each partition of its keys.", run: exec, is: atOnce},
		{name: "discard", arity: 1, flags: flags, cats: cats, group: "transactions", summary: "Drop the transaction.", run: discard, is: atOnce},
		{name: "watch", arity: -2, flags: flags, cats: cats, group: "transactions", args: "key [key ...]", keys: keyRange{1, -1, 1},
			summary: "Run the next transaction only if the keys have not changed.", run: watch, is: atOnce},
		{name: "unwatch", arity: 1, flags: flags, cats: cats, group: "transactions", summary: "Forget the watched keys.",
			run: func(c *conn, _ []string) { c.tx.watched = nil; c.noteTx(); c.w.Status("OK") }},
		{name: "wait", arity: 3, cats: catSlow | catBlocking, group: "generic", args: "numregions timeout",
			summary: "Wait until other regions have this connection's writes; reply how many have.", run: wait, is: flushes},
	}
}

func multi(c *conn, _ []string) {
	if c.tx.open {
		c.w.Error("ERR MULTI calls can not be nested")
		return
	}
	c.tx.open = true
	c.noteTx()
	c.w.Status("OK")
}

func discard(c *conn, _ []string) {
	if !c.tx.open {
		c.w.Error("ERR DISCARD without MULTI")
		return
	}
	c.tx.drop(c)
	c.w.Status("OK")
}

// drop ends the transaction and forgets the watched keys.
func (t *transaction) drop(c *conn) {
	*t = transaction{}
	c.noteTx()
}

// spoil makes EXEC refuse the transaction, if there is one.
func (t *transaction) spoil() { t.spoiled = t.spoiled || t.open }

// noteTx notes the transaction for CLIENT LIST.
func (c *conn) noteTx() {
	c.info.Lock()
	defer c.info.Unlock()
	c.info.queued = -1
	if c.tx.open {
		c.info.queued = len(c.tx.queue)
	}
	c.info.watched = len(c.tx.watched)
}

// maxWatched bounds the keys that one client watches.
const maxWatched = 10_000

func watch(c *conn, args []string) {
	if c.tx.open {
		c.w.Error("ERR WATCH inside MULTI is not allowed")
		return
	}
	ctx, cancel := context.WithTimeout(c.ctx, c.s.cfg.CommandTimeout)
	defer cancel()
	for _, key := range args[1:] {
		if slices.ContainsFunc(c.tx.watched, func(w Watched) bool { return w.Key == key }) {
			continue
		}
		if len(c.tx.watched) == maxWatched {
			c.w.Error("ERR too many watched keys")
			return
		}
		state, err := c.s.node.State(ctx, key)
		if err != nil {
			c.w.Error(wire.AsError(err).Text)
			return
		}
		c.tx.watched = append(c.tx.watched, Watched{key, state.Digest})
	}
	c.noteTx()
	c.w.Status("OK")
}

// queue keeps a command for EXEC.
func (c *conn) queue(e *entry, args []string) {
	size := 64
	for _, a := range args {
		size += len(a) + 16
	}
	if c.tx.bytes+size > c.s.cfg.MaxQueued {
		c.tx.spoil()
		c.fail(e, "ERR transaction is too large: run its commands in several")
		return
	}
	c.tx.bytes += size
	c.tx.queue = append(c.tx.queue, queued{e, args[0], slices.Clone(args)})
	c.noteTx()
	from := c.muting()
	c.w.Status("QUEUED")
	c.muted(from)
}

func exec(c *conn, _ []string) {
	tx := c.tx
	switch {
	case !tx.open:
		c.w.Error("ERR EXEC without MULTI")
		return
	case tx.spoiled:
		c.tx.drop(c)
		c.w.Error("EXECABORT Transaction discarded because of previous errors.")
		return
	}
	defer c.tx.drop(c)
	var cmds []wire.Command
	var entries, all []*entry
	for _, q := range tx.queue {
		all = append(all, q.e)
		if why := c.refuseQueued(q); why != "" {
			c.w.Error("EXECABORT Transaction discarded because of: " + why)
			return
		}
		if q.e.verb != "" {
			q.args[0] = q.e.verb
			cmds = append(cmds, wire.Command{Args: q.args})
			entries = append(entries, q.e)
		}
	}
	c.s.stall(c.ctx, all...)
	c.beforeRun(entries, cmds)
	began := time.Now()
	ctx, cancel := context.WithTimeout(c.ctx, c.s.cfg.CommandTimeout)
	replies, done := c.s.node.Transact(ctx, tx.watched, cmds)
	cancel()
	if !done {
		c.w.NilArray()
		return
	}
	c.answerAll(tx.queue, replies, time.Since(began))
}

// refuseQueued looks again whether the user may run a command: the rules may have
// changed.
func (c *conn) refuseQueued(q queued) string {
	if c.user.all.Load() {
		return ""
	}
	return c.user.refuse(q.e, q.args)
}

// answerAll writes the reply of EXEC, running what the server runs itself.
func (c *conn) answerAll(queue []queued, replies []wire.Reply, took time.Duration) {
	c.asking = true
	mute := c.mute
	c.mute = muteOff
	c.w.Array(len(queue))
	for _, q := range queue {
		c.s.monitors.tell(c, q.e, q.sent, q.args)
		if q.e.verb == "" {
			from := c.w.Len()
			c.seen(q.e, 1)
			q.e.run(c, q.args)
			c.ran(q.e, q.args[0], q.args, 0, failedSince(&c.w, from))
			continue
		}
		var found looks
		found.found(q.e, &replies[0])
		c.s.stats.found(found)
		c.answer(q.e, q.args, &replies[0])
		c.ran(q.e, q.sent, q.args, took/time.Duration(len(queue)), "")
		replies = replies[1:]
	}
	c.asking, c.mute = false, mute
}

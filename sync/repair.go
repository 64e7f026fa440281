package sync

import (
	"errors"
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/sync/riblt"
)

// # Anti-entropy
//
// Holders with equal vectors show the same, or one of them is damaged. Each
// announces, with its heads, a digest of what it shows; who finds another one
// with an equal vector compares. The time at which expiry is judged is a little
// ahead and the same for all, so that clocks and delays make no difference.
//
// Where digests differ, the one that noticed asks the other for coded symbols of
// what that shows, as many as it takes to find the keys that differ (package
// riblt): about one and a half per difference, whatever the number of keys. Then
// the two give each other the entries that differ.
//
// What another has and this replica lacks may have been removed by a write that
// the other has not seen yet, or be the work of one that has not been seen here. So
// an entry counts only when both have applied the same writes to its key. Vectors
// travel with what is asked and answered, and the logs say which keys the writes
// that lie between two vectors were to: the sender leaves out those to which it has
// applied more, the receiver those to which it has. For what is left presence beats
// absence: nothing that both have seen removed it.

const (
	// compareStep is the grid of the times at which expiry is judged for a
	// comparison, a multiple of crdt.DigestStep. Wide, so that holders whose clocks
	// differ mostly mean the same time.
	compareStep = 10 * time.Second
	// compareAhead is how far ahead of now such a time is at least: more than clocks
	// may be apart and messages be on their way.
	compareAhead = 2 * time.Second

	firstSymbols  = 8    // asked for at first: enough for five differences
	maxDifference = 4096 // found in one range; where there is more it is cut into parts
	maxItems      = 4096 // asked for in one message
	maxRangeBits  = 32
	maxRestarts   = 4
)

// MaxSymbols bounds the symbols of one range.
const MaxSymbols = 256 + 2*maxDifference

// compareAt returns the time at which expiry is judged by a comparison that
// begins now, in milliseconds.
func CompareAt(now time.Time) int64 {
	step := compareStep.Milliseconds()
	return (now.Add(compareAhead).UnixMilli()/step + 1) * step
}

// latestAt returns the latest time that a peer may name whose clock is right: of
// one far ahead nothing could be said until it has come.
func latestAt(now time.Time) int64 { return CompareAt(now) + compareStep.Milliseconds() }

// comparison is a comparison with one peer that is under way.
type comparison struct {
	at       int64
	rng      Range
	index    int         // the symbol to ask for next
	count    int         // how many to ask for
	digest   crdt.Digest // of what the peer shows, and of what is shown here
	own      crdt.Digest
	vector   crdt.Vector // what the peer had applied when it answered last
	decoder  *riblt.Decoder
	restarts int
	// What is left to ask for and to bring, once the differences are found.
	found bool
	ask   []uint64
	bring []Found
}

// digest adds to an announcement what is shown here, unless it was added a short
// while ago or cannot be said.
func (e *Engine) digest(now time.Time, m *Message) {
	if !e.digested.IsZero() && now.Sub(e.digested) < e.cfg.AnnounceEvery || !e.digests(now) {
		return
	}
	at := CompareAt(now)
	if d, ok := e.store.Digest(at); ok {
		m.At, m.Digest = at, d
		e.digested = now
	}
}

// compareHeads compares what a peer announces with what is shown here.
func (e *Engine) compareHeads(now time.Time, p *peer, m *Message) {
	if m.At == 0 || m.At > latestAt(now) || !m.Vector.Equal(e.store.Vector()) || !e.digests(now) {
		return
	}
	own, ok := e.store.Digest(m.At)
	if !ok {
		return
	}
	e.stats.Compared++
	p.compared = now
	switch {
	case own == m.Digest:
		p.differs = time.Time{}
	case p.differs.IsZero():
		e.stats.Differed++
		p.differs = now
	}
}

// nextComparison begins a comparison with a peer that shows something else, or
// that could not be compared for long because of what is always being written.
func (e *Engine) nextComparison(now time.Time) (*Message, crdt.ReplicaID) {
	for i := range e.peers.list {
		p := &e.peers.list[i]
		has := e.store.Sight(p.vector)
		if e.paused[p.region] || now.Before(p.rest) || !has.CoversAll(e.log.dropped) {
			continue
		}
		if p.differs.IsZero() && now.Sub(p.compared) < e.cfg.CompareWithin || !e.compares(now, p) {
			continue
		}
		p.rest, p.compared = now.Add(e.cfg.AnnounceEvery), now
		e.stats.Comparisons++
		c := &comparison{at: CompareAt(now), count: firstSymbols}
		c.rng.Seed = uint64(e.self.Replica)*0x9e3779b97f4a7c15 + uint64(now.UnixNano())
		e.pull = pull{to: p.replica, region: p.region, sent: now, last: e.pull.last, compare: c}
		return e.compareMessage(), p.replica
	}
	return nil, 0
}

// compares reports whether it is for this replica to compare itself with a peer:
// one side is enough, and if that does not, the other does it later.
func (e *Engine) compares(now time.Time, p *peer) bool {
	first := p.differs
	if first.IsZero() {
		first = p.compared.Add(e.cfg.CompareWithin)
	}
	return e.self.Replica < p.replica || now.Sub(first) >= 2*e.cfg.AnnounceEvery
}

// compareMessage is the next request of the comparison.
func (e *Engine) compareMessage() *Message {
	c := e.pull.compare
	if !c.found {
		m := e.message(KindCompare)
		m.At, m.Range, m.Index, m.Count = c.at, c.rng, c.index, c.count
		return m
	}
	m := e.message(KindMend)
	m.At, m.Range = c.at, c.rng
	m.Items = c.ask[:min(len(c.ask), maxItems)]
	var n int
	m.Piece, n = e.piece(c.bring, c.vector)
	c.bring = c.bring[n:]
	return m
}

// piece returns copies of the entries of keys for a peer that has applied theirs,
// as many as fit into a message but at least one, and how many of the keys it has
// dealt with.
func (e *Engine) piece(keys []Found, theirs crdt.Vector) (*crdt.Snapshot, int) {
	out := &crdt.Snapshot{Vector: e.store.Vector().Clone()}
	has := e.store.Sight(theirs)
	unseen, ok := e.log.keysBeyond(&has)
	if !ok {
		e.stats.Unjudged += len(keys)
		return out, len(keys)
	}
	bytes, n := 0, 0
	for ; n < len(keys); n++ {
		entry := e.store.Entry(keys[n].Key)
		if entry == nil || !keys[n].OK {
			continue
		}
		if unseen[keys[n].Key] {
			e.stats.Unjudged++
			continue
		}
		bytes += len(keys[n].Key) + entry.Size()
		if bytes > e.cfg.BatchBytes && len(out.Keys) > 0 {
			break
		}
		out.Keys = append(out.Keys, keys[n].Key)
	}
	slices.Sort(out.Keys)
	out.Keys = slices.Compact(out.Keys)
	for _, key := range out.Keys {
		entry := e.store.Entry(key)
		if entry == nil { // The store cannot read any more what it could just now.
			out.Keys, out.Entries = nil, nil
			break
		}
		out.Entries = append(out.Entries, entry.Clone())
	}
	return out, n
}

// answerCompare gives the symbols that are asked for.
func (e *Engine) answerCompare(now time.Time, m *Message) *Message {
	if m.At > latestAt(now) || !e.digests(now) {
		return e.message(KindRefusal)
	}
	d, ok := e.store.Digest(m.At)
	if !ok || m.Index > MaxSymbols || m.Count > MaxSymbols {
		return e.message(KindRefusal)
	}
	out := e.message(KindSymbols)
	out.At, out.Range, out.Index, out.Digest = m.At, m.Range, m.Index, d
	out.Vector = e.store.Vector().Clone()
	out.Symbols, ok = e.Symbols(m.At, m.Range, m.Index, m.Count)
	if !ok {
		return e.message(KindRefusal)
	}
	e.stats.Symbols += len(out.Symbols)
	return out
}

// Symbols returns coded symbols of the items in a range, of what is shown at a
// time: count of them from a number on. It reports false when the time has
// passed. Its cost is in proportion to the number of keys.
func (e *Engine) Symbols(at int64, r Range, from, count int) ([]riblt.Symbol, bool) {
	ok := true
	items := func(yield func(uint64) bool) {
		ok = e.store.EachDigest(at, func(_ string, digest uint64) bool {
			item := r.item(digest)
			return !r.has(item) || yield(item)
		})
	}
	return riblt.Symbols(r.Seed, items, from, from+count), ok
}

// Keys returns the keys that items of a range stand for, of what is shown at a
// time, in the order of the items. An item that stands for nothing gives false.
func (e *Engine) Keys(at int64, r Range, items []uint64) []Found {
	place := make(map[uint64]int, len(items))
	for i, item := range items {
		place[item] = i
	}
	out := make([]Found, len(items))
	e.store.EachDigest(at, func(key string, digest uint64) bool {
		if i, ok := place[r.item(digest)]; ok {
			out[i] = Found{key, true}
		}
		return true
	})
	return out
}

// Found is a key that an item stands for.
type Found struct {
	Key string
	OK  bool // there is one
}

// receiveSymbols goes on with a comparison.
func (e *Engine) receiveSymbols(now time.Time, m *Message) {
	c := e.pull.compare
	if c == nil || e.pull.to != m.From || c.found || m.At != c.at || m.Range != c.rng || m.Index != c.index ||
		len(m.Symbols) == 0 || len(m.Symbols) > c.count {
		return
	}
	own, ok := e.store.Digest(c.at)
	if !ok {
		e.pull.end()
		return
	}
	e.pull.again, e.pull.sent = true, now
	if c.decoder == nil {
		c.digest, c.decoder = m.Digest, e.decoder(c)
	} else if m.Digest != c.digest || own != c.own {
		e.restart(c, 2*c.index)
		return
	}
	c.own, c.vector = own, m.Vector
	c.index += len(m.Symbols)
	switch err := c.decoder.AddSymbols(m.Symbols); {
	case errors.Is(err, riblt.ErrLimit) && c.rng.Bits < maxRangeBits:
		*c = comparison{at: c.at, rng: c.rng.half(), count: firstSymbols}
	case err != nil:
		c.rng.Seed++
		e.restart(c, firstSymbols)
	case c.decoder.Done():
		c.found, c.ask = true, c.decoder.Remote()
		c.bring = e.Keys(c.at, c.rng, c.decoder.Local())
		c.decoder = nil
		e.nextRange(now)
	default:
		c.count = min(c.index, MaxSymbols-c.index)
	}
}

// decoder returns a decoder with what is shown here.
func (e *Engine) decoder(c *comparison) *riblt.Decoder {
	d := riblt.NewDecoder(c.rng.Seed, maxDifference)
	e.store.EachDigest(c.at, func(_ string, digest uint64) bool {
		if item := c.rng.item(digest); c.rng.has(item) {
			d.AddLocal(item)
		}
		return true
	})
	return d
}

// restart begins a range again, because one side has changed meanwhile, and asks
// for as many symbols at once.
func (e *Engine) restart(c *comparison, count int) {
	if c.restarts >= maxRestarts {
		e.pull.end()
		return
	}
	*c = comparison{at: c.at, rng: c.rng, count: min(count, MaxSymbols), restarts: c.restarts + 1}
}

// nextRange goes on with the next range when all of this one has been exchanged,
// and ends the comparison after the last one.
func (e *Engine) nextRange(now time.Time) {
	c := e.pull.compare
	if len(c.ask) > 0 || len(c.bring) > 0 {
		return
	}
	r, more := c.rng.next()
	if more {
		*c = comparison{at: c.at, rng: r, count: firstSymbols}
		return
	}
	if i, ok := e.peers.search(e.pull.to); ok {
		e.peers.list[i].differs = time.Time{}
		e.peers.list[i].compared = now
	}
	e.pull.end()
}

// answerMend takes in the entries that a peer brings and gives those that it asks
// for, as many as fit into a message.
func (e *Engine) answerMend(now time.Time, m *Message) *Message {
	if m.At > latestAt(now) || m.Piece == nil || len(m.Piece.Keys) != len(m.Piece.Entries) || len(m.Items) > maxItems {
		return e.message(KindRefusal)
	}
	// First what is asked for, as it is: the peer decides for itself.
	out := e.message(KindMended)
	out.Piece, out.Count = e.piece(e.Keys(m.At, m.Range, m.Items), m.Piece.Vector)
	e.mend(now, m.At, m.Piece)
	return out
}

// receiveMended takes in the entries that were asked for.
func (e *Engine) receiveMended(now time.Time, m *Message) {
	c := e.pull.compare
	if c == nil || e.pull.to != m.From || !c.found || m.Piece == nil || len(m.Piece.Keys) != len(m.Piece.Entries) {
		return
	}
	asked := min(len(c.ask), maxItems)
	if m.Count > asked || m.Count == 0 && asked > 0 {
		e.pull.end()
		return
	}
	c.vector = m.Piece.Vector
	e.mend(now, c.at, m.Piece)
	c.ask = c.ask[m.Count:]
	e.pull.again, e.pull.sent = true, now
	e.nextRange(now)
}

// mend takes from entries of a holder what they show and is missing here, of the
// keys to which both have applied the same writes.
func (e *Engine) mend(now time.Time, at int64, theirs *crdt.Snapshot) {
	e.eachSettled(now, theirs, func(key string, x *crdt.Entry) {
		if e.store.Repair(key, x, theirs.Vector, at) {
			e.stats.Repaired++
		}
	})
}

// eachSettled calls f for the entries of a holder to whose keys both have applied the
// same writes, as far as the log here can tell.
func (e *Engine) eachSettled(now time.Time, theirs *crdt.Snapshot, f func(key string, x *crdt.Entry)) {
	has := e.store.Sight(theirs.Vector)
	unseen, ok := e.log.keysBeyond(&has)
	ahead := crdt.StampAt(now.Add(e.cfg.MaxSkew).UnixMilli())
	for i, key := range theirs.Keys {
		if !ok || unseen[key] || theirs.Entries[i].Latest() > ahead {
			e.stats.Unjudged++
			continue
		}
		f(key, theirs.Entries[i])
	}
}

package crdt

import (
	"fmt"
	"slices"
)

// Kind is the type of a value. More kinds may follow; an entry of a kind that a
// version does not know is kept and passed on by none, so peers agree on kinds
// before one is written.
type Kind uint8

// The kinds, in the order of their encoding.
const (
	KindNone   Kind = iota // no such key
	KindString             // one cell
	KindHash               // cells by field: the OR-map
	KindSet                // cells by member that hold nothing
	KindZSet               // cells by member that hold scores
	KindList               // cells by position that hold elements
	KindHLL                // cells by register and rank, or by block that hold registers: a HyperLogLog
	numKinds
)

var kindNames = [numKinds]string{"none", "string", "hash", "set", "zset", "list", "hyperloglog"}

// String returns the kind's name: that which Redis's TYPE replies, but for a
// HyperLogLog, which is a string there.
func (k Kind) String() string {
	if k < numKinds {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Never is the expiry of what does not expire.
const Never int64 = 1<<63 - 1

// EffectOp says what an effect does to an entry.
type EffectOp uint8

// The effects. "Seen" means covered by the delta's context: its Deps, and its
// origin's own earlier writes.
//
// Put, Remove, Add and ExpireField also drop what was seen of other kinds, but for what it says
// about the expiry: it did not show at their origin (R8). Hence that is so as well
// where the origin has forgotten what it did not show ([Partition.Collect]).
const (
	EffectClear       EffectOp = iota + 1 // drop all that was seen in the whole entry, its expiry included
	EffectPut                             // drop what was seen in one cell, then add a live write of Value
	EffectRemove                          // drop what was seen in one cell
	EffectAdd                             // the origin's contribution to one cell is now Sum, its run begun at Start
	EffectExpire                          // drop the expiries that were seen, then add one at At
	EffectCut                             // everything stamped at or before Cut is gone, seen or not
	EffectSettle                          // drop what was seen and did not show: other kinds than Kind, and what is stamped at or before Cut
	EffectRetire                          // nothing more will be written under Replica, and vectors need not name it; see [Retirement]
	EffectExpireField                     // in one cell, drop what was seen and is stamped at or before Cut, and the expiries that were seen, then add one at At
	EffectFill                            // unless something bars it, add to the string's cell a live write of Value, stamped with Cut, that expires at At
	EffectBar                             // drop the fills that were not seen; those that have not seen this write do not go in
	EffectFills                           // fills may be made in the partition, as Start says; see [FillStage]
	numEffectOps
)

var effectNames = [numEffectOps]string{"", "clear", "put", "remove", "add", "expire", "cut", "settle", "retire", "expirefield", "fill", "bar", "fills"}

// String returns the effect's name.
func (o EffectOp) String() string {
	if o > 0 && o < numEffectOps {
		return effectNames[o]
	}
	return fmt.Sprintf("effect(%d)", uint8(o))
}

// Effect is one change to one entry. Which fields count depends on Op.
type Effect struct {
	Op    EffectOp
	Kind  Kind   // Put, Remove, Add, ExpireField: the section; a string's cell has the empty Field. Settle: the kind that showed, or KindNone
	Field string //
	Value string // Put, Fill
	Start uint64 // Add: number of the run's first increment. Retire: of the replica's last write. Fills: the stage
	Sum   Number // Add: the run's total including this write
	At    int64  // Expire, ExpireField, Fill: milliseconds since the Unix epoch, or Never
	Cut   HLC    // Cut, Settle, ExpireField. Fill: the stamp of the miss
	Seen  []Seen // Clear, Settle, Put, Remove, ExpireField: the contributions that were seen, of the last those that Cut takes
	// Replica is what Retire retires.
	Replica ReplicaID
}

// Retire returns the effect that retires an ID after its last write.
func Retire(last Dot) Effect {
	return Effect{Op: EffectRetire, Replica: last.Replica, Start: last.N}
}

// Last returns the last write of the ID that an effect retires, the zero dot for any
// other effect.
func (f *Effect) Last() Dot {
	if f.Op != EffectRetire {
		return Dot{}
	}
	return Dot{f.Replica, f.Start}
}

// Delta is what one write changed, or several consecutive writes of one replica
// to one key that travel as one. Its effects are one unit: all or none.
type Delta struct {
	// Dot names the write, the last one where several travel as one.
	Dot Dot
	// From is the number of the first write that the delta stands for; it equals
	// Dot.N for a single one.
	From uint64
	// Stamp is the write's HLC.
	Stamp HLC
	// Deps is what the origin had applied from the other replicas. The delta's
	// context is Deps and the origin's own writes before Dot.N.
	Deps Vector
	// Requests are the client request IDs of the writes that it stands for, of
	// those that must not run twice, in the order of the writes.
	Requests []uint64
	Key      string
	Effects  []Effect
}

// Version returns the write's place in the total order.
func (d *Delta) Version() Version { return Version{d.Stamp, d.Dot.Replica} }

// Retires reports whether the delta retires replicas. Then that is all that it does:
// it has no key.
func (d *Delta) Retires() bool { return len(d.Effects) > 0 && d.Effects[0].Op == EffectRetire }

// setsPlain reports whether the delta does what nearly every [Mutator.Set] notes, and nothing
// else: it replaces a key in which nothing is counted by a string that does not expire.
func (d *Delta) setsPlain() bool {
	if len(d.Effects) != 2 {
		return false
	}
	first, then := &d.Effects[0], &d.Effects[1]
	return first.Op == EffectClear && len(first.Seen) == 0 &&
		then.Op == EffectPut && then.Kind == KindString && len(then.Seen) == 0
}

// Clone returns a copy with effects of its own. What these have seen, Deps and Requests are
// shared: read only.
func (d *Delta) Clone() *Delta {
	out := *d
	out.Effects = slices.Clone(d.Effects)
	return &out
}

// Size estimates the delta's bytes in memory.
func (d *Delta) Size() int {
	n := sizeDelta + len(d.Key) + len(d.Deps)*sizeDot + len(d.Requests)*8
	for i := range d.Effects {
		e := &d.Effects[i]
		n += sizeEffect + len(e.Field) + len(e.Value)
		for _, s := range e.Seen {
			n += sizeSeen + len(s.Field)
		}
	}
	return n
}

// Ready reports whether a replica that has seen v can apply d now.
func (d *Delta) Ready(v Vector) bool {
	return v.Get(d.Dot.Replica)+1 >= d.From && v.CoversAll(d.Deps)
}

// context returns what the delta's origin had seen: Deps and its own earlier writes.
func (d *Delta) context() Sight {
	return Sight{vector: d.Deps, self: Dot{d.Dot.Replica, d.Dot.N - 1}}
}

package crdt

import (
	"cmp"
	"slices"
)

// replicaTable is a message's table of replicas. The zero value is empty.
type replicaTable struct {
	ids   []ReplicaID
	index map[ReplicaID]int // into ids; only once there are many
}

// scanIDs is up to how many replicas a scan of the table beats a map.
const scanIDs = 16

func (t *replicaTable) reset() {
	clear(t.index)
	t.ids = t.ids[:0]
}

// lookup returns the index of r, which joins the table if it is new.
func (t *replicaTable) lookup(r ReplicaID) int {
	if len(t.ids) <= scanIDs {
		if i := slices.Index(t.ids, r); i >= 0 {
			return i
		}
	} else if i, ok := t.index[r]; ok {
		return i
	}
	i := len(t.ids)
	t.ids = append(t.ids, r)
	switch {
	case i == scanIDs:
		t.reindex()
	case i > scanIDs:
		t.index[r] = i
	}
	return i
}

func (t *replicaTable) reindex() {
	if t.index == nil {
		t.index = make(map[ReplicaID]int, 4*scanIDs)
	}
	for i, r := range t.ids {
		t.index[r] = i
	}
}

// sort puts the table in order, so that equal sets become equal tables. Indexes
// looked up before are void.
func (t *replicaTable) sort() {
	slices.Sort(t.ids)
	if len(t.ids) > scanIDs {
		t.reindex()
	}
}

func (t *replicaTable) addVector(v Vector) {
	for _, d := range v {
		t.lookup(d.Replica)
	}
}

func (t *replicaTable) addDelta(d *Delta) {
	t.lookup(d.Dot.Replica)
	t.addVector(d.Deps)
	for i := range d.Effects {
		if f := &d.Effects[i]; f.Op == EffectRetire {
			t.lookup(f.Replica)
		}
		for _, s := range d.Effects[i].Seen {
			t.lookup(s.Replica)
		}
	}
}

// addRoll adds what a snapshot names beside its entries.
func (t *replicaTable) addRoll(s *Snapshot) {
	t.addVector(s.Vector)
	t.addVector(s.Horizon.Vector)
	for _, r := range s.Retired {
		t.lookup(r.Last.Replica)
		t.lookup(r.By.Replica)
	}
	t.addVector(s.Ended)
	if s.Fills != NoFills {
		t.lookup(s.FillsBy.Replica)
	}
}

func (t *replicaTable) addEntry(x *Entry) {
	if x == nil {
		return
	}
	if x.IsEvicted() {
		t.addVector(x.dots())
		return
	}
	t.addCell(&x.str)
	if x.x == nil {
		return
	}
	for _, s := range x.x.sections {
		for _, c := range s.cells {
			t.addCell(&c)
		}
	}
	for _, o := range x.x.expiries {
		t.lookup(o.Dot.Replica)
	}
	for _, b := range x.filling().bars {
		t.lookup(b.Dot.Replica)
	}
	// What is mortal or a fill is a live write or an expiry, and in the table.
}

func (t *replicaTable) addCell(c *Cell) {
	if !c.write.Dot.IsZero() {
		t.lookup(c.write.Dot.Replica)
	}
	if c.more == nil {
		return
	}
	for _, w := range c.losers() {
		t.lookup(w.Dot.Replica)
	}
	for _, x := range c.Expiries() {
		t.lookup(x.Dot.Replica)
	}
	for _, s := range c.more.sums {
		t.lookup(s.Replica)
	}
}

func (d Dot) compareReplica(r ReplicaID) int { return cmp.Compare(d.Replica, r) }

package crdt

import (
	"cmp"
	"fmt"
	"slices"
)

// # How vectors stay small
//
// A replica ID that is never used again would stay in every vector for ever. So it
// is retired: one of the holders, knowing that nobody will write under the ID any
// more and that all holders have seen the same last write of it, writes that down
// as a delta ([EffectRetire]). Whoever applies it drops the ID from its vector. A
// vector is then still a function of the deltas that were applied, equal vectors
// still show the same, and who has seen the retirement has seen all that was written
// under the ID: the retirement stands for it. It is an ordinary write in all else,
// so whoever lacks it is sent it, or a snapshot.
//
// # Who has seen what
//
// A vector that does not name an ID has seen nothing of it, or has seen that it is
// retired. The two must be told apart wherever dots are held against vectors: by
// removals, by joins, by the horizon, by whoever asks what a peer lacks. For that a
// partition keeps the retirement until it is stable, as is known of a mark: every
// holder has seen it, and all that was written without having seen it has been
// applied here. Until then ([Sight])
//
//   - what a vector says of an ID that it names is so;
//   - of an ID whose retirement is known, a vector that does not name it has seen
//     everything if it has seen the retirement, and otherwise nothing.
//
// When it is stable it goes into the horizon, in place of the ID, and is forgotten.
// From then on nothing is applied or joined here that had not seen it, but what
// comes from a newcomer that has seen nothing of anybody. Hence
//
//   - of an ID that is neither named nor known to be retired here, and that something
//     here was written under, everything has been seen by who has seen the horizon,
//     and nothing by a newcomer.
//
// Values and contributions written under the ID stay as they are, with their dots.
//
// In a join each side may know retirements that the other has forgotten, or not heard
// of. What either knows counts for both. An ID that only one side names was never
// seen by the other, or retired and forgotten there; but in that case the first has
// not seen the retirement, which is in the other's horizon, and is refused. That a
// newcomer is one shows by two things: it has seen nothing of any ID in the horizon,
// and nothing that is stamped before. The second is there because of an ID that is in
// the horizon no more: what was written under it was stamped before its retirement.
//
// A mark that waits to be stable, and the horizon, name IDs too. In a mark the
// retirement takes the ID's place at once: it is seen later than what it stands for,
// so a mark may become stable later for that, never sooner. In the horizon it does
// when it is stable: before, honest writes may come that have not seen it.
//
// # What comes late
//
// Whoever retires an ID has made sure that no holder has more of it. Should somebody
// write under it all the same, or a write come that was on its way for very long,
// then who knows of the retirement refuses it, and all that had seen it. Who had
// applied it before gives way when it learns of the retirement, in every case and
// whatever else the two have seen: it drops its state for another's ([ErrRetired]).
// So nobody's state is ever a mixture of the two.
//
// An ID that is retired twice, by two that did not know of each other, has two
// retirements: who has seen either has seen all that was written under it. They are kept
// until both are stable. If one names more than the other the lower one counts, as above.

// Retirement says that nothing will be written any more under an ID: the write By,
// stamped Stamp, stands for everything up to Last.
type Retirement struct {
	Last  Dot
	By    Dot
	Stamp HLC
}

func compareRetirements(a, b Retirement) int {
	return cmp.Or(a.Last.Compare(b.Last), a.By.Compare(b.By))
}

func (r Retirement) compareReplica(o ReplicaID) int { return r.Last.compareReplica(o) }

// maxRetirements bounds the retirements of one ID that are kept, and maxEnded the IDs
// whose retirement is stable that are remembered. What is promised does not depend on
// the latter; it answers old questions (sessions outlive the nodes that they wrote at)
// and, of two states that refuse each other, keeps the right one from giving way.
const (
	maxRetirements = 4
	maxEnded       = 32
)

// joinRetirements returns what is in either list.
func joinRetirements(a, b []Retirement) []Retirement {
	if len(b) == 0 {
		return a
	}
	out := slices.Concat(a, b)
	slices.SortFunc(out, compareRetirements)
	out = slices.Compact(out)
	id, same := ReplicaID(0), 0
	return slices.DeleteFunc(out, func(r Retirement) bool {
		if r.Last.Replica != id {
			id, same = r.Last.Replica, 0
		}
		same++
		return same > maxRetirements
	})
}

// lastOf returns the last write under an ID that is in a vector or, where that does
// not name it, in retirements.
func lastOf(r ReplicaID, v Vector, rs []Retirement) (n uint64) {
	n = v.Get(r)
	for i := range rs {
		if rs[i].Last.Replica == r {
			n = max(n, rs[i].Last.N)
		}
	}
	return n
}

// outlived returns one of the retirements after which there was another write, of
// those that are in v, rs and ended.
func outlived(retired []Retirement, v Vector, rs []Retirement, ended []Dot) (Retirement, bool) {
	for _, r := range retired {
		later := func(d Dot) bool { return d.Replica == r.Last.Replica && d.N > r.Last.N }
		if lastOf(r.Last.Replica, v, rs) > r.Last.N || slices.ContainsFunc(ended, later) {
			return r, true
		}
	}
	return Retirement{}, false
}

// IsRetired reports whether an ID is known to be retired: nothing that is written
// under it is applied here.
func (p *Partition) IsRetired(r ReplicaID) bool {
	return slices.ContainsFunc(p.retired, func(o Retirement) bool { return o.Last.Replica == r }) ||
		slices.ContainsFunc(p.ended, func(d Dot) bool { return d.Replica == r })
}

// Retired returns the retirements that are not stable yet. Read only, until the next
// change.
func (p *Partition) Retired() []Retirement { return p.retired }

// Sight returns what a holder has seen that has announced a vector.
func (p *Partition) Sight(v Vector) Sight {
	return Sight{vector: v, retired: p.retired, named: p.vector, gone: !p.horizon.IsZero()}
}

// Covers reports whether the write named by d has been seen here, which the zero dot
// always has. Of IDs that were retired long ago it does not know.
func (p *Partition) Covers(d Dot) bool {
	if d.IsZero() {
		return true
	}
	if i, ok := p.vector.search(d.Replica); ok {
		return d.N <= p.vector[i].N
	}
	for i := range p.retired {
		if r := &p.retired[i]; r.Last.Replica == d.Replica && d.N <= r.Last.N {
			return true
		}
	}
	for _, o := range p.ended {
		if o.Replica == d.Replica && d.N <= o.N {
			return true
		}
	}
	return false
}

// Applied returns all that has been applied here, under IDs too that have been retired,
// as far as it is known. The caller owns it.
func (p *Partition) Applied() Vector { return applied(p.vector, p.retired, p.ended) }

// Applied returns all that had been applied where the snapshot was taken, under IDs
// too that had been retired, as far as it says. The caller owns it.
func (s *Snapshot) Applied() Vector { return applied(s.Vector, s.Retired, s.Ended) }

func applied(v Vector, retired []Retirement, ended []Dot) Vector {
	out := v.Clone()
	for _, d := range ended {
		out = out.Advance(d)
	}
	for _, r := range retired {
		out = out.Advance(r.Last)
	}
	return out
}

// CoversAll reports whether everything that v has seen has been seen here.
func (p *Partition) CoversAll(v Vector) bool {
	if p.vector.CoversAll(v) {
		return true
	}
	for _, d := range v {
		if !p.Covers(d) {
			return false
		}
	}
	return true
}

// refusesRetired says why a delta can never be applied beside the retirements that
// are known, nil when it can be.
func (p *Partition) refusesRetired(d *Delta) error {
	for i := range p.retired {
		last := p.retired[i].Last
		if d.Dot.Replica == last.Replica || d.Deps.Get(last.Replica) > last.N {
			return fmt.Errorf("%w: %v had seen %v: %w after %v", ErrOldNews, d.Dot, d.Deps, ErrRetired, last)
		}
	}
	for _, last := range p.ended {
		if d.Dot.Replica == last.Replica || d.Deps.Get(last.Replica) > 0 {
			return fmt.Errorf("%w: %v had seen %v, not the retirement of %v", ErrOldNews, d.Dot, d.Deps, last.Replica)
		}
	}
	if !d.Retires() {
		return nil
	}
	for i := range d.Effects {
		last := d.Effects[i].Last()
		if n := lastOf(last.Replica, p.vector, p.retired); n > last.N {
			return fmt.Errorf("%w: %v retires %v, not %d: %w", ErrBehind, d.Dot, last, n, ErrRetired)
		}
	}
	return nil
}

// namesEnded reports whether a vector names one of the IDs whose retirement is
// stable: who has seen it has not seen that.
func namesEnded(v Vector, ended []Dot) bool {
	return slices.ContainsFunc(ended, func(d Dot) bool { return v.Get(d.Replica) > 0 })
}

// retire takes the IDs that d retires off the vector and the marks.
func (p *Partition) retire(d *Delta) {
	var news []Retirement
	for i := range d.Effects {
		news = append(news, Retirement{d.Effects[i].Last(), d.Dot, d.Stamp})
	}
	p.retired = joinRetirements(p.retired, news)
	p.dropRetired()
}

// dropRetired takes IDs that are known to be retired off the vector and the marks.
func (p *Partition) dropRetired() {
	p.vector = p.standIn(p.vector, false)
	p.waiting.rename(func(v Vector) Vector { return p.standIn(v, true) })
}

// standIn returns v without the IDs that are known to be retired and, if so asked,
// with the retirements in their place.
func (p *Partition) standIn(v Vector, place bool) Vector {
	out := v
	for _, r := range p.retired {
		if v.Get(r.Last.Replica) == 0 {
			continue
		}
		if out = out.Without(r.Last.Replica); place {
			out = out.Advance(r.By)
		}
	}
	return out
}

// endRetired forgets the retirements that are stable: the horizon stands for them. Those of
// one ID go together. Who has seen but one of them has seen all that was written under the
// ID, and that could not be told any more of one that is not in the horizon.
func (p *Partition) endRetired(stable func(v Vector, after HLC) bool) {
	if len(p.retired) == 0 {
		return
	}
	ended := slices.Clone(p.retired)
	for _, r := range p.retired {
		if !stable(Vector{r.By}, r.Stamp) {
			ended = slices.DeleteFunc(ended, func(o Retirement) bool { return o.Last.Replica == r.Last.Replica })
		}
	}
	for _, r := range ended {
		// Where the replica that made it is not known any more, it was retired by
		// somebody who had seen it, and the horizon has that.
		if lastOf(r.By.Replica, p.vector, p.retired) > 0 {
			p.horizon.Vector = p.horizon.Vector.Clone().Advance(r.By)
		}
		p.horizon.Stamp = max(p.horizon.Stamp, r.Stamp)
	}
	p.end(ended)
}

// end forgets retirements, and all others of the same IDs, for which the horizon
// stands.
func (p *Partition) end(rs []Retirement) {
	for _, r := range rs {
		p.remember(r.Last)
		p.retired = slices.DeleteFunc(slices.Clone(p.retired), func(o Retirement) bool { return o.Last.Replica == r.Last.Replica })
		p.horizon.Vector = p.horizon.Vector.Without(r.Last.Replica)
	}
}

// remember notes the last write of an ID whose retirement is stable.
func (p *Partition) remember(last Dot) {
	for _, d := range p.ended {
		if d.Replica == last.Replica {
			return
		}
	}
	p.ended = append(slices.Clip(p.ended), last)
	p.ended = p.ended[max(0, len(p.ended)-maxEnded):]
}

// joinVectors takes in what a snapshot has seen and forgotten.
func (p *Partition) joinVectors(s *Snapshot, m *encounter) {
	var ended []Retirement
	for _, r := range m.retired {
		if forgotten(r, p.vector, p.retired, &m.us) || forgotten(r, s.Vector, s.Retired, &m.them) {
			ended = append(ended, r)
		}
	}
	if s.First != 0 {
		p.noteStamp(s.First)
	}
	for _, d := range s.Ended {
		p.remember(d)
	}
	p.vector = p.vector.Join(s.Vector)
	p.retired = m.retired
	p.dropRetired()
	p.horizon = p.horizon.Join(s.Horizon)
	p.end(ended)
	// The horizon stands for what one side names there and the other has forgotten.
	p.horizon.Vector = slices.DeleteFunc(p.horizon.Vector, func(d Dot) bool {
		return lastOf(d.Replica, p.vector, p.retired) == 0
	})
}

// forgotten reports whether a retirement is stable where v names what has been seen
// and rs are the retirements that are known: its ID is in neither, and it has been
// seen.
func forgotten(r Retirement, v Vector, rs []Retirement, has *Sight) bool {
	return lastOf(r.Last.Replica, v, rs) == 0 && has.Covers(r.By)
}

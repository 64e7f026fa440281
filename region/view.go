package region

import (
	"fmt"
	"slices"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/pack"
)

// View is one node's list of members, of all regions, the node itself included.
// It is a state machine: heartbeats, departures and the time go in, changes come
// out. Nothing happens between calls.
//
// A name belongs to one process at a time. When another process uses it, the one
// that started later is the member, so that all views agree whatever arrives
// first; if the other goes on talking, that is a conflict and is reported.
type View struct {
	cfg      Config
	records  []record // sorted by region, then name
	departed []departure
	ticked   time.Time
	awake    time.Time // silence before this is not held against anybody
	stats    ViewStats
}

// record is what a view keeps of one name.
type record struct {
	member  Member // as announced
	heard   time.Time
	suspect bool
	rival   rival
}

// rival is another process that used a member's name: of several, the one that
// started last.
type rival struct {
	member   Member    // zero if there is none
	since    time.Time // first heard beside the member
	heard    time.Time
	reported bool
}

// departure remembers who left, for as long as a last heartbeat may be under way.
type departure struct {
	member Member
	at     time.Time
}

// ViewStats counts what a view did not take in. The numbers only grow.
type ViewStats struct {
	Refused   uint64 // heartbeats of new members beyond Config.MaxMembers
	Invalid   uint64 // heartbeats whose member does not validate
	Late      uint64 // heartbeats overtaken on the way, or of a life that had ended
	Conflicts uint64 // conflicts reported
	Pauses    uint64 // times the view was itself not ticked for Config.SuspectAfter
}

// NewView returns an empty view, or ErrConfig.
func NewView(cfg Config) (*View, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &View{cfg: cfg.withDefaults()}, nil
}

// Heartbeat takes in that a member, which may be the node itself, announced
// itself and was heard at the given time. It returns what that changed.
//
// It returns ErrName or ErrMember for a member that does not validate or calls
// itself suspect, and ErrFull when the list is full; then nothing changed.
func (v *View) Heartbeat(m Member, now time.Time) ([]Change, error) {
	err := m.Validate()
	if err == nil && m.State == StateSuspect {
		err = fmt.Errorf("%w: %s announces itself as suspect", ErrMember, m.Name)
	}
	if err != nil {
		v.stats.Invalid++
		return nil, fmt.Errorf("heartbeat: %w", err)
	}
	i, known := v.find(m.Region, m.Name)
	if !known {
		return v.join(i, m, now)
	}
	rec := &v.records[i]
	switch order := compareLives(m, rec.member); {
	case order == 0 && m.Beat != 0 && m.Beat <= rec.member.Beat:
		v.stats.Late++
		return nil, nil
	case order == 0, m.Replica == rec.member.Replica && order > 0:
		return rec.renew(m, now), nil
	case order > 0, rec.suspect:
		return rec.replace(m, now), nil
	default:
		return v.rivalHeard(rec, m, now), nil
	}
}

// Recall takes in that others still count somebody whom they have not heard of for
// a time: who has not heard of it at all counts it from then on as well, as a
// suspect. Whoever is known, or has left, is not changed by it.
func (v *View) Recall(m Member, silent time.Duration, now time.Time) []Change {
	if m.Validate() != nil || silent < 0 {
		v.stats.Invalid++
		return nil
	}
	i, known := v.find(m.Region, m.Name)
	left := slices.ContainsFunc(v.departed, func(d departure) bool {
		return compareMembers(d.member, m) == 0 && compareLives(m, d.member) <= 0
	})
	if known || left || silent > v.cfg.ForgetAfter || len(v.records) >= v.cfg.MaxMembers {
		return nil
	}
	rec := record{member: m, heard: now.Add(-silent), suspect: true}
	v.records = slices.Insert(v.records, i, rec)
	return []Change{{Kind: Suspected, Member: rec.shown()}}
}

// join takes in a member at index i, unless it has just left.
func (v *View) join(i int, m Member, now time.Time) ([]Change, error) {
	d := slices.IndexFunc(v.departed, func(d departure) bool { return compareMembers(d.member, m) == 0 })
	if d >= 0 && compareLives(m, v.departed[d].member) <= 0 {
		v.stats.Late++
		return nil, nil
	}
	if len(v.records) >= v.cfg.MaxMembers {
		v.stats.Refused++
		return nil, fmt.Errorf("heartbeat: %w: %s/%s would be member %d; raise MaxMembers or remove members", ErrFull, m.Region, m.Name, len(v.records)+1)
	}
	if d >= 0 {
		v.departed = slices.Delete(v.departed, d, d+1)
	}
	v.records = slices.Insert(v.records, i, record{member: m, heard: now})
	return []Change{{Kind: Joined, Member: m}}, nil
}

// renew takes in news from the process that has the name, or from the one that
// went on with the same replica ID after a clean stop.
func (rec *record) renew(m Member, now time.Time) []Change {
	former := rec.member
	rec.member, rec.heard = m, now
	if rec.suspect {
		rec.suspect = false
		return []Change{{Kind: Back, Member: m, Former: former}}
	}
	former.Beat = m.Beat
	if former != m {
		return []Change{{Kind: Updated, Member: m, Former: former}}
	}
	return nil
}

// replace gives the name to another life.
func (rec *record) replace(m Member, now time.Time) []Change {
	former := rec.shown()
	*rec = record{member: m, heard: now}
	return []Change{{Kind: Replaced, Member: m, Former: former}}
}

// rivalHeard takes in a heartbeat of a process that does not have its name any
// more, or claims it wrongly. The last messages of a process that ended may have
// been long on their way, and then come all at once; so there is a conflict only
// if both processes go on being heard, over two beats and more.
func (v *View) rivalHeard(rec *record, m Member, now time.Time) []Change {
	v.stats.Late++
	switch order := compareLives(m, rec.rival.member); {
	case order > 0:
		rec.rival = rival{member: m, since: now, heard: now}
	case order < 0:
		return nil
	}
	rec.rival.heard = now
	bothAlive := now.Sub(rec.rival.since) >= 2*v.cfg.HeartbeatEvery && rec.heard.After(rec.rival.since)
	if rec.rival.reported || !bothAlive {
		return nil
	}
	rec.rival.reported = true
	v.stats.Conflicts++
	return []Change{{Kind: Conflict, Member: rec.shown(), Former: m}}
}

// Leave takes in that a member has handed over and is gone. Anything but the
// present life of a known member is ignored.
func (v *View) Leave(region, name string, replica crdt.ReplicaID, now time.Time) []Change {
	i, known := v.find(region, name)
	if !known || v.records[i].member.Replica != replica {
		v.stats.Late++
		return nil
	}
	m := v.records[i].member
	v.records = slices.Delete(v.records, i, i+1)
	// Beyond the bound a departure is not remembered: a late heartbeat would then
	// show the member for SuspectAfter more.
	if len(v.departed) < v.cfg.MaxMembers {
		v.departed = append(v.departed, departure{m, now})
	}
	return []Change{{Kind: Left, Member: m}}
}

// Forget takes a member off the list, whatever its state, as an operator or the
// engine may decide for one that will not return. It is added again if it is
// heard again.
func (v *View) Forget(region, name string) []Change {
	i, known := v.find(region, name)
	if !known {
		return nil
	}
	m := v.records[i].shown()
	v.records = slices.Delete(v.records, i, i+1)
	return []Change{{Kind: Forgotten, Member: m}}
}

// Touch takes in that something else than a heartbeat came from a member's present
// life, such as its writes: under load heartbeats wait behind them, and who
// writes is not silent. A suspect is not helped by it: what comes from one may
// have been under way for long, so that it takes a heartbeat to bring it back.
func (v *View) Touch(replica crdt.ReplicaID, now time.Time) {
	for i := range v.records {
		rec := &v.records[i]
		if rec.member.Replica == replica && !rec.suspect && now.After(rec.heard) {
			rec.heard = now
		}
	}
}

// Tick takes in the time. Members silent for more than Config.SuspectAfter become
// suspect, and after Config.ForgetAfter they are taken off the list. Call it
// about every HeartbeatEvery: a view that was itself not ticked for longer than
// SuspectAfter was asleep, cannot tell its own silence from the others', and
// gives everybody SuspectAfter more.
func (v *View) Tick(now time.Time) []Change {
	if !v.ticked.IsZero() && now.Sub(v.ticked) > v.cfg.SuspectAfter {
		v.awake = now
		v.stats.Pauses++
	}
	v.ticked = now
	v.departed = slices.DeleteFunc(v.departed, func(d departure) bool { return now.Sub(d.at) > v.cfg.SuspectAfter })
	var changes []Change
	v.records = slices.DeleteFunc(v.records, func(rec record) bool {
		gone := now.Sub(rec.heard) > v.cfg.ForgetAfter && now.Sub(v.awake) > v.cfg.SuspectAfter
		if gone {
			changes = append(changes, Change{Kind: Forgotten, Member: rec.shown()})
		}
		return gone
	})
	for i := range v.records {
		changes = append(changes, v.tickRecord(&v.records[i], now)...)
	}
	return changes
}

func (v *View) tickRecord(rec *record, now time.Time) []Change {
	if now.Sub(rec.rival.heard) > v.cfg.SuspectAfter {
		rec.rival = rival{}
	}
	heard := rec.heard
	if v.awake.After(heard) {
		heard = v.awake
	}
	if rec.suspect || now.Sub(heard) <= v.cfg.SuspectAfter {
		return nil
	}
	rec.suspect = true
	return []Change{{Kind: Suspected, Member: rec.shown()}}
}

// Members returns all members by region and name. The caller owns the slice.
func (v *View) Members() []Member { return v.filter(func(Member) bool { return true }) }

// InRegion returns the members of one region by name.
func (v *View) InRegion(region string) []Member {
	return v.filter(func(m Member) bool { return m.Region == region })
}

// Serving returns the members of a region that its ring is made of now: those
// that are ready and those that are leaving and have not handed over yet.
func (v *View) Serving(region string) []Member {
	return v.filter(func(m Member) bool { return m.Region == region && m.serving() })
}

// Planned returns the members of a region that its ring will be made of when
// everyone has joined or left: those that are joining or ready. A node pulls what
// it holds on the planned ring, and goes on holding what it has on the serving
// one until the two agree.
func (v *View) Planned(region string) []Member {
	return v.filter(func(m Member) bool { return m.Region == region && m.planned() })
}

// Regions returns the regions that have members, suspects included, in order.
func (v *View) Regions() []string {
	var list []string
	for _, rec := range v.records {
		if r := rec.member.Region; len(list) == 0 || list[len(list)-1] != r {
			list = append(list, r)
		}
	}
	return list
}

// Member returns one member, and false if it is not on the list.
func (v *View) Member(region, name string) (Member, bool) {
	i, known := v.find(region, name)
	if !known {
		return Member{}, false
	}
	return v.records[i].shown(), true
}

// Heard returns when a member was last heard, zero if it is not known.
func (v *View) Heard(region, name string) time.Time {
	i, known := v.find(region, name)
	if !known {
		return time.Time{}
	}
	return v.records[i].heard
}

// Len returns the number of members, suspects included.
func (v *View) Len() int { return len(v.records) }

// Stats returns what the view has counted.
func (v *View) Stats() ViewStats { return v.stats }

// Epoch returns a hash of all that decides the rings of all regions. Two nodes
// whose lists agree in this have the same epoch, whatever their histories.
func (v *View) Epoch() uint64 { return epoch(v.Members()) }

// RegionEpoch returns the epoch of one region's rings.
func (v *View) RegionEpoch(region string) uint64 { return epoch(v.InRegion(region)) }

// epoch hashes what of the members decides placement.
func epoch(members []Member) uint64 {
	var b []byte
	for _, m := range members {
		if !m.serving() && !m.planned() {
			continue
		}
		b = pack.AppendText(b, m.Region)
		b = pack.AppendText(b, m.Name)
		b = pack.AppendText(b, m.Zone)
		b = pack.AppendUint(b, uint64(m.weight()))
		b = pack.AppendBool(b, m.serving())
		b = pack.AppendBool(b, m.planned())
	}
	return xxh3.Hash(b)
}

// find returns the index of a name, or where it belongs.
func (v *View) find(region, name string) (int, bool) {
	want := Member{Region: region, Name: name}
	return slices.BinarySearchFunc(v.records, want, func(rec record, m Member) int { return compareMembers(rec.member, m) })
}

func (v *View) filter(keep func(Member) bool) []Member {
	var list []Member
	for i := range v.records {
		if m := v.records[i].shown(); keep(m) {
			list = append(list, m)
		}
	}
	return list
}

// shown returns the member as others see it.
func (rec *record) shown() Member {
	m := rec.member
	if rec.suspect {
		m.State = StateSuspect
	}
	return m
}

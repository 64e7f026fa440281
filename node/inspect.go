package node

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// maxCells bounds the cells that INSPECT tells of one key.
const maxCells = 200

// maxShown bounds the bytes that INSPECT shows of one value.
const maxShown = 1024

// inspect says what a key holds in every region and why: this region's owner
// tells why, the others what they show.
func (l *life) inspect(ctx context.Context, cmd wire.Command) wire.Reply {
	key := cmd.Key()
	p := l.cfg.Partitions.Of(key)
	pl := l.core.Place()
	now := strconv.FormatInt(l.cfg.Now().UnixMilli(), 10)
	var owners []region.Member
	for _, m := range pl.Members() {
		if pl.Owner(m.Region, p) == m.Name {
			owners = append(owners, m)
		}
	}
	var out wire.Inspection
	found, copies := false, []wire.RegionCopy{}
	for _, a := range l.askAll(ctx, owners, askTimeout, "_INSPECT", key, now) {
		c := wire.RegionCopy{Region: a.member.Region, Owner: a.member.Name}
		c.Replicas = pl.Serving(a.member.Region).Replicas(p)
		var told localInspection
		switch {
		case a.reply.Type == wire.TypeError:
			c.Err = a.reply.Err.Text
		case json.Unmarshal([]byte(a.reply.Text), &told) != nil:
			c.Err = "ERR answer is not understood"
		default:
			c.Kind, c.Value, c.Digest = told.Kind, told.Value, told.Digest
			if a.member.Region == l.cfg.Region || !found {
				out, found = told.Inspection, true
			}
		}
		copies = append(copies, c)
	}
	if !found {
		return wire.Fail(&wire.Error{Code: wire.CodeUnavailable, Text: "ERR no owner of the key answers in any region"})
	}
	out.Regions = copies
	l.nameReplicas(&out)
	out.Complete = len(owners) == len(pl.Regions())
	out.Agree = true
	for _, c := range copies {
		out.Complete = out.Complete && c.Err == ""
		out.Agree = out.Agree && (c.Err != "" || c.Digest == copies[firstAnswer(copies)].Digest)
	}
	return jsonReply(out)
}

func firstAnswer(copies []wire.RegionCopy) int {
	return max(slices.IndexFunc(copies, func(c wire.RegionCopy) bool { return c.Err == "" }), 0)
}

// localInspection is what one node tells of a key.
type localInspection struct {
	wire.Inspection
	Digest string `json:"digest"`
}

// answerInspect tells what this node holds of a key, judged at a wall time.
func (l *life) answerInspect(args []string) (wire.Reply, error) {
	if len(args) != 2 {
		return wire.Reply{}, command.ErrSyntax
	}
	now, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		return wire.Reply{}, command.ErrNotInteger
	}
	key := args[0]
	p := l.cfg.Partitions.Of(key)
	s := l.core.Shard(p)
	if s == nil {
		return wire.Reply{}, core.ErrReleased
	}
	out := localInspection{Inspection: wire.Inspection{
		Key: legible(key), Slot: int(region.SlotOf(key)), Partition: int(p), Kind: crdt.KindNone.String(), Cells: []wire.CellInfo{},
	}}
	s.Look(func(e *cachesync.Engine, state *crdt.Partition) {
		entry := state.Entry(key)
		if state.Err() != nil {
			err = core.ErrUnread
			return
		}
		for _, d := range e.History(key) {
			out.History = append(out.History, describeDelta(d))
		}
		if entry != nil {
			deltas := e.History(key)
			out.Digest = shownDigest(entry, key, now)
			describeEntry(&out.Inspection, entry, now)
			for i, name := range cellNames(entry, len(out.Cells)) {
				out.Cells[i].Writes = append(out.Cells[i].Writes, forgottenLosers(deltas, entry, name)...)
			}
		}
	})
	if err != nil {
		return wire.Reply{}, err
	}
	return jsonReply(out), nil
}

// shownDigest returns the digest of what a key shows at a time as text, none when it
// does not exist.
func shownDigest(e *crdt.Entry, key string, at int64) string {
	if d := e.Digest(key, at); d != 0 {
		return fmt.Sprintf("%016x", d)
	}
	return ""
}

// describeEntry fills in what an entry holds and why it shows what it shows.
func describeEntry(out *wire.Inspection, e *crdt.Entry, now int64) {
	v := e.View(now)
	out.Kind, out.Size, out.Value = v.Kind().String(), e.Size(), shownValue(v)
	if at := v.ExpireAt(); at != crdt.Never {
		t := time.UnixMilli(at).UTC()
		out.ExpireAt = &t
	}
	if cut := e.Cut(); cut != 0 {
		s := stampInfo(crdt.Version{Stamp: cut})
		out.Cut = &s
	}
	for name, c := range e.Cells() {
		out.CellCount++
		if len(out.Cells) < maxCells {
			out.Cells = append(out.Cells, describeCell(name, &c, v, e.Cut()))
		}
	}
	out.Expiries = describeExpiries(e)
}

// shownValue returns what a key shows: text, fields, members or scores.
func shownValue(v crdt.View) any {
	switch v.Kind() {
	case crdt.KindString:
		s, _ := v.Get()
		return shorten(s)
	case crdt.KindSet:
		members := []string{}
		for m := range v.Fields() {
			if len(members) == maxCells {
				break
			}
			members = append(members, shorten(m))
		}
		return members
	case crdt.KindList:
		elements := v.Elements(0, maxCells-1)
		for i, e := range elements {
			elements[i] = shorten(e)
		}
		return elements
	case crdt.KindHLL:
		r, _ := v.Registers()
		return "about " + strconv.FormatUint(r.Estimate(), 10) + " different elements"
	case crdt.KindHash, crdt.KindZSet:
		fields := map[string]string{}
		for f := range v.Fields() {
			if len(fields) == maxCells {
				break
			}
			value, _ := v.Cell(f)
			fields[shorten(f)] = shorten(value)
		}
		return fields
	}
	return nil
}

// shorten returns at most the beginning of a value, and what is not text quoted.
func shorten(s string) string {
	if len(s) <= maxShown {
		return legible(s)
	}
	end := maxShown
	for end > maxShown-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return legible(s[:end]) + "… (" + strconv.Itoa(len(s)) + " bytes)"
}

// legible returns text as it is and other bytes quoted as in Go: JSON has no way
// to say them, and would make different ones the same.
func legible(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strconv.Quote(s)
}

func describeCell(name crdt.CellName, c *crdt.Cell, v crdt.View, cut crdt.HLC) wire.CellInfo {
	info := wire.CellInfo{Kind: name.Kind.String(), Field: shownField(name)}
	gone := "expired"
	if cut != 0 && cut == v.Hide() {
		gone = "cut"
	}
	value, shows := v.Cell(name.Field)
	switch {
	case name.Kind != v.Kind():
		info.Hidden = "the key is a " + v.Kind().String() + " by a later write"
		if !v.Exists() {
			info.Hidden = gone
		}
	case shows:
		info.Value = shorten(value)
	case v.HideIn(c) > v.Hide():
		info.Hidden = "expired"
	default:
		info.Hidden = "removed"
	}
	for i, w := range c.Writes() {
		wi := wire.WriteInfo{Dot: w.Dot.String(), Stamp: stampInfo(w.Version()), Value: shownWrite(name.Kind, w), State: "wins"}
		switch {
		case w.Stamp <= v.Hide():
			wi.State = gone
		case w.Stamp <= v.HideIn(c):
			wi.State = "expired"
		case i > 0:
			wi.State, wi.LostTo = "lost", c.Writes()[0].Dot.String()
		}
		info.Writes = append(info.Writes, wi)
	}
	for _, s := range c.Contributions() {
		if s.Stamp > v.Hide() && s.Stamp <= v.HideIn(c) {
			info.Contributions = append(info.Contributions, describeContribution(s, v.HideIn(c), "expired"))
			continue
		}
		info.Contributions = append(info.Contributions, describeContribution(s, v.Hide(), gone))
	}
	describeFieldExpiry(&info, name, c, v, gone)
	return info
}

// shownField returns what a cell is called: a list's by where in the list it is, a
// HyperLogLog's by its registers.
func shownField(name crdt.CellName) string {
	switch name.Kind {
	case crdt.KindList:
		return shorten(crdt.PositionText(name.Field))
	case crdt.KindHLL:
		return crdt.RegistersText(name.Field)
	}
	return shorten(name.Field)
}

func shownWrite(k crdt.Kind, w crdt.Write) string {
	if k == crdt.KindZSet {
		return crdt.FormatFloat(crdt.DecodeScore(w.Value))
	}
	return shorten(w.Value)
}

func describeContribution(s crdt.Contribution, hide crdt.HLC, gone string) wire.ContributionInfo {
	info := wire.ContributionInfo{
		Stamp: stampInfo(s.Version()), Dot: crdt.Dot{Replica: s.Replica, N: s.N}.String(),
		Net: s.Net().String(), Total: s.Total.String(), State: "counts",
	}
	if s.RemovedN > 0 {
		info.Removed = s.Removed.String()
	}
	switch {
	case s.RemovedN >= s.N:
		info.State = "removed"
	case s.Stamp <= hide:
		info.State = gone
	}
	return info
}

func stampInfo(v crdt.Version) wire.Stamp {
	return wire.Stamp{Time: v.Stamp.Time(), Counter: int(v.Stamp.Counter()), Replica: v.Replica.String()}
}

// describeDelta says in words what a write did.
func describeDelta(d *crdt.Delta) wire.ChangeInfo {
	out := wire.ChangeInfo{Dot: d.Dot.String(), Stamp: stampInfo(d.Version())}
	for i := range d.Effects {
		if i == maxCells {
			out.Did = append(out.Did, "and "+strconv.Itoa(len(d.Effects)-i)+" more")
			break
		}
		out.Did = append(out.Did, describeEffect(&d.Effects[i]))
	}
	return out
}

func describeEffect(f *crdt.Effect) string {
	where := "the value"
	if f.Kind != crdt.KindString {
		where = f.Kind.String() + " " + strconv.Quote(shorten(f.Field))
	}
	switch at := shownField(crdt.CellName{Kind: f.Kind, Field: f.Field}); f.Kind {
	case crdt.KindList:
		where = "the element at " + at
	case crdt.KindHLL:
		where = at
	}
	switch f.Op {
	case crdt.EffectClear:
		return "removed all that it had seen of the key"
	case crdt.EffectPut:
		switch f.Kind {
		case crdt.KindZSet:
			return "set " + where + " to " + crdt.FormatFloat(crdt.DecodeScore(f.Value))
		case crdt.KindSet, crdt.KindHLL:
			return "added " + where
		}
		return "set " + where + " to " + strconv.Quote(shorten(f.Value))
	case crdt.EffectRemove:
		return "removed what it had seen of " + where
	case crdt.EffectAdd:
		return "raised its own sum of " + where + " to " + f.Sum.String()
	case crdt.EffectExpire:
		if f.At == crdt.Never {
			return "took the expiry away"
		}
		return "let it expire at " + time.UnixMilli(f.At).UTC().Format(time.RFC3339Nano)
	case crdt.EffectExpireField:
		if f.At == crdt.Never {
			return "took the expiry of " + where + " away"
		}
		return "let " + where + " expire at " + time.UnixMilli(f.At).UTC().Format(time.RFC3339Nano)
	case crdt.EffectSettle:
		return "took what it had seen and did not show any more"
	case crdt.EffectFill:
		return "filled it with " + strconv.Quote(shorten(f.Value)) + ", missing at " + f.Cut.Time().Format(time.RFC3339Nano)
	case crdt.EffectBar:
		return "barred fills that had not seen it"
	case crdt.EffectCut:
		return "invalidated all before " + f.Cut.Time().Format(time.RFC3339Nano)
	}
	return f.Op.String()
}

// nameReplicas adds the names of nodes to the replica IDs in an inspection.
func (l *life) nameReplicas(out *wire.Inspection) {
	names := map[crdt.ReplicaID]region.Member{}
	for _, m := range l.core.Place().Members() {
		names[m.Replica] = m
	}
	name := func(s *wire.Stamp) {
		id, _ := strconv.ParseUint(s.Replica, 16, 64)
		if m, ok := names[crdt.ReplicaID(id).Life()]; ok {
			s.Node, s.Region = m.Name, m.Region
		}
	}
	for i := range out.Cells {
		c := &out.Cells[i]
		for j := range c.Writes {
			name(&c.Writes[j].Stamp)
		}
		for j := range c.Contributions {
			name(&c.Contributions[j].Stamp)
		}
		for j := range c.Expiries {
			name(&c.Expiries[j].Stamp)
		}
	}
	for i := range out.Expiries {
		name(&out.Expiries[i].Stamp)
	}
	for i := range out.History {
		name(&out.History[i].Stamp)
	}
}

package region

import (
	"fmt"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/pack"
)

// Records are arrays whose fields only ever grow at the end: a reader skips what
// it does not know and defaults what is missing. See package pack.
const (
	memberFields = 9
	linkFields   = 5

	// The least bytes of a valid element in a list: its header and the fields
	// that cannot be missing or empty.
	minMember = 8
	minLink   = 5
)

// AppendMember appends the member's record to b: name, region, zone, address,
// replica ID, weight, state, started and beat.
func AppendMember(b []byte, m Member) []byte {
	b = pack.AppendArray(b, memberFields)
	b = pack.AppendText(b, m.Name)
	b = pack.AppendText(b, m.Region)
	b = pack.AppendText(b, m.Zone)
	b = pack.AppendText(b, m.Address)
	b = pack.AppendUint(b, uint64(m.Replica))
	b = pack.AppendInt(b, int64(m.Weight))
	b = pack.AppendUint(b, uint64(m.State))
	b = pack.AppendUint(b, m.Started)
	return pack.AppendUint(b, m.Beat)
}

// ReadMember reads a member's record. A member that does not validate fails the
// reader with ErrName or ErrMember; the result means nothing after an error.
func ReadMember(r *pack.Reader) Member {
	var m Member
	rec := r.Record()
	for _, text := range []*string{&m.Name, &m.Region, &m.Zone, &m.Address} {
		if rec.More() {
			*text = readText(r)
		}
	}
	if rec.More() {
		m.Replica = crdt.ReplicaID(r.Uint())
	}
	if rec.More() {
		m.Weight = int(readBelow(r, "weight", MaxWeight+1))
	}
	if rec.More() {
		m.State = State(readBelow(r, "state", 256))
	}
	if rec.More() {
		m.Started = r.Uint()
	}
	if rec.More() {
		m.Beat = r.Uint()
	}
	rec.End()
	if r.Err() == nil {
		r.Fail(m.Validate())
	}
	return m
}

// AppendMembers appends a list of members, in the order given.
func AppendMembers(b []byte, members []Member) []byte {
	b = pack.AppendArray(b, len(members))
	for _, m := range members {
		b = AppendMember(b, m)
	}
	return b
}

// ReadMembers reads a list of members. The list grows as members are read, so
// what it takes is a small multiple of the message.
func ReadMembers(r *pack.Reader) []Member {
	var list []Member
	for range r.Array(minMember) {
		m := ReadMember(r)
		if r.Err() != nil {
			return nil
		}
		list = append(list, m)
	}
	return list
}

// AppendLinks appends the states of links, in the order given: from, to, paused,
// and the version's stamp and replica ID. For all that a Links knows, pass its
// List.
func AppendLinks(b []byte, states []LinkState) []byte {
	b = pack.AppendArray(b, len(states))
	for _, s := range states {
		b = pack.AppendArray(b, linkFields)
		b = pack.AppendText(b, s.From)
		b = pack.AppendText(b, s.To)
		b = pack.AppendBool(b, s.Paused)
		b = pack.AppendUint(b, uint64(s.Version.Stamp))
		b = pack.AppendUint(b, uint64(s.Version.Replica))
	}
	return b
}

// ReadLinks reads the states that AppendLinks appended, for Links.Apply. A link
// that does not validate fails the reader with ErrName.
func ReadLinks(r *pack.Reader) []LinkState {
	var list []LinkState
	for range r.Array(minLink) {
		s := readLink(r)
		if r.Err() != nil {
			return nil
		}
		list = append(list, s)
	}
	return list
}

func readLink(r *pack.Reader) LinkState {
	var s LinkState
	rec := r.Record()
	if rec.More() {
		s.From = readText(r)
	}
	if rec.More() {
		s.To = readText(r)
	}
	if rec.More() {
		s.Paused = r.Bool()
	}
	if rec.More() {
		s.Version.Stamp = crdt.HLC(r.Uint())
	}
	if rec.More() {
		s.Version.Replica = crdt.ReplicaID(r.Uint())
	}
	rec.End()
	if r.Err() == nil {
		r.Fail(s.Validate())
	}
	return s
}

// readText reads a string that is not longer than any legal one, so that a bad
// member costs no more than a good one.
func readText(r *pack.Reader) string {
	b := r.Bytes()
	if len(b) > MaxAddress {
		r.Fail(fmt.Errorf("%w: a text of %d bytes; at most %d", ErrMember, len(b), MaxAddress))
		return ""
	}
	return string(b)
}

// readBelow reads a number that must be below limit.
func readBelow(r *pack.Reader, what string, limit uint64) uint64 {
	n := r.Uint()
	if n >= limit {
		r.Fail(fmt.Errorf("%w: %s %d; at most %d", ErrMember, what, n, limit-1))
		return 0
	}
	return n
}

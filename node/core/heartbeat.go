package core

import (
	"errors"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/pack"
	"github.com/atollcache/atoll/region"
)

// TagHeartbeat is the tag of a heartbeat among the messages that nodes announce
// beside replication's.
const TagHeartbeat = 64

// TagRequest is the tag of a request as in package wire that nodes send each other, or
// whoever looks after a cluster sends to one of them.
const TagRequest = TagHeartbeat + 1

// heartbeat is what a node announces of itself.
type heartbeat struct {
	member  region.Member
	clock   int64 // wall time in milliseconds
	links   []region.LinkState
	leaving bool
	echoes  []region.Echo // of others' heartbeats
	wants   bool          // heads of everybody, to catch up
	silent  []silent      // members that the sender has not heard of late
}

// silent is a member that is counted although nothing is heard of it: what it may
// not have seen must not be forgotten by those who have never heard of it either.
type silent struct {
	member region.Member
	since  time.Duration
}

// maxSilent bounds the silent members that a heartbeat names.
const maxSilent = 64

func encodeHeartbeat(h heartbeat) []byte {
	var e crdt.Encoder
	e.String(string(region.AppendMember(nil, h.member)))
	e.Int(h.clock)
	e.String(string(region.AppendLinks(nil, h.links)))
	e.Bool(h.leaving)
	e.String(string(region.AppendEchoes(nil, h.echoes)))
	e.Bool(h.wants)
	e.Uint(uint64(len(h.silent)))
	for _, s := range h.silent {
		e.String(string(region.AppendMember(nil, s.member)))
		e.Int(s.since.Milliseconds())
	}
	return e.Append(nil, TagHeartbeat)
}

// ErrHeartbeat is the error of a message that is no heartbeat.
var ErrHeartbeat = errors.New("malformed heartbeat")

func decodeHeartbeat(b []byte) (heartbeat, error) {
	var h heartbeat
	d, tag := crdt.NewDecoder(b)
	if tag != TagHeartbeat {
		return h, ErrHeartbeat
	}
	member := pack.NewReader(d.Bytes())
	h.member = region.ReadMember(member)
	h.clock = d.Int()
	links := pack.NewReader(d.Bytes())
	h.links = region.ReadLinks(links)
	h.leaving = d.Bool()
	var err error
	if d.More() {
		echoes := pack.NewReader(d.Bytes())
		h.echoes = region.ReadEchoes(echoes)
		err = echoes.Done()
	}
	if d.More() {
		h.wants = d.Bool()
	}
	if d.More() {
		h.silent, err = readSilent(d, err)
	}
	if err := errors.Join(d.Err(), err, member.Done(), links.Done()); err != nil {
		return h, errors.Join(ErrHeartbeat, err)
	}
	return h, nil
}

func readSilent(d *crdt.Decoder, err error) ([]silent, error) {
	n := d.Uint()
	if n > maxSilent {
		return nil, errors.Join(err, ErrHeartbeat)
	}
	var out []silent
	for range n {
		member := pack.NewReader(d.Bytes())
		s := silent{member: region.ReadMember(member)}
		s.since = time.Duration(min(max(d.Int(), -1), 1<<40)) * time.Millisecond
		err = errors.Join(err, member.Done())
		out = append(out, s)
	}
	return out, err
}

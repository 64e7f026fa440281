package core

import (
	"errors"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/pack"
	"github.com/atollcache/atoll/region"
)

// TagHeartbeat is the tag of a heartbeat among the messages that nodes announce
// beside replication's.
const TagHeartbeat = 64

// heartbeat is what a node announces of itself.
type heartbeat struct {
	member  region.Member
	clock   int64 // wall time in milliseconds
	links   []region.LinkState
	leaving bool
	echoes  []region.Echo // of others' heartbeats
	wants   bool          // heads of everybody, to catch up
}

func encodeHeartbeat(h heartbeat) []byte {
	var e crdt.Encoder
	e.String(string(region.AppendMember(nil, h.member)))
	e.Int(h.clock)
	e.String(string(region.AppendLinks(nil, h.links)))
	e.Bool(h.leaving)
	e.String(string(region.AppendEchoes(nil, h.echoes)))
	e.Bool(h.wants)
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
	if err := errors.Join(d.Err(), err, member.Done(), links.Done()); err != nil {
		return h, errors.Join(ErrHeartbeat, err)
	}
	return h, nil
}

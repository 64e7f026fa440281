package region

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/atollcache/atoll/crdt"
)

// State is where a member is in its life. A node announces the first three of
// itself; StateSuspect is what others think of it.
type State uint8

const (
	// StateJoining: the node is pulling what it will own. It is on the planned
	// ring, not yet on the serving one.
	StateJoining State = iota

	// StateReady: the node serves.
	StateReady

	// StateLeaving: the node is handing over. It still serves, and is no longer
	// on the planned ring.
	StateLeaving

	// StateSuspect: nothing has been heard from the node for too long. It is on
	// no ring until it is heard again.
	StateSuspect
)

// String returns the state's name as shown by `atoll nodes`.
func (s State) String() string {
	switch s {
	case StateJoining:
		return "joining"
	case StateReady:
		return "ready"
	case StateLeaving:
		return "leaving"
	case StateSuspect:
		return "suspect"
	}
	return fmt.Sprintf("state %d", uint8(s))
}

const (
	// DefaultWeight is the weight of a member that does not give one.
	DefaultWeight = 100

	// MaxWeight is the highest weight. With the default of 100, a node may be
	// from a hundredth to a hundred times as large as an ordinary one.
	MaxWeight = 10000

	// MaxAddress is the longest address in bytes.
	MaxAddress = 255
)

// Member is what a node says about itself in its heartbeats. Region, Name, Zone,
// Weight and State decide placement; the rest is for people and connections.
type Member struct {
	// Name is the node's name, unique in its region: two nodes of different
	// regions may share one.
	Name string

	// Region is the region the node is in.
	Region string

	// Zone is the part of the region that fails as one: a rack, a hall, a cloud
	// zone. Copies of a partition go to different zones where there are several.
	// Nodes without a zone count as being in one zone together.
	Zone string

	// Address is the host:port at which RESP clients of the region reach the
	// node. Empty when it serves none.
	Address string

	// Replica is the node's present life. It is never zero.
	Replica crdt.ReplicaID

	// Weight is the node's share of partitions relative to the others', up to
	// MaxWeight. Zero means DefaultWeight.
	Weight int

	// State is what the node announces, or StateSuspect where a View has lost it.
	// A state from a later version of Atoll is kept; such a member is on no ring.
	State State

	// Started is when the node's process began, in milliseconds since the Unix
	// epoch by its own clock. Of two processes that claim one name the one that
	// started later is taken to be the real one.
	Started uint64

	// Beat counts the heartbeats of this process from 1, so that one that was
	// overtaken on its way is not taken for news. Zero means not counted.
	Beat uint64
}

// Validate returns ErrName or ErrMember, saying what to change, unless the
// member's record makes sense.
func (m Member) Validate() error {
	if err := ValidateName("node", m.Name); err != nil {
		return err
	}
	if err := ValidateRegion(m.Region); err != nil {
		return err
	}
	if m.Zone != "" {
		if err := ValidateName("zone", m.Zone); err != nil {
			return err
		}
	}
	switch {
	case m.Replica == 0:
		return fmt.Errorf("%w: %s has no replica ID", ErrMember, m.Name)
	case m.Weight < 0 || m.Weight > MaxWeight:
		return fmt.Errorf("%w: %s has weight %d; use 1 to %d, or 0 for %d", ErrMember, m.Name, m.Weight, MaxWeight, DefaultWeight)
	case len(m.Address) > MaxAddress || strings.ContainsFunc(m.Address, notPrintable):
		return fmt.Errorf("%w: %s has address %.40q; use host:port, at most %d bytes", ErrMember, m.Name, m.Address, MaxAddress)
	}
	return nil
}

// notPrintable reports whether r cannot stand in an address.
func notPrintable(r rune) bool { return r <= ' ' || r >= 0x7f }

// weight returns the weight with the default filled in.
func (m Member) weight() int {
	if m.Weight == 0 {
		return DefaultWeight
	}
	return m.Weight
}

// serving reports whether the member belongs on the ring as it is now.
func (m Member) serving() bool { return m.State == StateReady || m.State == StateLeaving }

// planned reports whether the member belongs on the ring as it will be when
// everyone has joined or left.
func (m Member) planned() bool { return m.State == StateReady || m.State == StateJoining }

// compareMembers orders members by region, then by name.
func compareMembers(a, b Member) int {
	return cmp.Or(strings.Compare(a.Region, b.Region), strings.Compare(a.Name, b.Name))
}

// compareLives orders two processes that use one name: the one that started
// later is higher.
func compareLives(a, b Member) int {
	return cmp.Or(cmp.Compare(a.Started, b.Started), cmp.Compare(a.Replica, b.Replica))
}

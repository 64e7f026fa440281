package region

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/atollcache/atoll/crdt"
)

// Link is the way that writes of one region take to another. The way back is
// another link.
type Link struct {
	From, To string
}

// Validate returns ErrName unless both ends are legal and different regions.
func (l Link) Validate() error {
	if err := ValidateRegion(l.From); err != nil {
		return err
	}
	if err := ValidateRegion(l.To); err != nil {
		return err
	}
	if l.From == l.To {
		return fmt.Errorf("%w: a link from %s to itself; name two regions", ErrName, l.From)
	}
	return nil
}

// String returns "from→to".
func (l Link) String() string { return l.From + "→" + l.To }

func (l Link) compare(o Link) int {
	return cmp.Or(strings.Compare(l.From, o.From), strings.Compare(l.To, o.To))
}

// LinkState is what was last decided about a link.
type LinkState struct {
	Link
	Paused  bool
	Version crdt.Version // of the decision
}

// Since returns when the decision was taken, by the clock of the node that did.
func (s LinkState) Since() time.Time { return s.Version.Stamp.Time() }

// String returns "from→to paused" or "from→to open", and the version.
func (s LinkState) String() string {
	if s.Paused {
		return fmt.Sprintf("%v paused %v", s.Link, s.Version)
	}
	return fmt.Sprintf("%v open %v", s.Link, s.Version)
}

// newer reports whether s replaces o. Versions are unique; should two decisions
// carry one, paused wins, so that all nodes still agree.
func (s LinkState) newer(o LinkState) bool {
	if c := s.Version.Compare(o.Version); c != 0 {
		return c > 0
	}
	return s.Paused && !o.Paused
}

// Links answers which links an operator has paused. It is a map of
// last-writer-wins registers, one for each link that was ever paused: of
// concurrent decisions about one link the one with the higher version holds, and
// decisions about different links do not touch each other. Nodes exchange their
// Links with their heartbeats and merge them, so that every node comes to the
// same answer. Both ends obey: the sender stops sending, the receiver stops
// applying, and repair does neither.
//
// The number of links is bounded by Config.MaxRegions. Should merging go beyond
// it, the first links by name stay, which keeps the result independent of the
// order of merging.
type Links struct {
	max     int
	states  []LinkState // sorted by link
	dropped uint64
}

// NewLinks returns the state in which nothing is paused, or ErrConfig.
func NewLinks(cfg Config) (*Links, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	n := cfg.withDefaults().MaxRegions
	return &Links{max: n * (n - 1)}, nil
}

// Pause decides at the given version, which must be new and above all that the
// caller has seen, that a link is paused. It returns the link's state for others
// to Apply, and whether that changed: a link that is paused already stays as it
// was, since when included.
//
// It returns ErrName for a link that cannot be, ErrFull when no more links fit,
// and ErrStale when the link's state has a higher version: then the caller's
// clock must observe that first.
func (ls *Links) Pause(link Link, v crdt.Version) (LinkState, bool, error) {
	return ls.decide(LinkState{Link: link, Paused: true, Version: v})
}

// Resume decides that a link is not paused, as Pause decides that it is. A link
// that was never paused stays as it was.
func (ls *Links) Resume(link Link, v crdt.Version) (LinkState, bool, error) {
	return ls.decide(LinkState{Link: link, Version: v})
}

func (ls *Links) decide(s LinkState) (LinkState, bool, error) {
	if err := s.Validate(); err != nil {
		return LinkState{}, false, err
	}
	i, known := ls.find(s.Link)
	switch {
	case !known && !s.Paused:
		return s, false, nil
	case known && ls.states[i].Paused == s.Paused:
		return ls.states[i], false, nil
	case known && !s.newer(ls.states[i]):
		return ls.states[i], false, fmt.Errorf("%w: %v was decided at %v, now is %v", ErrStale, s.Link, ls.states[i].Version, s.Version)
	case !known && len(ls.states) >= ls.max:
		return LinkState{}, false, fmt.Errorf("%w: %v would be link %d; raise MaxRegions", ErrFull, s.Link, len(ls.states)+1)
	}
	ls.put(i, known, s)
	return s, true, nil
}

// Apply takes in what another node knows of one link and reports whether it was
// news. A link that does not validate is dropped and counted.
func (ls *Links) Apply(s LinkState) bool {
	if s.Validate() != nil {
		ls.dropped++
		return false
	}
	i, known := ls.find(s.Link)
	if known && !s.newer(ls.states[i]) {
		return false
	}
	if !known && i >= ls.max {
		ls.dropped++
		return false
	}
	ls.put(i, known, s)
	if len(ls.states) > ls.max {
		ls.states = ls.states[:ls.max]
		ls.dropped++
	}
	return true
}

// Merge takes in all that o knows and reports whether any of it was news. It
// does not change o and keeps no memory of it.
func (ls *Links) Merge(o *Links) (changed bool) {
	for _, s := range o.states {
		changed = ls.Apply(s) || changed
	}
	return changed
}

// Paused reports whether writes of region from are to be kept from region to.
func (ls *Links) Paused(from, to string) bool {
	s, _ := ls.State(Link{from, to})
	return s.Paused
}

// State returns what was last decided about a link, and false if nothing ever
// was.
func (ls *Links) State(link Link) (LinkState, bool) {
	i, known := ls.find(link)
	if !known {
		return LinkState{Link: link}, false
	}
	return ls.states[i], true
}

// List returns all links that were ever paused, by name, whether they still are
// or not. The caller owns the slice.
func (ls *Links) List() []LinkState { return slices.Clone(ls.states) }

// Equal reports whether both say the same of every link.
func (ls *Links) Equal(o *Links) bool { return slices.Equal(ls.states, o.states) }

// Highest returns the highest stamp of all decisions. A clock that has observed
// it can decide about every link.
func (ls *Links) Highest() (h crdt.HLC) {
	for _, s := range ls.states {
		h = max(h, s.Version.Stamp)
	}
	return h
}

// Dropped returns how many states were not taken in, for being beyond the bound
// or not valid.
func (ls *Links) Dropped() uint64 { return ls.dropped }

func (ls *Links) find(link Link) (int, bool) {
	return slices.BinarySearchFunc(ls.states, link, func(s LinkState, l Link) int { return s.compare(l) })
}

func (ls *Links) put(i int, known bool, s LinkState) {
	if known {
		ls.states[i] = s
		return
	}
	ls.states = slices.Insert(ls.states, i, s)
}

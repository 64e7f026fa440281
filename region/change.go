package region

import "fmt"

// ChangeKind says what happened to a member.
type ChangeKind uint8

const (
	// Joined: the member is new on the list.
	Joined ChangeKind = iota + 1

	// Updated: the member announces something else than before (Former): its
	// state, weight, zone or address, or that its process was restarted cleanly.
	Updated

	// Suspected: the member has been silent for too long and is on no ring.
	Suspected

	// Back: a suspect was heard again. Former is what it announced before.
	Back

	// Left: the member said goodbye and is off the list.
	Left

	// Replaced: a new life has the member's name. Former is the life that ended:
	// its replica ID writes no more, unless a Conflict follows.
	Replaced

	// Forgotten: the member is off the list without having said goodbye.
	Forgotten

	// Conflict: two processes use one name at the same time. Member is the one on
	// the list, Former the other. Both may write, since their replica IDs differ;
	// if the IDs are the same, a data directory was copied, and one must stop at
	// once.
	Conflict
)

// String returns the kind in lower case.
func (k ChangeKind) String() string {
	names := [...]string{"", "joined", "updated", "suspected", "back", "left", "replaced", "forgotten", "conflict"}
	if int(k) < len(names) && k > 0 {
		return names[k]
	}
	return fmt.Sprintf("change %d", uint8(k))
}

// Change is one thing that happened to a View.
type Change struct {
	Kind   ChangeKind
	Member Member // as it is after the change, or was last
	Former Member // see the kinds; zero for the others
}

// String describes the change in a few words, as a log would.
func (c Change) String() string {
	s := fmt.Sprintf("%v %s/%s %v %v", c.Kind, c.Member.Region, c.Member.Name, c.Member.Replica, c.Member.State)
	if c.Former != (Member{}) {
		s += fmt.Sprintf(" (former %v %v)", c.Former.Replica, c.Former.State)
	}
	return s
}

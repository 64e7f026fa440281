package command

// Group is what a command is about, by the names of Redis's COMMAND DOCS.
type Group string

// The groups. GroupAtoll has the commands that Redis does not.
const (
	GroupGeneric    Group = "generic"
	GroupString     Group = "string"
	GroupBitmap     Group = "bitmap"
	GroupHash       Group = "hash"
	GroupSet        Group = "set"
	GroupSortedSet  Group = "sorted-set"
	GroupList       Group = "list"
	GroupHyperLog   Group = "hyperloglog"
	GroupConnection Group = "connection"
	GroupServer     Group = "server"
	GroupAtoll      Group = "atoll"
)

// categories are the ACL categories of the groups that have one.
var categories = map[Group]string{
	GroupGeneric: "keyspace", GroupString: "string", GroupBitmap: "bitmap", GroupHash: "hash", GroupSet: "set",
	GroupSortedSet: "sortedset", GroupList: "list", GroupHyperLog: "hyperloglog", GroupConnection: "connection",
}

// Categories returns the ACL categories that the command is in, by Redis's names
// and without the @: what it is about, whether it reads or writes keys, whether
// it is fast, and "dangerous". Atoll's own commands are "admin" as well when they
// are dangerous.
func (s *Spec) Categories() []string {
	var out []string
	switch c := categories[s.Group]; {
	case s.Whole:
		out = append(out, "keyspace")
	case c != "":
		out = append(out, c)
	}
	if s.Keys != KeysNone || s.Whole {
		out = append(out, pick(s.Write, "write", "read"))
	}
	if s.Dangerous && s.Group == GroupAtoll {
		out = append(out, "admin")
	}
	if s.Dangerous {
		out = append(out, "dangerous")
	}
	return append(out, pick(s.Fast, "fast", "slow"))
}

// Flags returns the flags that Redis's COMMAND shows of a command.
func (s *Spec) Flags() []string {
	var out []string
	if s.Keys != KeysNone || s.Whole {
		out = append(out, pick(s.Write, "write", "readonly"))
	}
	if s.Grows {
		out = append(out, "denyoom")
	}
	if s.Dangerous && s.Group == GroupAtoll {
		out = append(out, "admin")
	}
	if s.Fast {
		out = append(out, "fast")
	}
	if s.Movable() {
		out = append(out, "movablekeys")
	}
	return out
}

func pick(which bool, yes, no string) string {
	if which {
		return yes
	}
	return no
}

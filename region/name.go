package region

import (
	"fmt"
	"slices"
)

// MaxName is the longest cluster, region, node or zone name in bytes. Names are
// tokens of subjects and appear in every heartbeat.
const MaxName = 32

// reservedRegions are the tokens that stand where a region does in a subject of
// the cluster (atoll.<cluster>.delta.…). A region of that name would receive
// the cluster's traffic as commands.
var reservedRegions = []string{"delta", "event", "member", "repair"}

// ValidateName returns ErrName, saying what is allowed, unless name may stand in
// a subject. The what is used in the message: "cluster", "node", and so on.
func ValidateName(what, name string) error {
	ok := len(name) > 0 && len(name) <= MaxName
	for i := 0; ok && i < len(name); i++ {
		ok = isNameByte(name[i])
	}
	if !ok {
		return fmt.Errorf("%w: %s %.40q; use 1 to %d of the characters a-z, 0-9 and -", ErrName, what, name, MaxName)
	}
	return nil
}

// ValidateRegion is ValidateName for a region, which may also not be one of the
// words that subjects use in the place of a region: delta, event, member and
// repair.
func ValidateRegion(name string) error {
	if slices.Contains(reservedRegions, name) {
		return fmt.Errorf("%w: region %q; the word is used in subjects, choose another", ErrName, name)
	}
	return ValidateName("region", name)
}

func isNameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-'
}

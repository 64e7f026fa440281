package crdttest

import "github.com/atollcache/atoll/crdt"

// setSpec: a set has a member while any SADD of it is live, that is, one that no
// SREM, DEL or later SADD saw. SADD beats the SREM that did not see it (R4).
func setSpec(live []*Op) map[string]bool {
	members := map[string]bool{}
	for _, p := range live {
		if p.Verb.kind() == crdt.KindSet {
			members[p.Field] = true
		}
	}
	return members
}

package crdttest

import "github.com/atollcache/atoll/crdt"

// hashSpec: a hash has a field while any write or increment of it is live, and
// each field is a string of its own. HSET beats the HDEL that did not see it
// (R4), and so does a write beside the DEL of the whole key (R5).
func hashSpec(live []*Op) map[string]string {
	fields := map[string]string{}
	for _, p := range live {
		if p.Verb.kind() == crdt.KindHash {
			fields[p.Field] = textSpec(inCell(live, p.place()))
		}
	}
	return fields
}

package crdttest

import "github.com/atollcache/atoll/crdt"

// zsetSpec: a zset has a member while any ZADD or ZINCR of it is live (R4). Its
// score is that of the live ZADD with the highest version (R1), zero without
// one, plus the live increments (R2, R3).
func zsetSpec(live []*Op) map[string]float64 {
	scores := map[string]float64{}
	for _, p := range live {
		if p.Verb.kind() != crdt.KindZSet {
			continue
		}
		cell := inCell(live, p.place())
		score, _ := total(cell)
		if w := winner(cell); w != nil {
			score += w.Amount
		}
		scores[p.Field] = score
	}
	return scores
}

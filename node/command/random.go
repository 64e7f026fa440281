package command

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

// sample returns n different members or fields of a collection, all when it has
// no more, chosen by a seed: those whose hashes with it are the lowest. So the
// choice depends on the seed alone and not on the order in which the collection
// is kept, and costs one look at each.
func sample(v crdt.View, n int64, seed uint64) []string {
	if n == 1 {
		return sampleOne(v, seed)
	}
	if n == 0 {
		return nil
	}
	type drawn struct {
		hash uint64
		name string
	}
	var all []drawn
	for name := range v.Members() {
		all = append(all, drawn{xxh3.HashStringSeed(name, seed), name})
	}
	n = min(n, int64(len(all)))
	selectRange(all, 0, int(n), func(a, b drawn) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), strings.Compare(a.name, b.name))
	})
	names := make([]string, n)
	for i := range names {
		names[i] = all[i].name
	}
	return names
}

func sampleOne(v crdt.View, seed uint64) []string {
	least, found, ok := uint64(0), "", false
	for name := range v.Members() {
		hash := xxh3.HashStringSeed(name, seed)
		if !ok || hash < least || hash == least && name < found {
			least, found, ok = hash, name, true
		}
	}
	if !ok {
		return nil
	}
	return []string{found}
}

// sampleAgain returns n members of which some may be the same.
func sampleAgain(v crdt.View, n int64, seed uint64) []string {
	names := slices.Collect(v.Fields())
	if len(names) == 0 {
		return nil
	}
	r := rand.New(rand.NewPCG(seed, 0))
	out := make([]string, n)
	for i := range out {
		out[i] = names[r.IntN(len(names))]
	}
	return out
}

// randomArgs are the arguments of HRANDFIELD and its like.
type randomArgs struct {
	count      int64 // negative: some may come twice
	counted    bool
	withValues bool
}

// parseRandom reads the arguments of HRANDFIELD and its like. with is the option
// that asks for values, empty when there is none.
func parseRandom(cmd wire.Command, with string, limit int) (a randomArgs, err error) {
	if len(cmd.Args) == 2 {
		a.count = 1
		return a, nil
	}
	if len(cmd.Args) > 3 && with == "" {
		return a, ErrSyntax
	}
	if a.count, err = ParseInt(cmd.Args[2]); err != nil {
		return a, err
	}
	if a.count == math.MinInt64 {
		return a, ErrSpan
	}
	a.counted = true
	switch {
	case len(cmd.Args) > 4, len(cmd.Args) == 4 && !strings.EqualFold(cmd.Args[3], with):
		return a, ErrSyntax
	case len(cmd.Args) == 4:
		a.withValues = true
		if a.count > math.MaxInt64/2 || a.count < -math.MaxInt64/2 {
			return a, ErrRange
		}
	}
	if a.count < -int64(limit) {
		return a, ErrRange
	}
	return a, nil
}

// execRandom is HRANDFIELD, SRANDMEMBER and ZRANDMEMBER.
func execRandom(k crdt.Kind) executor {
	with := map[crdt.Kind]string{crdt.KindHash: "WITHVALUES", crdt.KindZSet: "WITHSCORES"}[k]
	return func(t Target, cmd wire.Command) wire.Reply {
		args, err := parseRandom(cmd, with, t.Limits().WithDefaults().MaxArgs)
		if err != nil {
			return wire.Fail(err)
		}
		seed := t.Random()
		return of(t, k, cmd, func(v crdt.View) wire.Reply { return args.reply(v, seed) })
	}
}

func (a randomArgs) reply(v crdt.View, seed uint64) wire.Reply {
	var names []string
	if a.count < 0 {
		names = sampleAgain(v, -a.count, seed)
	} else {
		names = sample(v, a.count, seed)
	}
	switch {
	case !a.counted && len(names) == 0:
		return wire.Nil
	case !a.counted:
		return wire.String(names[0])
	case !a.withValues:
		return wire.Strings(names)
	}
	out := make([]wire.Reply, 0, 2*len(names))
	for _, name := range names {
		out = append(out, wire.String(name), valueOf(v, name))
	}
	return wire.List(out...)
}

// valueOf replies what a field holds, or a member's score.
func valueOf(v crdt.View, name string) wire.Reply {
	if v.Kind() == crdt.KindZSet {
		return score(v.Score(name))
	}
	return text(v.Field(name))
}

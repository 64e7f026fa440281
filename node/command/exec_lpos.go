package command

import (
	"math"
	"strings"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

// lposArgs are the arguments of LPOS.
type lposArgs struct {
	element string
	rank    int64 // 1 is the first that equals the element, -1 the last
	count   int64 // 0 for all
	counted bool
	most    int64 // how many elements are looked at; 0 for all
}

func parseLpos(cmd wire.Command) (a lposArgs, err error) {
	a = lposArgs{element: cmd.Args[2], rank: 1, count: 1}
	for opts := cmd.Args[3:]; len(opts) > 0; opts = opts[2:] {
		if len(opts) < 2 {
			return a, ErrSyntax
		}
		switch strings.ToUpper(opts[0]) {
		case "RANK":
			if a.rank, err = ParseInt(opts[1]); err != nil {
				return a, err
			}
			switch a.rank {
			case 0:
				return a, ErrRank
			case math.MinInt64:
				return a, ErrSpan
			}
		case "COUNT":
			a.counted = true
			if a.count, err = ParseInt(opts[1]); err != nil || a.count < 0 {
				return a, ErrNegativeCount
			}
		case "MAXLEN":
			if a.most, err = ParseInt(opts[1]); err != nil || a.most < 0 {
				return a, ErrNegativeMaxLen
			}
		default:
			return a, ErrSyntax
		}
	}
	return a, nil
}

func execLpos(t Target, cmd wire.Command) wire.Reply {
	args, err := parseLpos(cmd)
	if err != nil {
		return wire.Fail(err)
	}
	return of(t, crdt.KindList, cmd, func(v crdt.View) wire.Reply {
		found := args.find(v)
		switch {
		case args.counted:
			return wire.List(found...)
		case len(found) == 0:
			return wire.Nil
		}
		return found[0]
	})
}

// find returns the positions of the elements that are looked for.
func (a lposArgs) find(v crdt.View) (found []wire.Reply) {
	down, skip := a.rank < 0, max(a.rank, -a.rank)-1
	i, looked := int64(0), int64(0)
	if down {
		i = int64(v.Len()) - 1
	}
	for element := range v.ElementsFrom(0, down) {
		if a.most > 0 && looked == a.most {
			break
		}
		looked++
		if element == a.element {
			if skip == 0 {
				found = append(found, wire.Int(i))
			} else {
				skip--
			}
			if int64(len(found)) == a.count && a.count > 0 {
				break
			}
		}
		if i++; down {
			i -= 2
		}
	}
	return found
}

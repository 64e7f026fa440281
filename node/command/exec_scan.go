package command

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

// A cursor of HSCAN, SSCAN and ZSCAN is a place in the order of the elements'
// hashes. An element's place never changes and all elements of one place come on
// one page, so that one which is there from the first page to the last comes
// exactly once, whatever comes and goes meanwhile.
const scanPlaceBits = 48 // so that a client may keep a cursor in a float64

// maxScanPages bounds how many pages a whole scan takes, since each looks at all
// elements: a page has that share of them at least, whatever COUNT asks for.
const maxScanPages = 64

// scanPlace returns an element's place, which is not 0.
func scanPlace(name string) uint64 { return max(xxh3.HashString(name)>>(64-scanPlaceBits), 1) }

// execScan is HSCAN, SSCAN and ZSCAN.
func execScan(k crdt.Kind) executor {
	return func(t Target, cmd wire.Command) wire.Reply {
		cursor, err := parseCursor(cmd.Args[2])
		if err != nil {
			return wire.Fail(err)
		}
		return of(t, k, cmd, func(v crdt.View) wire.Reply {
			if !v.Exists() {
				return scanReply(0, nil) // Whatever the options are, as in Redis.
			}
			args, err := parseScanOptions(cmd.Args[3:], false)
			if err != nil {
				return wire.Fail(err)
			}
			names, next := pageOf(v, cursor, args.Count)
			var out []wire.Reply
			for _, name := range names {
				if !args.Match.Match(name) {
					continue
				}
				out = append(out, wire.String(name))
				if k != crdt.KindSet {
					out = append(out, valueOf(v, name))
				}
			}
			return scanReply(next, out)
		})
	}
}

func scanReply(next uint64, elements []wire.Reply) wire.Reply {
	return wire.List(wire.String(strconv.FormatUint(next, 10)), wire.List(elements...))
}

// placed is an element and its place.
type placed struct {
	place uint64
	name  string
}

func comparePlaced(a, b placed) int {
	return cmp.Or(cmp.Compare(a.place, b.place), strings.Compare(a.name, b.name))
}

// pageOf returns the elements of a collection from a place on, about as many
// as asked for, in order of places, and where the next page begins, 0 when this
// is the last.
func pageOf(v crdt.View, from uint64, count int) (names []string, next uint64) {
	var all []placed
	total := 0
	for name := range v.Members() {
		total++
		if place := scanPlace(name); place >= from {
			all = append(all, placed{place, name})
		}
	}
	page, rest := cutPage(all, max(count, total/maxScanPages))
	for _, e := range rest {
		if next == 0 || e.place < next {
			next = e.place
		}
	}
	for _, e := range page {
		names = append(names, e.name)
	}
	return names, next
}

// cutPage returns the first elements in order of places, and the others in any:
// all of one place are in one part.
func cutPage(all []placed, count int) (page, rest []placed) {
	if len(all) <= count {
		count = len(all)
	}
	selectRange(all, 0, count, comparePlaced)
	end := count
	for i := count; i < len(all); i++ {
		if all[i].place == all[count-1].place {
			all[end], all[i] = all[i], all[end]
			end++
		}
	}
	if end > count {
		slices.SortFunc(all[:end], comparePlaced)
	}
	return all[:end], all[end:]
}

package command

import (
	"context"
	"iter"
	"strconv"

	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// ScanOptions chooses keys. The zero value chooses all.
type ScanOptions struct {
	// Match is a pattern that the whole key must match: * any bytes, ? one byte,
	// [a-z] and [^a-z] one byte of or outside a class, \ takes the next byte as
	// it is. Empty means every key.
	Match string
	// Type is the kind: "string", "hash", "set" or "zset". Empty means any.
	Type string
	// Count is about how many keys to look at for each round trip. Zero means
	// DefaultScanCount.
	Count int
}

func scanCall(cursor string, o ScanOptions) call[scanPage] {
	args := []string{"SCAN", cursor}
	if o.Match != "" {
		args = append(args, "MATCH", o.Match)
	}
	if o.Count != 0 {
		args = append(args, "COUNT", strconv.Itoa(o.Count))
	}
	if o.Type != "" {
		args = append(args, "TYPE", o.Type)
	}
	return newCall(asScanPage, args...)
}

// scanPage is one reply of SCAN.
type scanPage struct {
	cursor string
	keys   []string
}

func asScanPage(r wire.Reply) (scanPage, error) {
	list, err := asList(r)
	if err != nil {
		return scanPage{}, err
	}
	if len(list) != 2 || list[0].Type != wire.TypeString {
		return scanPage{}, unexpected(r)
	}
	keys, err := asListOf(-1, asText)(list[1])
	return scanPage{list[0].Text, keys}, err
}

// Scan iterates over the keys of the region, in no particular order. A key that
// exists from the beginning to the end comes at least once, one that is added or
// removed meanwhile may or may not come; a key comes twice only when its place
// in the region changes meanwhile. Nothing is held open between round trips.
//
// After an error, which comes with an empty key, the iteration ends.
func (a *API) Scan(ctx context.Context, o ScanOptions) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for cursor := "0"; ; {
			page, err := run(ctx, a, scanCall(cursor, o))
			if err != nil {
				yield("", err)
				return
			}
			for _, key := range page.keys {
				if !yield(key, nil) {
					return
				}
			}
			if cursor = page.cursor; cursor == "0" {
				return
			}
		}
	}
}

// Inspect says what a key holds in every region that answers, and why.
func (a *API) Inspect(ctx context.Context, key string) (wire.Inspection, error) {
	return run(ctx, a, newCall(asJSON[wire.Inspection], "INSPECT", key))
}

// Ring says which node of the region has which share of the partitions, and,
// with a key, where that lives. More than one key is an error.
func (a *API) Ring(ctx context.Context, key ...string) (wire.RingInfo, error) {
	return run(ctx, a, newCall(asJSON[wire.RingInfo], append([]string{"RING"}, key...)...))
}

// Regions says how the regions do, as the node that answers sees them.
func (a *API) Regions(ctx context.Context) ([]wire.RegionInfo, error) {
	return run(ctx, a, newCall(asJSON[[]wire.RegionInfo], "REGIONS"))
}

// Nodes says how the nodes of all regions do. Those that did not answer in time
// are marked.
func (a *API) Nodes(ctx context.Context) ([]wire.NodeInfo, error) {
	return run(ctx, a, newCall(asJSON[[]wire.NodeInfo], "NODES"))
}

// Link lists, pauses or resumes replication between regions and returns the
// links concerned as they then are. An empty name means every region. While a
// link is paused writes go on at both ends; nothing is lost, and what was held
// back follows when it is resumed.
func (a *API) Link(ctx context.Context, action LinkAction, from, to string) ([]wire.LinkInfo, error) {
	return run(ctx, a, newCall(asJSON[[]wire.LinkInfo], "LINK", string(action), from, to))
}

// Verify says whether all holders in all regions hold the same, and names up to
// limit keys where they do not. While writes are on their way they do not, so
// compare again before worrying. A limit of zero means DefaultVerifyLimit.
func (a *API) Verify(ctx context.Context, limit int) (wire.VerifyInfo, error) {
	if limit == 0 {
		limit = DefaultVerifyLimit
	}
	return run(ctx, a, newCall(asJSON[wire.VerifyInfo], "VERIFY", strconv.Itoa(limit)))
}

// Members returns the region's members as the node that answers sees them, for
// computing the ring.
func (a *API) Members(ctx context.Context) ([]region.Member, error) {
	return run(ctx, a, newCall(asRegionMembers, "MEMBERS"))
}

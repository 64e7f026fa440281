package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/atollcache/atoll/node/wire"
)

// TestInspection holds the layout to what people read: who won and why, what is
// hidden, what was removed, whether the regions agree.
func TestInspection(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 5, 0, 0, time.Local)
	at := func(node string, seconds int) wire.Stamp {
		s := wire.Stamp{Time: now.Add(time.Duration(seconds-60) * time.Second), Replica: "0123456789abcdef"}
		if node != "" {
			s.Node, s.Region = node, node[:2]
		}
		return s
	}
	expires := now.Add(90 * time.Second)
	in := wire.Inspection{
		Key: "cart:7", Slot: 9183, Partition: 143, Kind: "hash", Value: map[string]string{"apples": "3", "plums": "12"},
		ExpireAt: &expires, Size: 214, CellCount: 3, Agree: false, Complete: true,
		Cells: []wire.CellInfo{
			{Kind: "hash", Field: "apples", Value: "3", Writes: []wire.WriteInfo{
				{Dot: "b#2", Stamp: at("eu-1", 2), Value: "3", State: "wins"},
				{Dot: "a#1", Stamp: at("us-1", 1), Value: "4\x1b", State: "lost", LostTo: "b#2"},
			}},
			{Kind: "hash", Field: "plums", Value: "12", Writes: []wire.WriteInfo{{Dot: "b#3", Stamp: at("eu-1", 3), Value: "10", State: "wins"}},
				Contributions: []wire.ContributionInfo{
					{Stamp: at("node-x", 4), Net: "2", Total: "5", Removed: "3", State: "counts"},
					{Stamp: at("us-1", 3), Net: "0", Total: "7", Removed: "7", State: "removed"},
				}},
			{Kind: "string", Hidden: "the key is a hash by a later write", Writes: []wire.WriteInfo{{Dot: "c#1", Stamp: at("", 0), Value: "old", State: "wins"}}},
		},
		Expiries: []wire.WriteInfo{{Dot: "b#4", Stamp: at("eu-1", 5), Value: expires.UTC().Format(time.RFC3339Nano), State: "wins"}},
		History:  []wire.ChangeInfo{{Dot: "b#5", Stamp: at("ap-1", 6), Did: []string{`removed what it had seen of hash "kiwis"`}}},
		Regions: []wire.RegionCopy{
			{Region: "eu", Owner: "eu-2", Replicas: []string{"eu-1"}, Kind: "hash", Value: map[string]string{"apples": "3"}, Digest: "4d9f8c25266ec525"},
			{Region: "us", Owner: "us-1", Err: "ERR timeout"},
		},
	}
	var b bytes.Buffer
	(&terminal{out: &b, width: 80}).inspection(in, now)
	want := `KEY       cart:7
KIND      hash
VALUE     {"apples":"3","plums":"12"}
SIZE      214 B
PLACE     slot 9183, partition 143
EXPIRES   12:06:30.000, in 1m30s

REGION  OWNER  REPLICAS  SHOWS                   DIGEST
eu      eu-2   eu-1      {"apples":"3"}          4d9f8c25…
us      us-1             no answer: ERR timeout
✗ the regions differ now

FIELD   VALUE      WRITTEN BY         WHEN          WHY
apples  3                                           what shows of the 2 parts below
        3          eu-1               12:04:02.000  wins: the latest stamp of 2 written at the same time (R1)
        "4\x1b"    us-1               12:04:01.000  lost to eu-1, written at the same time with a later stamp; hidden (R1)
plums   12                                          what shows of the 3 parts below
        10         eu-1               12:04:03.000  the number that was set; what it had not seen is added (R3)
        +2         no/node-x          12:04:04.000  counts: the SET had not seen it (R3) (of 5, 3 were taken by a SET or DEL that had seen them)
        +0         us-1               12:04:03.000  removed by a SET or DEL that had seen it (R3, R4)
–       old        replica 01234567…  12:04:00.000  hidden: the key is a hash by a later write (R8)

EXPIRY        WRITTEN BY  WHEN          WHY
12:06:30.000  eu-1        12:04:05.000  counts

HISTORY       BY    DID
12:04:06.000  ap-1  removed what it had seen of hash "kiwis"
`
	if have := b.String(); squeeze(have) != squeeze(want) {
		t.Errorf("want\n%s\nhave\n%s", want, have)
	}
}

// squeeze makes runs of spaces one: how wide columns are is the table's affair.
func squeeze(s string) string {
	var lines []string
	for line := range strings.Lines(s) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}

// TestInspectionOfFieldExpiry says of the expiries of fields why they count or not.
func TestInspectionOfFieldExpiry(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 5, 0, 0, time.Local)
	by := func(node string) wire.Stamp { return wire.Stamp{Time: now, Node: node, Region: node[:2]} }
	at := now.Add(90 * time.Second).UTC().Format(time.RFC3339Nano)
	hset := wire.WriteInfo{Dot: "b#2", Stamp: by("eu-1"), Value: "v", State: "wins"}
	for want, cell := range map[string]wire.CellInfo{
		"until 12:06:30.000 us-1 12:05:00.000 the field expires then (R7)": {
			Expiries: []wire.WriteInfo{{Stamp: by("us-1"), Value: at, State: "wins"}}},
		"never us-1 12:05:00.000 the field expires then: the longest wins (R7)": {
			Expiries: []wire.WriteInfo{{Stamp: by("us-1"), Value: "never", State: "wins"}, {Stamp: by("eu-1"), Value: at, State: "lost"}}},
		"until 12:06:30.000 us-1 12:05:00.000 shorter than another written at the same time (R7)": {
			Expiries: []wire.WriteInfo{{Stamp: by("us-1"), Value: at, State: "lost"}}},
		"until 12:06:30.000 us-1 12:05:00.000 does not count: the value that eu-1 wrote at the same time says never (R7)": {
			Expiries: []wire.WriteInfo{{Stamp: by("us-1"), Value: at, State: "lost", LostTo: "b#2"}}},
		"until 12:06:30.000 us-1 12:05:00.000 has come: all that was written before is gone (R7)": {
			Expiries: []wire.WriteInfo{{Stamp: by("us-1"), Value: at, State: "expired"}}},
	} {
		cell.Kind, cell.Field, cell.Value, cell.Writes = "hash", "f", "v", []wire.WriteInfo{hset}
		var b bytes.Buffer
		(&terminal{out: &b, width: 80}).inspection(wire.Inspection{Key: "k", Kind: "hash", CellCount: 1, Cells: []wire.CellInfo{cell}}, now)
		if have := squeeze(b.String()); !strings.Contains(have, want) {
			t.Errorf("want %s, have\n%s", want, have)
		}
	}
}

func TestVerification(t *testing.T) {
	var b bytes.Buffer
	(&terminal{out: &b, width: 80}).verification(wire.VerifyInfo{
		Partitions: 256, Keys: 1000, Differing: 3, Took: "4ms",
		Differ: []wire.DifferInfo{
			{Key: "a b", Holders: map[string]string{"us/us-1": "4d9f8c25266ec525", "us/us-2": "4d9f8c25266ec525", "eu/eu-1": ""}},
		},
	})
	want := `✗ 3 keys differ of 256 partitions, 1000 keys
KEY  DIGEST     HELD BY
a b  nothing    eu/eu-1
     4d9f8c25…  us/us-1 us/us-2
and 2 more
`
	if have := b.String(); have != want {
		t.Errorf("want\n%s\nhave\n%s", want, have)
	}
}

package crdt

import (
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/atollcache/atoll/crdt/hyperloglog"
)

var update = flag.Bool("update", false, "write testdata/wire anew")

// wireExamples are the messages whose bytes are fixed: other versions wrote, or
// will read, the same.
func wireExamples() map[string][]byte {
	const a, b = ReplicaID(0x1111111111111111), ReplicaID(0xfeedfacecafebeef)
	stamp := StampAt(1_700_000_000_000)
	deps := Vector{{a, 41}}
	seen := []Seen{{Replica: a, N: 40, Total: Number{Int: 12, Float: 0.5}}}
	seenAt := []Seen{{Kind: KindHash, Field: "f", Replica: a, N: 40, Total: Number{Int: 12}}}
	effects := map[string][]Effect{
		"clear":  {{Op: EffectClear, Seen: seenAt}},
		"put":    {{Op: EffectPut, Kind: KindHash, Field: "field", Value: "value", Seen: seen}},
		"set":    {{Op: EffectClear}, {Op: EffectPut, Kind: KindString, Value: "value"}, {Op: EffectExpire, At: stamp.Millis() + 60_000}},
		"remove": {{Op: EffectRemove, Kind: KindSet, Field: "member"}},
		"add":    {{Op: EffectAdd, Kind: KindString, Start: 5, Sum: Number{Int: -3, Float: 1.25}}},
		"expire": {{Op: EffectExpire, At: Never}},
		"cut":    {{Op: EffectCut, Cut: stamp + 7}},
		"settle": {{Op: EffectSettle, Kind: KindString, Seen: seenAt}, {Op: EffectSettle, Cut: stamp - 1}},
	}
	effects["expirefield"] = []Effect{{Op: EffectExpireField, Kind: KindHash, Field: "field", At: stamp.Millis() + 60_000, Cut: stamp - 1, Seen: seen}}
	effects["hsetex"] = []Effect{{Op: EffectPut, Kind: KindHash, Field: "field", Value: "value"}, {Op: EffectExpireField, Kind: KindHash, Field: "field", At: stamp.Millis() + 60_000}}
	effects["fill"] = []Effect{{Op: EffectClear}, {Op: EffectFill, Value: "value", Cut: stamp - 9, At: stamp.Millis() + 60_000}}
	effects["bar"] = []Effect{{Op: EffectClear}, {Op: EffectBar}}
	effects["hpersist"] = []Effect{{Op: EffectExpireField, Kind: KindHash, Field: "field", At: Never, Cut: stamp - 1}}
	retire := &Delta{Dot: Dot{b, 9}, From: 9, Stamp: stamp + 7, Deps: deps, Effects: []Effect{Retire(deps[0])}}
	out := map[string][]byte{"delta-retire": AppendDelta(nil, retire), "vector": AppendVector(nil, Vector{{a, 41}, {b, 1 << 40}})}
	stage := &Delta{Dot: Dot{b, 9}, From: 9, Stamp: stamp + 7, Deps: deps, Effects: []Effect{Stage(FillsOpen)}}
	out["delta-fills"] = AppendDelta(nil, stage)
	for name, fs := range effects {
		d := &Delta{Dot: Dot{b, 9}, From: 8, Stamp: stamp + 7, Deps: deps, Requests: []uint64{77}, Key: "key", Effects: fs}
		if name != "add" {
			d.From, d.Requests = 9, nil
		}
		out["delta-"+name] = AppendDelta(nil, d)
	}
	write := func(n uint64, value string) func(*Cell) {
		return func(c *Cell) { c.put(Write{Dot{b, n}, stamp + HLC(n), value}) }
	}
	entries := []*Entry{{}, {}, {}, {}, {}}
	entries[0].change(KindString, "", write(1, "10"))
	entries[0].change(KindString, "", func(c *Cell) {
		c.put(Write{Dot{a, 3}, stamp, "loser"})
		c.setSum(Contribution{Replica: a, Start: 4, N: 6, Stamp: stamp + 9, Total: Number{5, 0.5}, RemovedN: 4, Removed: Number{Int: 2}})
	})
	x := entries[0].ensureExtra()
	x.addExpiry(Expiry{Dot{b, 2}, stamp + 2, stamp.Millis() + 1000})
	x.addExpiry(Expiry{Dot{b, 3}, stamp + 3, Never})
	x.mortal = []Dot{{b, 1}}
	entries[1].change(KindHash, "field", write(4, "value"))
	entries[1].change(KindHash, "another", write(5, ""))
	entries[2].change(KindSet, "member", write(6, ""))
	entries[3].change(KindZSet, "member", write(7, EncodeScore(-1.5)))
	entries[4].ensureExtra().cut = stamp
	snapshot := &Snapshot{Vector: Vector{{a, 41}, {b, 9}}, Horizon: Horizon{Vector: Vector{{a, 40}}, Stamp: stamp}, Entries: entries}
	for i, name := range []string{"string", "hash", "set", "zset", "cut"} {
		out["entry-"+name] = AppendEntry(nil, entries[i])
		snapshot.Keys = append(snapshot.Keys, string(rune('a'+i)))
	}
	list, hll := &Entry{}, &Entry{}
	elements, _ := runBetween("", "", Dot{b, 300})
	between, _ := runBetween(elements.at(0), elements.at(1), Dot{a, 1 << 20})
	for i, field := range []string{elements.at(0), between.at(0), elements.at(1)} {
		list.change(KindList, field, write(uint64(8+i), "element"))
	}
	hll.change(KindHLL, pairField(12345, 7), write(11, ""))
	hll.change(KindHLL, blockField(96, b), write(12, string((&hyperloglog.Block{57: 7, 58: 1}).Append(nil))))
	out["entry-list"], out["entry-hyperloglog"] = AppendEntry(nil, list), AppendEntry(nil, hll)
	fields := &Entry{}
	fields.change(KindHash, "field", write(4, "value"))
	fields.change(KindHash, "expires", func(c *Cell) {
		write(5, "winner")(c)
		c.put(Write{Dot{a, 3}, stamp, "loser"})
		c.expire(&Sight{self: Dot{b, 5}}, Expiry{Dot{b, 8}, stamp + 8, stamp.Millis() + 1000})
		c.expire(&Sight{}, Expiry{Dot{a, 9}, stamp + 8, Never})
	})
	fields.change(KindHash, "gone", func(c *Cell) { c.expire(&Sight{}, Expiry{Dot{a, 9}, stamp + 8, stamp.Millis() + 1000}) })
	filled := &Entry{}
	filled.change(KindString, "", write(9, "value"))
	filled.ensureExtra().addExpiry(Expiry{Dot{b, 9}, stamp + 9, stamp.Millis() + 1000})
	filled.setFilling(filling{fills: []made{{Dot{b, 9}, stamp + 400}}, bars: []Bar{{Dot{a, 4}, stamp + 4}, {Dot{b, 5}, stamp + 5}}})
	out["entry-filled"] = AppendEntry(nil, filled)
	out["entry-hash-expiring"] = AppendEntry(nil, fields)
	out["snapshot"] = AppendSnapshot(nil, snapshot, 0, len(snapshot.Keys))
	out["patch"] = AppendPatch(nil, &Patch{next: entries[1], gone: []CellName{{KindHash, "gone"}, {KindSet, ""}}})
	snapshot.Vector = Vector{{b, 9}}
	snapshot.Retired = []Retirement{{Last: Dot{a, 41}, By: Dot{b, 9}, Stamp: stamp + 7}}
	snapshot.Ended, snapshot.First = []Dot{{Replica: 0x2222222222222222, N: 5}}, stamp-1
	staged := *snapshot
	staged.Fills, staged.FillsBy = FillsOpen, Dot{b, 8}
	out["snapshot-fills"] = AppendSnapshot(nil, &staged, 0, 1)
	out["snapshot-retired"] = AppendSnapshot(nil, snapshot, 0, len(snapshot.Keys))
	head := PartitionHead{
		Vector: snapshot.Vector, Horizon: snapshot.Horizon, Retired: snapshot.Retired, Ended: snapshot.Ended, First: snapshot.First,
		Stamp: stamp + 9, Keys: 1_000_000, Bytes: 123_456_789}
	out["head"] = AppendHead(nil, head)
	head.Shown = Shown{At: 1_700_000_000_000, Digest: Digest{Sum: 0xfedcba9876543210, Keys: 999_999}}
	out["head-shown"] = AppendHead(nil, head)
	return out
}

func TestWireFormatIsFixed(t *testing.T) {
	dir := filepath.Join("..", "testdata", "wire")
	for name, b := range wireExamples() {
		file := filepath.Join(dir, name+".golden")
		have := hex.Dump(b)
		if *update {
			if err := os.WriteFile(file, []byte(have), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(want) != have {
			t.Errorf("%s:\nwant\n%shave\n%s", name, want, have)
		}
		if again, err := decodeAny(b); err != nil || string(again) != string(b) {
			t.Errorf("%s: decoded and encoded again: have\n%s%v", name, hex.Dump(again), err)
		}
	}
}

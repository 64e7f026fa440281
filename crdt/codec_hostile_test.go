package crdt

import (
	"errors"
	"testing"

	"github.com/atollcache/atoll/crdt/pack"
)

// decodeAny decodes a message of any tag of this package and encodes it again.
func decodeAny(b []byte) (again []byte, err error) {
	_, tag := NewDecoder(b)
	switch tag {
	case TagVector:
		v, err := DecodeVector(b)
		return AppendVector(nil, v), err
	case TagDelta:
		d, err := DecodeDelta(b)
		if err != nil {
			return nil, err
		}
		return AppendDelta(nil, d), nil
	case TagSnapshot:
		s, err := DecodeSnapshot(b)
		if err != nil {
			return nil, err
		}
		return AppendSnapshot(nil, s, 0, len(s.Keys)), nil
	case TagPatch:
		p, err := DecodePatch(b)
		if err != nil {
			return nil, err
		}
		return AppendPatch(nil, p), nil
	case TagHead:
		h, err := DecodeHead(b)
		if err != nil {
			return nil, err
		}
		return AppendHead(nil, h), nil
	default:
		x, err := DecodeEntry(b)
		return AppendEntry(nil, x), err
	}
}

func TestMalformedBytesAreRefused(t *testing.T) {
	// Each differs from one that is taken in what its name says. The table holds
	// the replicas 7 and 8; write is replica 7's third, at 2 ms.
	const (
		entry    = "94 01 02 92 07 08 "
		delta    = "94 01 03 92 07 08 "
		snapshot = "96 01 04 92 07 08 "
		head     = "98 01 05 92 07 08 "
		patch    = "95 01 06 92 07 08 "
		write    = "00 03 02 00 c40176 "
		put      = "91 92 12 c40176 "
		sum      = "00 03 01 02 00 05 c0 00 00 c0 "
	)
	for _, test := range []struct {
		name, in string
		want     error // nil: it is taken
	}{
		{"a write", entry + "91 91 95 " + write, nil},
		{"two writes", entry + "91 91 9a " + write + "01 03 ff 00 c40176", nil},
		{"two writes, the same dot", entry + "91 91 9a " + write + "00 03 ff 00 c40176", errOrder},
		{"two writes, rising", entry + "91 91 9a " + write + "01 03 01 00 c40176", errOrder},
		{"two writes of one version", entry + "91 91 9a " + write + "00 02 00 00 c40176", nil},
		{"two writes of one version, rising", entry + "91 91 9a " + write + "00 04 00 00 c40176", errOrder},
		{"half a write", entry + "91 91 96 " + write + "00", errCount},
		{"a write of nobody", entry + "91 91 95 02 03 02 00 c40176", errReplica},
		{"a write without number", entry + "91 91 95 00 00 02 00 c40176", errNumber},
		{"a write without stamp", entry + "91 91 95 00 03 00 00 c40176", errStamp},
		{"a stamp before the epoch", entry + "91 91 95 00 03 ff 00 c40176", errStamp},
		{"a stamp past the end", entry + "91 91 95 00 03 cf 0001000000000000 00 c40176", errStamp},
		{"a stamp far past the end", entry + "91 91 9a " + write + "01 01 cf 7fffffffffffffff 00 c40176", errStamp},
		{"a counter of 17 bits", entry + "91 91 95 00 03 02 ce 00010000 c40176", errStamp},
		{"an empty string cell", entry + "91 90", errMissing},
		{"a cell of empty lists", entry + "91 92 90 90", errMissing},
		{"a section", entry + "92 c0 92 02 92 c40166 91 95 " + write, nil},
		{"an empty section", entry + "92 c0 92 02 90", errMissing},
		{"an empty cell", entry + "92 c0 92 02 92 c4086666666666666666 90", errMissing},
		{"a section of strings", entry + "92 c0 92 01 92 c40166 91 95 " + write, errOrder},
		{"a section of no kind", entry + "92 c0 92 00 92 c40166 91 95 " + write, errOrder},
		{"a section twice", entry + "92 c0 94 02 92 c40166 91 95 " + write + "02 92 c40167 91 95" + write, errOrder},
		{"a field twice", entry + "92 c0 92 02 94 c40166 91 95 " + write + "c40166 91 95" + write, errOrder},
		{"a field without cell", entry + "92 c0 92 02 91 c40166", errCount},
		{"a sum", entry + "91 92 90 9a " + sum, nil},
		{"two sums of one replica", entry + "91 92 90 dc0014 " + sum + sum, errOrder},
		{"a sum that starts before its replica", entry + "91 92 90 9a 00 03 03 02 00 05 c0 00 00 c0", errNumber},
		{"a sum that starts after its end", entry + "91 92 90 9a 00 03 cf ffffffffffffffff 02 00 05 c0 00 00 c0", errNumber},
		{"a removal after the end", entry + "91 92 90 9a 00 03 01 02 00 05 c0 04 05 c0", errNumber},
		{"a removal before the start", entry + "91 92 90 9a 00 03 01 02 00 05 c0 01 05 c0", errNumber},
		{"a removal without number", entry + "91 92 90 9a 00 03 01 02 00 05 c0 00 05 c0", errNumber},
		{"an infinite sum", entry + "91 92 90 9a 00 03 01 02 00 05 cb 7ff0000000000000 00 00 c0", errSum},
		{"a sum that is none", entry + "91 92 90 9a 00 03 01 02 00 05 cb 7ff8000000000000 00 00 c0", errSum},
		{"an expiry", entry + "93 c0 90 95 00 03 02 00 05", nil},
		{"an expiry at the epoch", entry + "93 c0 90 95 00 03 02 00 fe", errExpiry},
		{"an expiry twice", entry + "93 c0 90 9a 00 03 02 00 05 00 03 00 00 05", errOrder},
		{"a SET overridden", entry + "94 91 95 " + write + "90 90 92 00 03", nil},
		{"a SET overridden that is not there", entry + "94 91 95 " + write + "90 90 92 00 02", errMissing},
		{"a cut", entry + "96 91 95 " + write + "90 90 90 ff 00", nil},
		{"a cut above a write", entry + "96 91 95 " + write + "90 90 90 00 00", errStamp},
		{"a cut above a field", entry + "96 c0 92 02 92 c40166 91 95 " + write + "90 90 00 00", errStamp},
		{"a cut above an expiry", entry + "96 c0 90 95 00 03 02 00 05 90 00 00", errStamp},
		{"no cut and nothing after it", entry + "96 91 95 " + write + "90 90 90 d1fc17 00", errStamp},
		{"a fill", entry + "97 91 95 " + write + "90 90 90 ff 00 94 00 03 05 00", nil},
		{"a fill that is not there", entry + "97 91 95 " + write + "90 90 90 ff 00 94 00 02 05 00", errMissing},
		{"a fill made before the miss", entry + "97 91 95 " + write + "90 90 90 ff 00 94 00 03 00 00", errMissing},
		{"half a fill", entry + "97 91 95 " + write + "90 90 90 ff 00 93 00 03 05", errCount},
		{"bars", entry + "98 91 95 " + write + "90 90 90 ff 00 90 98 00 02 01 00 01 02 01 00", nil},
		{"bars not in order", entry + "98 91 95 " + write + "90 90 90 ff 00 90 98 01 02 01 00 00 02 01 00", errOrder},
		{"half a cut", entry + "95 c0 90 90 90 01", errMissing},

		{"a delta", delta + "97 00 03 01 00 c0 c4016b " + put, nil},
		{"a delta without key", delta + "95 00 03 01 00 c0", errMissing},
		{"number zero", delta + "97 00 00 01 00 c0 c4016b " + put, errNumber},
		{"standing for too many", delta + "98 00 03 01 00 c0 c4016b " + put + "03", errNumber},
		{"standing for fewer than none", delta + "98 00 03 01 00 c0 c4016b " + put + "cf ffffffffffffffff", errNumber},
		{"waiting for itself", delta + "97 00 03 01 00 92 00 03 c4016b " + put, errNumber},
		{"deps not in order", delta + "97 00 03 01 00 94 01 01 00 01 c4016b " + put, errOrder},
		{"half a dep", delta + "97 00 03 01 00 91 01 c4016b " + put, errCount},
		{"no operation", delta + "97 00 03 01 00 c0 c4016b 91 91 10", nil},
		{"no kind", delta + "97 00 03 01 00 c0 c4016b 91 91 02", nil},
		{"an increment without sum", delta + "97 00 03 01 00 c0 c4016b 91 92 14 00", errMissing},
		{"an increment from before", delta + "97 00 03 01 00 c0 c4016b 91 93 14 03 01", errNumber},
		{"a cut ahead", delta + "97 00 03 01 00 c0 c4016b 91 93 06 00 01", errStamp},
		{"a removal of what was seen", delta + "97 00 03 01 00 92 01 02 c4016b 91 92 13 94 01 02 05 c0", nil},
		{"a removal of the unseen", delta + "97 00 03 01 00 92 01 02 c4016b 91 92 13 94 01 03 05 c0", errUncaused},
		{"a removal of its own future", delta + "97 00 03 01 00 92 01 02 c4016b 91 92 13 94 00 03 05 c0", errUncaused},
		{"a removal of what is not named any more", delta + "97 00 03 01 00 c0 c4016b 91 92 13 94 01 01 05 c0", nil},
		{"a retirement", delta + "97 00 03 01 00 92 01 02 c400 91 93 08 01 02", nil},
		{"a retirement with a key", delta + "97 00 03 01 00 92 01 02 c4016b 91 93 08 01 02", errRetires},
		{"a retirement of the unseen", delta + "97 00 03 01 00 92 01 02 c400 91 93 08 01 03", errUncaused},
		{"a retirement of the unknown", delta + "97 00 03 01 00 c0 c400 91 93 08 01 02", errUncaused},
		{"a retirement of itself", delta + "97 00 03 01 00 92 01 02 c400 91 93 08 00 02", errUncaused},
		{"a retirement without number", delta + "97 00 03 01 00 92 01 02 c400 91 92 08 01", errMissing},
		{"a retirement twice", delta + "97 00 03 01 00 92 01 02 c400 92 93 08 01 02 93 08 01 02", errRetires},
		{"a retirement and a write", delta + "97 00 03 01 00 92 01 02 c400 92 93 08 01 02 92 12 c40176", errRetires},
		{"a write and a retirement", delta + "97 00 03 01 00 92 01 02 c400 92 92 12 c40176 93 08 01 02", errRetires},
		{"a retirement for several writes", delta + "98 00 03 01 00 92 01 02 c400 91 93 08 01 02 01", errRetires},
		{"the loading of a value", delta + "97 00 03 01 00 c0 c4016b 91 95 0a c40176 ff 01 c0", nil},
		{"one after its write", delta + "97 00 03 01 00 c0 c4016b 91 95 0a c40176 00 01 c0", errStamp},
		{"one of no time", delta + "97 00 03 01 00 c0 c4016b 91 92 0a c40176", errMissing},
		{"a bar", delta + "97 00 03 01 00 c0 c4016b 91 91 0b", nil},
		{"a stage", delta + "97 00 03 01 00 c0 c400 91 92 0c 02", nil},
		{"a stage with a key", delta + "97 00 03 01 00 c0 c4016b 91 92 0c 01", errStages},
		{"a stage and a write", delta + "97 00 03 01 00 c0 c400 92 92 0c 01 91 0b", errStages},
		{"no stage", delta + "97 00 03 01 00 c0 c400 91 92 0c 00", errStages},
		{"what did not show", delta + "97 00 03 01 00 92 01 02 c4016b 91 94 27 96 01 c400 01 02 05 c0 ff 01", nil},
		{"what did not show, unseen", delta + "97 00 03 01 00 92 01 02 c4016b 91 92 27 96 01 c400 01 03 05 c0", errUncaused},
		{"what did not show until half a stamp", delta + "97 00 03 01 00 c0 c4016b 91 93 07 90 01", errMissing},

		{"a snapshot", snapshot + "92 00 03 93 92 00 02 05 01 92 c4016b 91 91 95 " + write, nil},
		{"a horizon ahead", snapshot + "92 00 03 91 92 00 04 90", errNumber},
		{"half a horizon's stamp", snapshot + "92 00 03 92 92 00 02 05 90", errMissing},
		{"a horizon at no stamp", snapshot + "92 00 03 93 92 00 02 00 00 90", errStamp},
		{"a write beyond the vector", snapshot + "92 00 02 90 92 c4016b 91 91 95 " + write, errNumber},
		{"a write that is not named any more", snapshot + "92 01 03 90 92 c4016b 91 91 95 " + write, nil},
		{"a retired ID", snapshot + "92 01 03 94 90 00 00 96 00 03 01 03 02 00 92 c4016b 91 91 95 " + write, nil},
		{"a retired ID with a later write", snapshot + "92 01 03 94 90 00 00 96 00 02 01 03 02 00 92 c4016b 91 91 95 " + write, errNumber},
		{"a retired ID that is named", snapshot + "94 00 03 01 03 94 90 00 00 96 00 03 01 03 02 00 90", errRetires},
		{"a retirement that is not seen", snapshot + "92 01 02 94 90 00 00 96 00 03 01 03 02 00 90", errNumber},
		{"a retirement by who is known no more", snapshot + "90 94 90 02 00 96 00 03 01 03 02 00 90", nil},
		{"a retirement by who is known no more, not forgotten", snapshot + "90 94 90 01 00 96 00 03 01 03 02 00 90", errNumber},
		{"a retirement by itself", snapshot + "92 01 02 94 90 00 00 96 00 03 00 04 02 00 90", errRetires},
		{"two that retire each other", snapshot + "90 94 90 00 00 9c 00 03 01 03 02 00 01 03 00 03 02 00 90", errNumber},
		{"retirements out of order", snapshot + "92 01 03 94 90 00 00 9c 00 03 01 03 02 00 00 03 01 02 02 00 90", errOrder},
		{"a retirement at no stamp", snapshot + "92 01 03 94 90 00 00 96 00 03 01 03 00 00 90", errStamp},
		{"half a retirement", snapshot + "92 01 03 94 90 00 00 94 00 03 01 03 90", errCount},
		{"a horizon under a retired ID", snapshot + "92 01 03 94 92 00 03 00 00 96 00 03 01 03 02 00 90", nil},
		{"a horizon beyond a retired ID", snapshot + "92 01 03 94 92 00 04 00 00 96 00 03 01 03 02 00 90", errNumber},
		{"ended IDs and the first stamp", snapshot + "92 01 03 97 90 00 00 90 92 00 03 05 00 90", nil},
		{"an ended ID twice", snapshot + "92 01 03 97 90 00 00 90 94 00 03 00 04 05 00 90", errOrder},
		{"no first stamp", snapshot + "92 01 03 97 90 00 00 90 90 00 00 90", errStamp},
		{"half a first stamp", snapshot + "92 01 03 96 90 00 00 90 90 05 90", errMissing},
		{"a key twice", snapshot + "92 00 03 90 94 c4016b 91 91 95 " + write + "c4016b 90", errOrder},
		{"a key without entry", snapshot + "92 00 03 90 91 c4016b", errCount},

		{"a head", head + "92 00 03 93 92 00 02 05 01 cf ffffffffffffffff 07 cf 7fffffffffffffff", nil},
		{"a head of nothing", "98 01 05 90 90 90 00 00 00", nil},
		{"a head's horizon ahead", head + "92 00 03 91 92 00 04 05 07 09", errNumber},
		{"a head's horizon beside it", head + "92 00 03 91 92 01 01 05 07 09", errNumber},
		{"keys below zero", head + "92 00 03 90 05 ff 09", ErrCodec},
		{"keys beyond counting", head + "92 00 03 90 05 cf 8000000000000000 09", errNumber},
		{"bytes beyond counting", head + "92 00 03 90 05 07 cf 8000000000000000", errNumber},
		{"a head without bytes", "97 01 05 92 07 08 92 00 03 90 05 07", ErrCodec},
		{"a patch", patch + "92 c0 92 02 92 c40166 91 95 " + write + "94 02 c400 02 c40167", nil},
		{"a patch of nothing", "95 01 06 90 90 90", nil},
		{"half a cell that goes", patch + "90 91 02", errCount},
		{"a cell that goes twice", patch + "90 94 02 c40166 02 c40166", errOrder},
		{"cells that go out of order", patch + "90 94 03 c40166 02 c40166", errOrder},
		{"a string that goes", patch + "90 92 01 c400", errOrder},
		{"a cell that goes and is put", patch + "92 c0 92 02 92 c40166 91 95 " + write + "92 02 c40166", errOrder},
		{"a patch without what goes", "94 01 06 90 90", ErrCodec},
		{"a head's vector not in order", head + "94 01 03 00 03 90 05 07 09", errOrder},

		{"replicas not in order", "94 01 01 92 08 07 90", errOrder},
		{"replica zero", "94 01 01 91 00 90", errReplica},
		{"a replica twice in a vector", "94 01 01 91 07 94 00 01 00 02", errOrder},
		{"bytes behind", "94 01 01 90 90 00", pack.ErrTrailing},
		{"no version", "94 00 01 90 90", nil},
		{"no table", "92 01 01", errMissing},
	} {
		_, err := decodeAny(unhex(t, test.in))
		switch test.name {
		case "no operation", "no kind", "no version":
			test.want = ErrCodec
		}
		if !errors.Is(err, test.want) || err != nil && (!errors.Is(err, ErrCodec) || errors.Is(err, ErrUnknown)) {
			t.Errorf("%s: want %v, have %v", test.name, test.want, err)
		}
	}
}

func TestEveryPrefixIsRefused(t *testing.T) {
	w := newWorld(3, 3)
	w.run(120)
	r := w.reps[1]
	msgs := [][]byte{snapshotBytes(&r.p), AppendVector(nil, r.p.Vector())}
	for _, d := range r.log {
		msgs = append(msgs, AppendDelta(nil, d))
	}
	for _, b := range msgs {
		for cut := range b {
			if _, err := decodeAny(b[:cut]); !errors.Is(err, ErrCodec) {
				t.Fatalf("%x: want %v, have %v", b[:cut], ErrCodec, err)
			}
		}
	}
}

func TestDepsPastTheLastNumber(t *testing.T) {
	// Two deltas of replica 7 that have seen replica 8's last possible number; the
	// second says that it has grown.
	head := "94 01 10 92 07 08 92 96 00 03 01 00 92 01 cf ffffffffffffffff c400 96 00 01 00 00 "
	for deps, want := range map[string]error{"c0": nil, "92 01 01": errNumber} {
		if err := decodeAll(unhex(t, head+deps+" c400")); !errors.Is(err, want) {
			t.Errorf("deps %s: want %v, have %v", deps, want, err)
		}
	}
}

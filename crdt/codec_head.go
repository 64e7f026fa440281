package crdt

import "math"

// roll returns h as a snapshot of no entries.
func (h *PartitionHead) roll() *Snapshot {
	return &Snapshot{Vector: h.Vector, Horizon: h.Horizon, Retired: h.Retired, Ended: h.Ended, First: h.First, Evicts: h.Evicts, Fills: h.Fills, FillsBy: h.FillsBy}
}

// AppendHead appends the message that holds h alone. Equal heads give equal bytes.
func AppendHead(dst []byte, h PartitionHead) []byte {
	var t replicaTable
	s := h.roll()
	t.addRoll(s)
	fields := 5
	if h.Shown.At != 0 {
		fields += 3
	}
	e := newStandalone(dst, TagHead, t, fields)
	e.Vector(s.Vector)
	e.roll(s)
	e.Uint(uint64(h.Stamp))
	e.Uint(uint64(max(h.Keys, 0)))
	e.Uint(uint64(max(h.Bytes, 0)))
	if h.Shown.At != 0 {
		e.Uint(uint64(h.Shown.At))
		e.Uint(h.Shown.Sum)
		e.Uint(uint64(h.Shown.Keys))
	}
	return e.body
}

// DecodeHead reads what [AppendHead] wrote. The vector has seen the horizon, and
// nothing is negative. Errors wrap [ErrCodec] or [ErrUnknown].
func DecodeHead(b []byte) (PartitionHead, error) {
	d, err := openStandalone(b, TagHead)
	if err != nil {
		return PartitionHead{}, err
	}
	s := Snapshot{Vector: d.Vector()}
	d.roll(&s)
	h := PartitionHead{Vector: s.Vector, Horizon: s.Horizon, Retired: s.Retired, Ended: s.Ended, First: s.First, Evicts: s.Evicts, Fills: s.Fills, FillsBy: s.FillsBy,
		Stamp: HLC(d.Uint()), Keys: d.count(), Bytes: d.count()}
	if d.More() {
		h.Shown = d.shown(h.Keys)
	}
	if d.Err() == nil {
		d.checkRoll(&s)
	}
	if err := d.Done(); err != nil {
		return PartitionHead{}, err
	}
	return h, nil
}

// shown reads what a partition of so many keys shows.
func (d *Decoder) shown(keys int) Shown {
	at, sum, shown := d.Uint(), d.Uint(), d.count()
	if at == 0 || at > uint64(MaxMillis) || at%uint64(DigestStep) != 0 || shown > keys {
		d.r.Fail(errNumber)
		return Shown{}
	}
	return Shown{At: int64(at), Digest: Digest{Sum: sum, Keys: shown}}
}

// count reads how many there are of something.
func (d *Decoder) count() int {
	n := d.Uint()
	if n > math.MaxInt {
		d.r.Fail(errNumber)
		return 0
	}
	return int(n)
}

package node

import (
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

// describeExpiries says what is said about when a key expires, and what counts.
func describeExpiries(e *crdt.Entry) (out []wire.WriteInfo) {
	for _, x := range e.Expiries() {
		info := describeExpiry(x)
		if x.At == e.ExpireAt() {
			info.State = "wins"
		}
		out = append(out, info)
	}
	return out
}

func describeExpiry(x crdt.Expiry) wire.WriteInfo {
	info := wire.WriteInfo{Dot: x.Dot.String(), Stamp: stampInfo(x.Version()), Value: "never", State: "lost"}
	if x.At != crdt.Never {
		info.Value = time.UnixMilli(x.At).UTC().Format(time.RFC3339Nano)
	}
	return info
}

// describeFieldExpiry says when a field expires and why: of what is said about it, what
// counts, what is shorter, what a write that says never beats, and what has come. gone
// is why what lies before the key's time cut or expiry is gone.
func describeFieldExpiry(info *wire.CellInfo, name crdt.CellName, c *crdt.Cell, v crdt.View, gone string) {
	at := v.FieldExpireAt(name.Field)
	if name.Kind != v.Kind() {
		at = crdt.Never
	}
	if at != crdt.Never {
		t := time.UnixMilli(at).UTC()
		info.ExpireAt = &t
	}
	never, isNever := c.NeverBy()
	for _, x := range c.Expiries() {
		xi := describeExpiry(x)
		switch {
		case x.Stamp <= v.Hide():
			xi.State = gone
		case isNever:
			xi.LostTo = never.String()
		case v.HideIn(c) > v.Hide():
			xi.State = "expired"
		case x.At == at:
			xi.State = "wins"
		}
		info.Expiries = append(info.Expiries, xi)
	}
}

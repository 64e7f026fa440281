package crdt

import "github.com/atollcache/atoll/crdt/pack"

// AppendPatch appends the message that holds p alone. Equal patches give equal bytes.
func AppendPatch(dst []byte, p *Patch) []byte {
	var t replicaTable
	t.addEntry(p.next)
	e := newStandalone(dst, TagPatch, t, 2)
	e.Entry(p.next)
	e.body = pack.AppendArray(e.body, 2*len(p.gone))
	for _, name := range p.gone {
		e.uint(uint64(name.Kind))
		e.body = pack.AppendString(e.body, name.Field)
	}
	return e.body
}

// DecodePatch reads what [AppendPatch] wrote. Errors wrap [ErrCodec] or [ErrUnknown].
func DecodePatch(b []byte) (*Patch, error) {
	d, err := openStandalone(b, TagPatch)
	if err != nil {
		return nil, err
	}
	p := &Patch{next: d.Entry()}
	if p.next != nil {
		d.gone(p)
	}
	return orNil(p, d.Done())
}

// gone reads the cells that a patch takes, of which it puts none.
func (d *Decoder) gone(p *Patch) {
	n := d.pairs()
	if n == 0 {
		return
	}
	p.gone = make([]CellName, 0, n)
	for i := range n {
		name := CellName{Kind: d.kind(KindString + 1)}
		name.Field = d.r.String()
		if i > 0 && p.gone[i-1].compare(name) >= 0 {
			d.r.Fail(errOrder)
		}
		if _, put := p.next.section(name.Kind)[name.Field]; put {
			d.r.Fail(errOrder)
		}
		if d.r.Err() != nil {
			return
		}
		p.gone = append(p.gone, name)
	}
}

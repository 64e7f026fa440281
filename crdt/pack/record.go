package pack

// A Rec walks the fields of one record. A record is an array whose length is
// read first; the fields the reader knows are taken in order, those that a newer
// writer added at the end are skipped, and those that an older writer did not
// know yet keep their defaults:
//
//	rec := r.Record()
//	if rec.More() {
//		e.Name = r.String()
//	}
//	if rec.More() {
//		e.Size = r.Uint()
//	}
//	rec.End()
//
// A field that a message cannot do without is for the decoder to refuse, with
// Reader.Fail.
type Rec struct {
	r    *Reader
	left int
}

// Record reads the header of a record. It fails as Array(1) does.
func (r *Reader) Record() Rec { return Rec{r: r, left: r.Array(1)} }

// More reports whether the record has a next field and counts it as taken: after
// a true the caller reads, or skips, exactly one value. It is false once the
// Reader has failed.
func (rec *Rec) More() bool {
	if rec.left == 0 || rec.r.err != nil {
		return false
	}
	rec.left--
	return true
}

// End skips the fields that are left, leaving the Reader behind the record.
func (rec *Rec) End() {
	for rec.More() {
		rec.r.Skip()
	}
}

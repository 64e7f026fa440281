package crdt

// Tier keeps entries of one partition outside memory. It is as of the last Save
// that has reached it whole ([Partition.Save]), with nothing of any other: who
// implements it writes what a Save puts and its [PartitionHead] in one atomic batch.
//
// The partition calls it while it is being used itself, and so under whatever lock
// that is under. A Tier may be slow, but it must not wait for the partition. What it
// calls may call Load in turn. Any error ends the partition's use ([Partition.Err]).
type Tier interface {
	// Load returns what is kept for a key, nil when nothing is. The caller owns it.
	Load(key string) (*Entry, error)
	// Each calls f for all keys at or after from, in ascending order of their bytes,
	// until f returns false. The caller owns what f is given.
	Each(from string, f func(key string, e *Entry) bool) error
	// Due calls f for the keys whose [Put].ExpireAt lies in [from, to), soonest first
	// and those of one time in order of their bytes, until f returns false. It may
	// also name keys of which that is not so any more, and none twice at one time.
	Due(from, to int64, f func(key string, at int64) bool) error
	// Residues calls f for the keys whose [Put].Residue is not zero, in ascending
	// order of their bytes, until f returns false. It may also name others.
	Residues(f func(key string, bytes int) bool) error
}

// Put is one change of what a tier keeps.
type Put struct {
	// Clear says that everything the tier keeps of the partition goes. It comes
	// first, and with nothing else set.
	Clear bool

	Key string
	// Entry is what the key's entry now is, nil when Patch stands for it or it is gone.
	// It is valid during the call only, and read only.
	Entry *Entry
	// Patch makes the kept entry what it now is ([Entry.Patch]). It is valid during the
	// call only, and read only. Nil with a nil Entry means that the key is gone, which
	// need not have been there when a Save has failed.
	Patch *Patch

	// ExpireAt is the soonest time at which the entry or a field of it expires
	// ([Entry.Due]), in milliseconds since the Unix epoch, Never when nothing does or it
	// is gone. Such a key is to be looked at then; it need not be gone. WasExpireAt is
	// what it was when it was last saved, Never when there was none.
	ExpireAt, WasExpireAt int64
	// Residue is about how many bytes of the entry wait to be forgotten whatever the
	// time; zero when none do, or it is gone. WasResidue is what it was when it was
	// last saved.
	Residue, WasResidue int
}

// IsGone reports whether the key goes.
func (u *Put) IsGone() bool { return !u.Clear && u.Entry == nil && u.Patch == nil }

// PartitionHead is what a partition is besides its entries. It is saved in one batch with
// them: a vector that is ahead of its entries, or behind, is of no use.
type PartitionHead struct {
	Vector  Vector
	Horizon Horizon
	// Retired, Ended, First, Evicts, Fills and FillsBy are what a [Snapshot] says of them.
	Retired []Retirement
	Ended   []Dot
	First   HLC
	Evicts  bool
	Fills   FillStage
	FillsBy Dot
	Stamp   HLC // the highest that was applied or joined
	Keys    int // how many entries are kept, those with nothing visible included
	Bytes   int // what they and their keys account for, in memory
	// Shown is what the partition shows, where it was to be kept ([Partition.KeepDigest]).
	Shown Shown
}

// Shown is what a partition shows at one time.
type Shown struct {
	At int64 // as of [Partition.Digest]; zero: it is not known
	Digest
}

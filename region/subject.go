package region

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/atollcache/atoll/crdt"
)

// subjectRoot is the first token of every subject.
const subjectRoot = "atoll"

// The words of the subjects, each in one place.
const (
	wordDo     = "do"
	wordAlt    = "alt"
	wordAny    = "any"
	wordKV     = "kv"
	wordDelta  = "delta"
	wordRepair = "repair"
	wordMember = "member"
	wordEvent  = "event"
)

// HeaderKey is the header that carries a key that is not FitsSubject. It holds
// the key as EncodeKey encodes it.
const HeaderKey = "Atoll-Key"

// Subjects builds and reads the subjects that a node of one region uses. The
// names must be valid; builders do not check them again.
type Subjects struct {
	Cluster, Region string
}

// Validate returns ErrName unless both names may stand in a subject.
func (s Subjects) Validate() error {
	if err := ValidateName("cluster", s.Cluster); err != nil {
		return err
	}
	return ValidateRegion(s.Region)
}

// Do is where the owner of a partition answers commands.
func (s Subjects) Do(p Partition) string { return s.command(wordDo, p) }

// Alt is where the next replica answers commands when the owner does not.
func (s Subjects) Alt(p Partition) string { return s.command(wordAlt, p) }

// Any is where any node of the region answers commands, as one queue group.
func (s Subjects) Any(p Partition) string { return s.command(wordAny, p) }

func (s Subjects) command(word string, p Partition) string {
	return s.local(word) + "." + partitionToken(p)
}

// AnyWildcard is what every node of the region subscribes to for Any.
func (s Subjects) AnyWildcard() string { return s.local(wordAny) + ".*" }

// KV is where any node of the region answers the plain API: a verb on a key. A
// key that does not fit is named by one fixed term in its place, and must travel
// in the header HeaderKey.
func (s Subjects) KV(verb, key string) string {
	return s.local(wordKV) + "." + verb + "." + keyTerms(key)
}

// KVWildcard is what a node subscribes to for one verb.
func (s Subjects) KVWildcard(verb string) string { return s.local(wordKV) + "." + verb + ".>" }

// Delta is where deltas written in a region to a partition are published.
func (s Subjects) Delta(region string, p Partition) string {
	return s.global(wordDelta) + "." + region + "." + partitionToken(p)
}

// DeltaWildcard is what a holder of a partition subscribes to: the deltas of all
// regions.
func (s Subjects) DeltaWildcard(p Partition) string { return s.Delta("*", p) }

// Repair is where a node, in one of its lives, answers requests for ranges,
// digests and snapshots. The replica ID is written as ReplicaID.String does.
func (s Subjects) Repair(replica crdt.ReplicaID) string {
	return s.global(wordRepair) + "." + replica.String()
}

// Member is where the nodes of a region publish their heartbeats.
func (s Subjects) Member(region string) string { return s.global(wordMember) + "." + region }

// MemberWildcard is what a node subscribes to: the heartbeats of all regions.
func (s Subjects) MemberWildcard() string { return s.Member("*") }

// Event is where changes of a key that show in a region are published. A key
// that does not fit is treated as KV does.
func (s Subjects) Event(region, key string) string {
	return s.global(wordEvent) + "." + region + "." + keyTerms(key)
}

// EventWildcard is what a watcher of all keys in a region subscribes to.
func (s Subjects) EventWildcard(region string) string {
	return s.global(wordEvent) + "." + region + ".>"
}

// ParseCommand reads a subject of Do, Alt or Any in this region. It returns
// ErrSubject for any other, and for a partition that is not below n.
func (s Subjects) ParseCommand(subject string, n Partitions) (Partition, error) {
	if rest, ok := strings.CutPrefix(subject, s.local("")); ok {
		word, token, _ := strings.Cut(rest, ".")
		p, ok := parsePartition(token, n)
		if ok && (word == wordDo || word == wordAlt || word == wordAny) {
			return p, nil
		}
	}
	return 0, badSubject(subject, s.local("do|alt|any")+".<partition>")
}

// ParseDelta reads a subject of Delta. It returns ErrSubject for any other, and
// for a partition that is not below n.
func (s Subjects) ParseDelta(subject string, n Partitions) (region string, p Partition, err error) {
	if rest, ok := strings.CutPrefix(subject, s.global(wordDelta)+"."); ok {
		region, token, _ := strings.Cut(rest, ".")
		p, ok := parsePartition(token, n)
		if ok && ValidateRegion(region) == nil {
			return region, p, nil
		}
	}
	return "", 0, badSubject(subject, s.global(wordDelta)+".<region>.<partition>")
}

// ParseMember reads a subject of Member and returns the region, or ErrSubject.
func (s Subjects) ParseMember(subject string) (string, error) {
	region, ok := strings.CutPrefix(subject, s.global(wordMember)+".")
	if !ok || ValidateRegion(region) != nil {
		return "", badSubject(subject, s.global(wordMember)+".<region>")
	}
	return region, nil
}

// ParseKV reads a subject of KV in this region. The key is in the header
// HeaderKey, for DecodeKey, when inHeader is true. It returns ErrSubject for any
// other subject and ErrKey for a key that EncodeKey would not have written.
func (s Subjects) ParseKV(subject string) (verb, key string, inHeader bool, err error) {
	rest, ok := strings.CutPrefix(subject, s.local(wordKV)+".")
	verb, terms, hasKey := strings.Cut(rest, ".")
	if !ok || !hasKey || verb == "" {
		return "", "", false, badSubject(subject, s.local(wordKV)+".<verb>.<key>")
	}
	key, inHeader, err = parseKeyTerms(terms)
	return verb, key, inHeader, err
}

// ParseEvent reads a subject of Event as ParseKV reads one of KV.
func (s Subjects) ParseEvent(subject string) (region, key string, inHeader bool, err error) {
	rest, ok := strings.CutPrefix(subject, s.global(wordEvent)+".")
	region, terms, hasKey := strings.Cut(rest, ".")
	if !ok || !hasKey || ValidateRegion(region) != nil {
		return "", "", false, badSubject(subject, s.global(wordEvent)+".<region>.<key>")
	}
	key, inHeader, err = parseKeyTerms(terms)
	return region, key, inHeader, err
}

// local returns the start of a subject of this region.
func (s Subjects) local(word string) string {
	return subjectRoot + "." + s.Cluster + "." + s.Region + "." + word
}

// global returns the start of a subject of the whole cluster.
func (s Subjects) global(word string) string { return subjectRoot + "." + s.Cluster + "." + word }

func keyTerms(key string) string {
	if !FitsSubject(key) {
		return headerTerm
	}
	return EncodeKey(key)
}

func parseKeyTerms(terms string) (key string, inHeader bool, err error) {
	if terms == headerTerm {
		return "", true, nil
	}
	key, err = DecodeKey(terms)
	return key, false, err
}

func partitionToken(p Partition) string { return strconv.Itoa(int(p)) }

// parsePartition reads what partitionToken wrote, and nothing else.
func parsePartition(token string, n Partitions) (Partition, bool) {
	i, err := strconv.ParseUint(token, 10, 16)
	if err != nil || i >= uint64(n.Count()) || strconv.FormatUint(i, 10) != token {
		return 0, false
	}
	return Partition(i), true
}

func badSubject(subject, want string) error {
	return fmt.Errorf("%w: %.120q; want %s", ErrSubject, subject, want)
}

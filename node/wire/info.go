package wire

import "time"

// The types below are the replies of the commands that look at the cluster. They
// travel as JSON text, which is also what the command line prints with --json:
// fields are added, never renamed.

// Inspection says what a key holds and why (INSPECT).
type Inspection struct {
	Key       string       `json:"key"`
	Slot      int          `json:"slot"`
	Partition int          `json:"partition"`
	Kind      string       `json:"kind"` // "none" when the key does not exist
	Value     any          `json:"value,omitempty"`
	ExpireAt  *time.Time   `json:"expire_at,omitempty"`
	Cut       *Stamp       `json:"cut,omitempty"` // everything stamped at or before it is gone
	Size      int          `json:"size"`          // bytes that the entry accounts for
	Cells     []CellInfo   `json:"cells"`
	CellCount int          `json:"cell_count"` // Cells holds at most some of them
	Expiries  []WriteInfo  `json:"expiries,omitempty"`
	History   []ChangeInfo `json:"history,omitempty"` // what the log still has of the key, oldest first
	Regions   []RegionCopy `json:"regions"`
	Agree     bool         `json:"agree"` // every region that answered shows the same
	Complete  bool         `json:"complete"`
}

// Stamp is a version: when, and by whom.
type Stamp struct {
	Time    time.Time `json:"time"`
	Counter int       `json:"counter"`
	Replica string    `json:"replica"`          // ID
	Node    string    `json:"node,omitempty"`   // its name, where known
	Region  string    `json:"region,omitempty"` // where known
}

// CellInfo is one cell: the string's, or a field's or member's.
type CellInfo struct {
	Kind          string             `json:"kind"`
	Field         string             `json:"field,omitempty"`
	Value         string             `json:"value"`            // as it shows
	Hidden        string             `json:"hidden,omitempty"` // why it does not show
	Writes        []WriteInfo        `json:"writes,omitempty"`
	Contributions []ContributionInfo `json:"contributions,omitempty"`
	// ExpireAt is when a hash's field expires by itself, and Expiries what is said about
	// that; one that lost to a write which says never has its dot in LostTo.
	ExpireAt *time.Time  `json:"expire_at,omitempty"`
	Expiries []WriteInfo `json:"expiries,omitempty"`
}

// WriteInfo is one live write or expiry.
type WriteInfo struct {
	Dot    string `json:"dot"`
	Stamp  Stamp  `json:"stamp"`
	Value  string `json:"value"`
	State  string `json:"state"`             // "wins", "lost", "expired", "cut"
	LostTo string `json:"lost_to,omitempty"` // the dot of the winner
}

// ContributionInfo is what one replica adds to a counter.
type ContributionInfo struct {
	Stamp   Stamp  `json:"stamp"` // of its latest increment
	Dot     string `json:"dot"`
	Net     string `json:"net"`               // what it adds
	Total   string `json:"total"`             // what it has added up
	Removed string `json:"removed,omitempty"` // how much of that a SET or DEL has taken
	State   string `json:"state"`             // "counts", "removed", "expired", "cut"
}

// ChangeInfo is one write of the key that the log still has.
type ChangeInfo struct {
	Dot   string   `json:"dot"`
	Stamp Stamp    `json:"stamp"`
	Did   []string `json:"did"` // for people: "set \"v\"", "removed what it had seen of field \"f\""
}

// RegionCopy is what one region shows for a key.
type RegionCopy struct {
	Region   string   `json:"region"`
	Owner    string   `json:"owner"`
	Replicas []string `json:"replicas,omitempty"`
	Kind     string   `json:"kind,omitempty"`
	Value    any      `json:"value,omitempty"`
	Digest   string   `json:"digest,omitempty"` // of everything live
	Err      string   `json:"err,omitempty"`
}

// RingInfo says which node of a region has which partitions (RING).
type RingInfo struct {
	Region     string     `json:"region"`
	Partitions int        `json:"partitions"`
	Copies     int        `json:"copies"`
	Epoch      string     `json:"epoch"`
	Balance    float64    `json:"balance"` // most loaded over mean
	Nodes      []RingNode `json:"nodes"`
	Key        *RingKey   `json:"key,omitempty"`
}

// RingNode is one node's share of a ring.
type RingNode struct {
	Name   string `json:"name"`
	Zone   string `json:"zone,omitempty"`
	Weight int    `json:"weight"`
	Owns   int    `json:"owns"`
	Holds  int    `json:"holds"`
}

// RingKey is where one key lives.
type RingKey struct {
	Key       string   `json:"key"`
	Slot      int      `json:"slot"`
	Partition int      `json:"partition"`
	Owner     string   `json:"owner"`
	Replicas  []string `json:"replicas"`
}

// RegionInfo is one region as a node sees it (REGIONS).
type RegionInfo struct {
	Region    string     `json:"region"`
	Here      bool       `json:"here"`
	Nodes     int        `json:"nodes"` // alive
	Silent    int        `json:"silent"`
	Heard     *time.Time `json:"heard,omitempty"`
	Behind    int        `json:"behind"`     // partitions of which it has something that is missing here
	Lags      int        `json:"lags"`       // partitions of which it lacks something that is here
	PausedIn  bool       `json:"paused_in"`  // what it writes is not taken here
	PausedOut bool       `json:"paused_out"` // what is written here is not taken there

	// What has expired, or does not show any more for another reason, is kept until
	// every region has seen that. This one holds it up while it has not. It is left out
	// once that has lasted too long, and on its return rebuilds what it has missed.
	HeldSince *time.Time `json:"held_since,omitempty"` // since when the oldest waits for the region; nil: nothing does
	HeldKeys  int        `json:"held_keys"`            // keys in the partitions of which something waits for it
	HeldBytes int        `json:"held_bytes"`           // bytes that can be freed there once it has, about
	LeftOut   int        `json:"left_out"`             // partitions in which it is not waited for any more
}

// NodeInfo is one node (NODES).
type NodeInfo struct {
	Name       string           `json:"name"`
	Region     string           `json:"region"`
	Zone       string           `json:"zone,omitempty"`
	Replica    string           `json:"replica"`
	State      string           `json:"state"`            // as the node that is asked sees it
	Ready      bool             `json:"ready"`            // it says itself that it is fit to serve
	Reason     string           `json:"reason,omitempty"` // why it is not ready
	Heard      time.Time        `json:"heard"`
	Skew       string           `json:"skew"`                  // how far its clock is ahead of that of the node that is asked; a duration, empty when not known
	SkewWithin string           `json:"skew_within,omitempty"` // the skew is off by no more than this; a duration
	Clock      *ClockInfo       `json:"clock,omitempty"`       // what it knows of its own clock; nil when it did not say
	Weight     int              `json:"weight"`
	Owns       int              `json:"owns"`
	Holds      int              `json:"holds"`
	Keys       int              `json:"keys"`
	Bytes      int              `json:"bytes"`
	Disk       *DiskInfo        `json:"disk,omitempty"` // where it keeps its data; nil when in memory only
	Counters   map[string]int64 `json:"counters,omitempty"`
	Unanswered bool             `json:"unanswered,omitempty"` // it did not say itself; this is what is known of it
}

// DiskInfo is how a node's data directory does.
type DiskInfo struct {
	Dir          string     `json:"dir"`
	Durability   string     `json:"durability"`       // "sync", "interval" or "none"
	Window       string     `json:"window,omitempty"` // with interval, what a kill or a power cut can lose; a duration
	Unsaved      int        `json:"unsaved"`          // keys that have changed and are not known to be on the disk
	UnsavedBytes int        `json:"unsaved_bytes"`    // that they hold in memory
	Saved        *time.Time `json:"saved,omitempty"`  // when something was saved last
	Took         string     `json:"took,omitempty"`   // how long that took; a duration
	Bytes        int64      `json:"bytes"`            // that the directory takes, without what is not a database's
	InMemory     int        `json:"in_memory"`        // bytes of the entries that are in memory
	Clean        bool       `json:"clean"`            // the node has started from a clean stop
	Error        string     `json:"error,omitempty"`  // why nothing is saved any more
}

// ClockInfo is what a node knows of its own clock against the others'.
type ClockInfo struct {
	Standing string `json:"standing"` // "unjudged", "in line", "undecided", or "out of line": then it refuses writes
	Offset   string `json:"offset"`   // how far it is ahead of the others'; a duration
	Within   string `json:"within"`   // the offset is off by no more than this; a duration
	Peers    int    `json:"peers"`    // how many could be compared
	Majority int    `json:"majority"` // of those, how many agree with each other; 0: no majority does
}

// VerifyInfo says whether all holders hold the same (VERIFY).
type VerifyInfo struct {
	Equal      bool         `json:"equal"`
	Complete   bool         `json:"complete"` // every region and every known holder answered
	Partitions int          `json:"partitions"`
	Keys       int          `json:"keys"`
	Took       string       `json:"took"`
	Differ     []DifferInfo `json:"differ,omitempty"` // the first ones
	Differing  int          `json:"differing"`        // how many keys differ
	Silent     []string     `json:"silent,omitempty"` // who did not answer
}

// DifferInfo is a key that holders do not hold the same of.
type DifferInfo struct {
	Key     string            `json:"key"`
	Holders map[string]string `json:"holders"` // node name to digest, "" where it has none
}

// LinkInfo is the state of one link (LINK).
type LinkInfo struct {
	From   string     `json:"from"`
	To     string     `json:"to"`
	Paused bool       `json:"paused"`
	Since  *time.Time `json:"since,omitempty"`
}

// HoldingInfo is what a node says of itself to whoever makes or restores a backup.
type HoldingInfo struct {
	Cluster    string `json:"cluster"`
	Region     string `json:"region"`
	Node       string `json:"node"`
	Partitions int    `json:"partitions"` // of the cluster
	Owns       []int  `json:"owns"`       // partitions of which it is the region's owner and which it can give
	Holds      []int  `json:"holds"`      // partitions that are here
}

// RestoreInfo says what a backup of a partition means to a holder, or has done there.
// The numbers are of keys that the backup has.
type RestoreInfo struct {
	Refused string `json:"refused,omitempty"` // why it cannot be merged; empty: it can, or has been
	Taken   int    `json:"taken"`             // what they show has changed by the backup
	Equal   int    `json:"equal"`             // they show the same as in the backup
	Changed int    `json:"changed"`           // they show something else, written since
	Absent  int    `json:"absent"`            // they do not exist
	Expired int    `json:"expired"`           // they have expired since in the backup as well
	Evicted int    `json:"evicted"`           // the backup has nothing but their names
	// Elsewhere have been evicted from the holder's memory, so that it cannot tell; another
	// one may have them.
	Elsewhere int `json:"elsewhere"`
}

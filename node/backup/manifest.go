package backup

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/atollcache/atoll/region"
)

// Version is the version of the directory that this package writes. It reads no other
// yet.
const Version = 1

const (
	manifestName = "MANIFEST"
	manifestHead = "atoll backup, version "
	newSuffix    = ".new"    // of a manifest that is being written
	maxManifest  = 256 << 20 // bytes
)

// Manifest says what a backup has.
type Manifest struct {
	Cluster    string            `json:"cluster"`
	Region     string            `json:"region"`
	Partitions region.Partitions `json:"partitions"` // of the cluster
	Began      time.Time         `json:"began"`
	Ended      time.Time         `json:"ended"`
	Keys       int               `json:"keys"`    // that showed something, about
	Evicted    int               `json:"evicted"` // of which there is only the name: they had been evicted
	Bytes      int64             `json:"bytes"`   // of all files but the manifest
	Parts      []Part            `json:"parts"`   // one for each partition, in order
}

// Part is the backup of one partition.
type Part struct {
	Partition region.Partition `json:"partition"`
	Node      string           `json:"node"` // that gave it
	Keys      int              `json:"keys"`
	Evicted   int              `json:"evicted,omitempty"`
	Entries   int              `json:"entries"` // keys, and what is kept of keys that do not show
	Bytes     int64            `json:"bytes"`
	Sum       string           `json:"sum"`     // xxh3 of the file
	Vector    string           `json:"vector"`  // what it has seen, for people
	Horizon   string           `json:"horizon"` // what it has forgotten, for people
}

// fileName returns the name of a partition's file.
func fileName(p region.Partition) string { return fmt.Sprintf("partition-%05d", p) }

// sumText writes a checksum.
func sumText(sum uint64) string { return fmt.Sprintf("%016x", sum) }

// encode returns what the manifest's file holds.
func (m *Manifest) encode() ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s%d\n", manifestHead, Version)
	enc := json.NewEncoder(&b)
	enc.SetIndent("", " ")
	if err := enc.Encode(m); err != nil {
		return nil, err
	}
	fmt.Fprintf(&b, "sum %s\n", sumText(xxh3.Hash(b.Bytes())))
	return b.Bytes(), nil
}

// decodeManifest reads what encode wrote.
func decodeManifest(b []byte) (*Manifest, error) {
	rest, ok := strings.CutPrefix(string(b), manifestHead)
	if !ok {
		return nil, fmt.Errorf("%w: it does not begin as one does", ErrDamaged)
	}
	version, _, _ := strings.Cut(rest, "\n")
	if n, err := strconv.Atoi(version); err == nil && n > Version {
		return nil, fmt.Errorf("%w: version %d, this one knows %d", ErrNewer, n, Version)
	}
	const sumLine = len("sum 0123456789abcdef\n")
	at := len(b) - sumLine
	if at < 0 || string(b[at:]) != "sum "+sumText(xxh3.Hash(b[:at]))+"\n" {
		return nil, fmt.Errorf("%w: its checksum is another", ErrDamaged)
	}
	var m Manifest
	if err := json.Unmarshal(b[bytes.IndexByte(b, '\n')+1:at], &m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err := m.validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return &m, nil
}

// validate checks that there is every partition, once.
func (m *Manifest) validate() error {
	if err := m.Partitions.Validate(); err != nil {
		return err
	}
	if err := region.ValidateName("cluster", m.Cluster); err != nil {
		return err
	}
	if len(m.Parts) != m.Partitions.Count() {
		return fmt.Errorf("%d of %d partitions", len(m.Parts), m.Partitions.Count())
	}
	for i, p := range m.Parts {
		if int(p.Partition) != i || p.Bytes < 0 {
			return fmt.Errorf("partition %d in the place of %d", p.Partition, i)
		}
	}
	return nil
}

// write writes the manifest, which makes the directory a backup.
func (m *Manifest) write(fs FS, dir string) error {
	b, err := m.encode()
	if err != nil {
		return err
	}
	path := filepath.Join(dir, manifestName)
	f, err := fs.Create(path + newSuffix)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	// First the names of the other files, and of the directory.
	if err := errors.Join(fs.SyncDir(dir), fs.SyncDir(filepath.Dir(dir))); err != nil {
		return err
	}
	if err := fs.Rename(path+newSuffix, path); err != nil {
		return err
	}
	return fs.SyncDir(dir)
}

// readManifest reads the manifest of a directory.
func readManifest(fs FS, dir string) (*Manifest, error) {
	path := filepath.Join(dir, manifestName)
	f, err := fs.Open(path)
	if errors.Is(err, iofs.ErrNotExist) {
		if there, err := fs.Exists(dir); err == nil && !there {
			return nil, fmt.Errorf("%s: %w", dir, ErrNone)
		}
		return nil, fmt.Errorf("%s: %w", dir, ErrUnfinished)
	}
	if err != nil {
		return nil, fileError("read "+path, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxManifest))
	if err != nil {
		return nil, readError("read "+path, err)
	}
	m, err := decodeManifest(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

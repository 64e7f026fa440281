package pebblestore

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"
	"github.com/zeebo/xxh3"

	"github.com/atollcache/atoll/region"
)

// Version is the version of the rows and of the identity file that this package
// writes. It reads no other yet.
const Version = 1

// Identity says whose store a directory is. A store is opened by the identity that
// it was made with and by no other: the partitions of another cluster, or the life
// of another node, would do damage.
type Identity struct {
	Cluster, Region, Node string
	// Partitions is the cluster's number of partitions. Zero means
	// region.DefaultPartitions.
	Partitions region.Partitions
}

// String names the node and what it belongs to.
func (id Identity) String() string {
	return fmt.Sprintf("node %q of region %q of cluster %q with %d partitions",
		id.Node, id.Region, id.Cluster, id.Partitions.Count())
}

func (id Identity) validate() error {
	if id.Cluster == "" || id.Region == "" || id.Node == "" {
		return fmt.Errorf("%w: identity %v lacks a name", ErrConfig, id)
	}
	if err := id.Partitions.Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return nil
}

const (
	identityFile = "ATOLL"
	identityHead = "atoll store, version "
	maxIdentity  = 64 << 10
)

// encode returns what the identity file holds.
func (id Identity) encode() []byte {
	b := fmt.Appendf(nil, "%s%d\ncluster %q\nregion %q\nnode %q\npartitions %d\n",
		identityHead, Version, id.Cluster, id.Region, id.Node, id.Partitions.Count())
	return fmt.Appendf(b, "sum %016x\n", xxh3.Hash(b))
}

var errIdentity = errors.New("not what was written")

// decodeIdentity reads what encode wrote.
func decodeIdentity(b []byte) (id Identity, err error) {
	rest, ok := strings.CutPrefix(string(b), identityHead)
	if !ok {
		return id, fmt.Errorf("%w: %w", ErrDamaged, errIdentity)
	}
	version, rest, _ := strings.Cut(rest, "\n")
	if n, err := strconv.Atoi(version); err == nil && n > Version {
		return id, fmt.Errorf("%w: store version %d, this one knows %d", ErrNewer, n, Version)
	}
	fields := map[string]string{}
	for line := range strings.Lines(rest) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		fields[name] = value
	}
	unquote := func(name string) (s string) {
		s, e := strconv.Unquote(fields[name])
		err = errors.Join(err, e)
		return s
	}
	id = Identity{Cluster: unquote("cluster"), Region: unquote("region"), Node: unquote("node")}
	n, e := strconv.Atoi(fields["partitions"])
	if err = errors.Join(err, e); err == nil {
		id.Partitions = region.Partitions(n)
		err = id.validate()
	}
	// One identity, one encoding, with its sum.
	if err == nil && !bytes.Equal(id.encode(), b) {
		err = errIdentity
	}
	if err != nil {
		return Identity{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return id, nil
}

// checkIdentity returns an error unless the store in dir has been made by id, and is
// of a version that can be opened. It changes nothing.
func checkIdentity(fs vfs.FS, dir string, id Identity) error {
	path := fs.PathJoin(dir, identityFile)
	b, err := readFile(fs, path, maxIdentity)
	if err != nil {
		return diskError("read "+path, err)
	}
	found, err := decodeIdentity(b)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if id.Partitions = region.Partitions(id.Partitions.Count()); found != id {
		return fmt.Errorf("%s: %w: it is of %v, this is %v", path, ErrForeign, found, id)
	}
	return checkFormat(fs, dir)
}

// checkFormat returns an error when the database is of a format that this version's
// Pebble does not know, or when something is missing that it would not miss.
func checkFormat(fs vfs.FS, dir string) error {
	text, err := atomicfs.ReadMarker(fs, dir, "format-version")
	if err != nil {
		return diskError("read "+dir, err)
	}
	format, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return fmt.Errorf("%s: %w: no mark of the database's format", dir, ErrDamaged)
	}
	if pebble.FormatMajorVersion(format) > pebble.FormatNewest {
		return fmt.Errorf("%s: %w: database format %d, this one knows %d", dir, ErrNewer, format, pebble.FormatNewest)
	}
	return checkManifest(fs, dir)
}

// readFile reads a file of at most limit bytes.
func readFile(fs vfs.FS, path string, limit int64) ([]byte, error) {
	f, err := fs.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}

// writeFile writes a new file and syncs it. The directory's entry is not synced.
func writeFile(fs vfs.FS, path string, b []byte) error {
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// exists reports whether a file or a directory exists.
func exists(fs vfs.FS, path string) (bool, error) {
	if _, err := fs.Stat(path); err != nil {
		if errors.Is(err, iofs.ErrNotExist) {
			return false, nil
		}
		return false, err
	}
	return true, nil
}

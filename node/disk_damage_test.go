package node_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// damage is a byte of a file in which a bit can be flipped.
type damage struct {
	fs   vfs.FS
	path string
	at   int64
}

// aim returns a byte among the entries of a node's closed store: with a bit of it flipped
// the directory can be opened, and some of the keys be read. All is brought into one
// table before. There the entries come first, and what is read to open the directory,
// heads and what is of no partition, is in the last blocks of very many.
func aim(t *testing.T, fs vfs.FS) damage {
	t.Helper()
	const dir, least = "data/db", 8
	opts := &pebble.Options{FS: fs, FormatMajorVersion: pebble.FormatNewest, ErrorIfNotExists: true, Logger: quiet{}}
	opts.Merger = &pebble.Merger{Name: "atoll.patches.1", Merge: func([]byte, []byte) (pebble.ValueMerger, error) {
		return nil, errors.New("want entries that are too small to be patched")
	}}
	for i := range opts.Levels {
		opts.Levels[i].BlockSize = 1 << 10
	}
	path := fs.PathJoin(dir, onlyTable(t, dir, opts))
	f, err := fs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	readable, err := sstable.NewSimpleReadable(f)
	if err != nil {
		t.Fatal(err)
	}
	r, err := sstable.NewReader(t.Context(), readable, opts.MakeReaderOptions())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	layout, err := r.Layout()
	if err != nil || len(layout.Data) < least {
		t.Fatalf("%s: want at least %d blocks, have %+v, %v", path, least, layout, err)
	}
	middle := layout.Data[len(layout.Data)/2]
	return damage{fs, path, int64(middle.Offset + middle.Length/2)}
}

// onlyTable compacts a database to one table and returns its file's name.
func onlyTable(t *testing.T, dir string, opts *pebble.Options) (name string) {
	t.Helper()
	db, err := pebble.Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Compact(t.Context(), []byte{0}, []byte{0xff}, false); err != nil {
		t.Fatal(err)
	}
	levels, err := db.SSTables()
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, table := range slices.Concat(levels...) {
		if name != "" {
			t.Fatalf("want one table, have %v", levels)
		}
		name = fmt.Sprintf("%06d.sst", table.BackingSSTNum)
	}
	return name
}

// quiet is a logger of Pebble's that says nothing.
type quiet struct{}

func (quiet) Infof(string, ...any)           {}
func (quiet) Errorf(string, ...any)          {}
func (quiet) Fatalf(format string, a ...any) { panic(fmt.Sprintf(format, a...)) }

// flip flips a bit, and flips it back when it is called again.
func (d damage) flip(t *testing.T) {
	t.Helper()
	f, err := d.fs.OpenReadWrite(d.path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	b := []byte{0}
	if _, err := f.ReadAt(b, d.at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 4
	if _, err := f.WriteAt(b, d.at); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestDamageHeals: what a node cannot read on its disk it gets from another node, and
// meanwhile nobody is told that there is nothing.
func TestDamageHeals(t *testing.T) {
	t.Parallel()
	fs := disks{}
	c := newDiskCluster(t, fs, nil)
	one, two := c.startOne("us", "us-1"), c.startOne("us", "us-2")
	c.untilKnown()
	keys := keysOf(2000)
	setAll(t, two, keys)
	c.untilEqual(two)
	one.stop()
	aim(t, fs["us-1"]).flip(t)
	one = c.startOne("us", "us-1")
	c.untilKnown()
	c.until("every key is read at the damaged node", func() error {
		for _, k := range keys {
			v, ok, err := one.Get(t.Context(), k)
			if err == nil && (!ok || v != k) {
				t.Fatalf("get %s: want %s or an error, have %q, %t", k, k, v, ok)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if said := info(t, one).Disk.Error; !strings.Contains(said, "damaged") {
		t.Errorf("want the damage noticed, have %q", said)
	}
	one.end()
}

// TestDamageAlone: with nobody to heal it, a node says that it cannot read, and leaves
// the disk as it is.
func TestDamageAlone(t *testing.T) {
	t.Parallel()
	fs := disks{}
	c := newDiskCluster(t, fs, nil)
	one := c.startOne("us", "us-1")
	keys := keysOf(2000)
	setAll(t, one, keys)
	one.stop()
	hit := aim(t, fs["us-1"])
	hit.flip(t)
	one = c.startOne("us", "us-1")
	read, unread := 0, 0
	for _, k := range keys {
		v, ok, err := one.Get(t.Context(), k)
		switch {
		case err == nil && ok && v == k:
			read++
		case err != nil && strings.Contains(err.Error(), "cannot be read"):
			unread++
		default:
			t.Fatalf("get %s: want %s or an error that says why, have %q, %t, %v", k, k, v, ok, err)
		}
	}
	if read == 0 || unread == 0 {
		t.Errorf("%d keys read, %d not: want some of both", read, unread)
	}
	one.end()
	hit.flip(t) // It is whole again.
	wantAll(t, "the bits flipped back", c.startOne("us", "us-1"), keys)
}

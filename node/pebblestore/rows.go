package pebblestore

import (
	"encoding/binary"
	"fmt"

	"github.com/atollcache/atoll/region"
)

// The tables; the package comment says what they hold.
const (
	tableEntry   = 'e'
	tableExpiry  = 'x'
	tableResidue = 'w'
	tableHead    = 'h'
	tableMeta    = 'm'
)

// partitionTables are the tables whose rows belong to one partition.
var partitionTables = [...]byte{tableEntry, tableExpiry, tableResidue, tableHead}

// rowHead is how many bytes of a row's key come before the key that it is about.
const rowHead = 3

func appendRow(dst []byte, table byte, p region.Partition) []byte {
	return binary.BigEndian.AppendUint16(append(dst, table), uint16(p))
}

func appendKeyRow(dst []byte, table byte, p region.Partition, key string) []byte {
	return append(appendRow(dst, table, p), key...)
}

func appendExpiryRow(dst []byte, p region.Partition, at int64, key string) []byte {
	return append(appendExpiryBound(dst, p, at), key...)
}

// appendExpiryBound appends the lowest row of what expires at or after a time. A
// time before the epoch counts as the epoch, so that times sort as their bytes do.
func appendExpiryBound(dst []byte, p region.Partition, at int64) []byte {
	dst = appendRow(dst, tableExpiry, p)
	return binary.BigEndian.AppendUint64(dst, uint64(max(at, 0)))
}

// rowsEnd returns the row before which all rows of a partition in a table are.
func rowsEnd(table byte, p region.Partition) []byte {
	if p == 1<<16-1 {
		return []byte{table + 1}
	}
	return appendRow(nil, table, p+1)
}

func metaRow(name string) []byte { return append([]byte{tableMeta}, name...) }

// rowName names a row in errors: what of which partition and key it is.
func rowName(row []byte) string {
	if len(row) < rowHead || row[0] == tableMeta {
		return fmt.Sprintf("row %q", row)
	}
	p := binary.BigEndian.Uint16(row[1:])
	if row[0] == tableEntry {
		return fmt.Sprintf("entry %q of partition %d", row[rowHead:], p)
	}
	return fmt.Sprintf("row %q of partition %d", row, p)
}

package pebblestore

import "github.com/cockroachdb/pebble/v2/sstable"

// SetLayout sets how tables are laid out.
func (c *Config) SetLayout(block, index, filter int, compression *sstable.CompressionProfile) {
	c.layout = layout{block, index, filter, compression}
}

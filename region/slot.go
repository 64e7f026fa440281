package region

import "strings"

// Slots is the number of slots the keyspace is cut into, as in Redis Cluster.
const Slots = 16384

// Slot is a key's place in the keyspace, from 0 to Slots-1.
type Slot uint16

// SlotOf returns the slot of a key, exactly as Redis Cluster computes it: the
// CRC16 of the key modulo Slots. When the key contains a hash tag, the bytes
// between its first '{' and the first '}' after it, and the tag is not empty,
// only the tag counts, so that keys with the same tag share a slot.
//
// See "Redis cluster specification", section "Hash tags".
func SlotOf(key string) Slot {
	return Slot(crc16(hashTag(key)) % Slots)
}

// hashTag returns the part of the key that decides its slot.
func hashTag(key string) string {
	open := strings.IndexByte(key, '{')
	if open < 0 {
		return key
	}
	tag, _, closed := strings.Cut(key[open+1:], "}")
	if !closed || tag == "" {
		return key
	}
	return tag
}

// crcPolynomial is that of CRC-16/XMODEM: x^16 + x^12 + x^5 + 1. The register
// starts at zero, nothing is reflected and nothing is inverted at the end.
const crcPolynomial = 0x1021

// crcTables hold the CRC of every single byte that is followed by so many zeros. They
// are never written again.
var crcTables = func() (tables [8][256]uint16) {
	for i := range tables[0] {
		crc := uint16(i) << 8
		for zeros := range tables {
			for range 8 {
				carry := crc & 0x8000
				crc <<= 1
				if carry != 0 {
					crc ^= crcPolynomial
				}
			}
			tables[zeros][i] = crc
		}
	}
	return tables
}()

// crc16 returns the CRC-16/XMODEM of s. It takes eight bytes at a time, as the CRC of
// their sum is the sum of what each is worth where it stands (Kounavis and Berry, "A
// systematic approach to building high performance software-based CRC generators",
// 2005).
func crc16(s string) uint16 {
	var crc uint16
	t := &crcTables
	for ; len(s) >= 8; s = s[8:] {
		crc = t[7][byte(crc>>8)^s[0]] ^ t[6][byte(crc)^s[1]] ^ t[5][s[2]] ^ t[4][s[3]] ^
			t[3][s[4]] ^ t[2][s[5]] ^ t[1][s[6]] ^ t[0][s[7]]
	}
	for i := range len(s) {
		crc = crc<<8 ^ t[0][byte(crc>>8)^s[i]]
	}
	return crc
}

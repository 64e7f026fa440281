package region

import (
	"math/rand/v2"
	"testing"
)

// The values are those that CLUSTER KEYSLOT returns and the Redis Cluster
// specification lists.
func TestSlotOf(t *testing.T) {
	for _, test := range []struct {
		key  string
		want Slot
	}{
		{"", 0}, {"123456789", 12739}, {"foo", 12182}, {"bar", 5061}, {"hello", 866},
	} {
		if have := SlotOf(test.key); have != test.want {
			t.Errorf("SlotOf(%q): want %d, have %d", test.key, test.want, have)
		}
	}
}

func TestSlotOfHashTag(t *testing.T) {
	for _, test := range []struct{ key, sameAs string }{
		{"{user1000}.following", "user1000"},
		{"{user1000}.followers", "user1000"},
		{"foo{bar}{zap}", "bar"},
		{"foo{{bar}}zap", "{bar"},
		{"a{b}", "b"},
		{"}{b}", "b"},
	} {
		if have, want := SlotOf(test.key), Slot(crc16(test.sameAs)%Slots); have != want {
			t.Errorf("SlotOf(%q): want the slot of %q, %d, have %d", test.key, test.sameAs, want, have)
		}
	}
	for _, key := range []string{"foo{}{bar}", "foo{bar", "foo}bar{", "{}", "{", "}"} {
		if have, want := SlotOf(key), Slot(crc16(key)%Slots); have != want {
			t.Errorf("SlotOf(%q): want the slot of the whole key, %d, have %d", key, want, have)
		}
	}
}

// slowCRC16 divides bit by bit, as the definition does.
func slowCRC16(s string) (crc uint16) {
	for i := range len(s) {
		for bit := 7; bit >= 0; bit-- {
			in := uint16(s[i]>>bit&1) ^ crc>>15
			crc = crc<<1 ^ in*crcPolynomial
		}
	}
	return crc
}

func TestCRC16AgainstBitwise(t *testing.T) {
	if have := crc16("123456789"); have != 0x31C3 {
		t.Errorf("crc16(123456789): want the check value 31c3, have %04x", have)
	}
	const seed = 1
	rng := rand.New(rand.NewPCG(seed, seed))
	for range 2000 {
		b := make([]byte, rng.IntN(40))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		if have, want := crc16(string(b)), slowCRC16(string(b)); have != want {
			t.Fatalf("seed %d: crc16(%x): want %04x, have %04x", seed, b, want, have)
		}
	}
}

func TestPartitions(t *testing.T) {
	for _, bad := range []Partitions{-1, 3, 255, 16385, 32768} {
		if bad.Validate() == nil {
			t.Errorf("%d partitions: want an error, have none", bad)
		}
	}
	for n := Partitions(0); n <= Slots; n = max(1, 2*n) {
		if err := n.Validate(); err != nil {
			t.Fatalf("%d partitions: %v", n, err)
		}
		next := Slot(0)
		for p := range Partition(n.Count()) {
			first, last := n.Slots(p)
			if first != next || n.OfSlot(first) != p || n.OfSlot(last) != p {
				t.Fatalf("%d partitions: %d has slots %d to %d, which belong to %d and %d", n, p, first, last, n.OfSlot(first), n.OfSlot(last))
			}
			next = last + 1
		}
		if next != Slots {
			t.Errorf("%d partitions: want slots up to %d, have %d", n, Slots, next)
		}
	}
	if have := Partitions(0).Of("foo"); have != 12182/64 {
		t.Errorf("partition of foo: want %d, have %d", 12182/64, have)
	}
}

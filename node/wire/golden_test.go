package wire

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files; a change breaks peers of other versions")

// The golden files pin the format: what a released version writes, every later
// one reads, and clients in other languages are built by them. Each line is a
// name and the message in hexadecimal; long runs of one byte are not in it.
func TestGolden(t *testing.T) {
	encoded := map[string][]byte{}
	for name, cs := range requests() {
		if name != "long" {
			encoded[name] = AppendRequest(nil, cs)
		}
	}
	golden(t, "wire_requests.golden", encoded, func(name string, b []byte) error {
		cs, err := DecodeRequest(b)
		if err == nil && !bytes.Equal(AppendRequest(nil, cs), b) {
			err = fmt.Errorf("encodes differently: %+v", cs)
		}
		return err
	})
	encoded = map[string][]byte{}
	for name, rs := range answers() {
		if name == "string" {
			rs = rs[:2]
		}
		encoded[name] = AppendReplies(nil, rs)
	}
	golden(t, "wire_replies.golden", encoded, func(name string, b []byte) error {
		rs, err := DecodeReplies(b)
		if err == nil && !bytes.Equal(AppendReplies(nil, rs), b) {
			err = fmt.Errorf("encodes differently: %+v", rs)
		}
		return err
	})
}

func golden(t *testing.T, name string, encoded map[string][]byte, decode func(name string, b []byte) error) {
	t.Helper()
	var have strings.Builder
	for _, name := range slices.Sorted(maps.Keys(encoded)) {
		fmt.Fprintf(&have, "%s %x\n", name, encoded[name])
	}
	file := filepath.Join("..", "..", "testdata", "wire", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(have.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != have.String() {
		t.Errorf("%s: the format changed:\nwant\n%s\nhave\n%s", file, want, have.String())
	}
	for line := range strings.Lines(string(want)) {
		name, digits, _ := strings.Cut(strings.TrimSpace(line), " ")
		b, err := hex.DecodeString(digits)
		if err == nil {
			err = decode(name, b)
		}
		if err != nil {
			t.Errorf("%s: %s: %v", file, name, err)
		}
	}
}

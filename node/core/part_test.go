package core

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
)

// saidGoodbye reports whether a node has.
func (w *world) saidGoodbye(a *actor) bool {
	for _, line := range w.trace {
		_, msg, ok := strings.Cut(line, fmt.Sprint(a.Replica(), " announce "))
		if b, err := hex.DecodeString(msg); ok && err == nil {
			if h, err := decodeHeartbeat(b); err == nil && h.leaving {
				return true
			}
		}
	}
	return false
}

// TestPartsOnlyFromWhatOthersHave: who keeps on its disk what nobody else has says no
// goodbye, so that others wait for it.
func TestPartsOnlyFromWhatOthersHave(t *testing.T) {
	for _, c := range []struct {
		onDisk, cutOff bool
		want           bool
	}{{false, false, true}, {false, true, true}, {true, false, true}, {true, true, false}} {
		w := newWorld(t)
		a := w.add("eu", "eu-1", func(cfg *Config) {
			if c.onDisk {
				cfg.Disk = newStore(8)
			}
		})
		a.Extend(crdt.StampAt(w.now.Add(time.Hour).UnixMilli()))
		b := w.add("us", "us-1", nil)
		w.until("ready", func() bool { return a.State() == Ready && b.State() == Ready })
		w.pass(3 * time.Second)
		b.mute = c.cutOff
		a.expect("written", "OK", "SET", "k", "v")
		a.Leave()
		w.until("gone", func() bool { return a.State() == Gone })
		if have := w.saidGoodbye(a); have != c.want {
			t.Errorf("on disk %t, cut off %t: want goodbye said %t, have %t", c.onDisk, c.cutOff, c.want, have)
		}
	}
}

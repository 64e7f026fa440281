package sync_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	cachesync "github.com/atollcache/atoll/sync"
)

var rewrite = flag.Bool("rewrite", false, "write what the scenarios do into their files, to be reviewed as a diff")

// TestScenarios runs the scripts in testdata/scenarios. A line that is not
// indented is a command or a comment; what it leads to stands indented below it.
//
//	new 1 eu [Field=number ...]   a replica in a region, with bounds in bytes or beats in ms
//	at 200                        the time, in milliseconds
//	write 1 key value             SET; incr, del and invalidate take no value
//	flush 1                       broadcast what is queued
//	beat 1                        heads and requests that are due
//	take 1                        receive all that is on its way, as it was sent
//	lose 1 / turn 1               lose it / receive it the other way round
//	pause 1 us / resume 1 us      a region
//	crash 1 3                     1 is gone; its place is taken by 3
//	show                          what each has applied and shows
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/scenarios/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("want scenarios, have %v, %v", files, err)
	}
	for _, file := range files {
		script, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s := &scenario{t: t, now: at(0), inbox: map[crdt.ReplicaID][]*cachesync.Message{}}
		for _, line := range strings.Split(strings.TrimRight(string(script), "\n"), "\n") {
			if strings.HasPrefix(line, "  ") {
				continue
			}
			s.out.WriteString(line + "\n")
			if f := strings.Fields(line); len(f) > 0 && f[0] != "#" {
				s.do(f)
			}
		}
		switch have := s.out.String(); {
		case *rewrite:
			if err := os.WriteFile(file, []byte(have), 0o644); err != nil {
				t.Fatal(err)
			}
		case have != string(script):
			t.Errorf("%s: want\n%s\nhave (take it over with -rewrite)\n%s", file, script, have)
		}
	}
}

type scenario struct {
	t       *testing.T
	out     strings.Builder
	now     time.Time
	holders []*holder
	regions []string
	inbox   map[crdt.ReplicaID][]*cachesync.Message
}

func (s *scenario) say(format string, args ...any) {
	s.out.WriteString("  " + strings.ReplaceAll(fmt.Sprintf(format, args...), "000000000000000", "") + "\n")
}

// do runs a command.
func (s *scenario) do(f []string) {
	switch f[0] {
	case "new":
		s.add(f[1], f[2], f[3:])
		return
	case "at":
		s.now = at(int64(s.number(f[1])))
		return
	case "show":
		s.show()
		return
	}
	h, id := s.holder(f[1]), crdt.ReplicaID(s.number(f[1]))
	switch f[0] {
	case "write":
		s.write(h, f[2], f[3])
	case "flush":
		for m := h.Next(); m != nil; m = h.Next() {
			s.broadcast(h, m)
		}
	case "beat":
		s.beat(h)
	case "take", "turn":
		s.take(h, f[0] == "turn")
	case "lose":
		delete(s.inbox, id)
	case "pause":
		h.Pause(f[2])
	case "resume":
		h.Resume(f[2])
	case "crash":
		i := slices.Index(s.holders, h)
		name := s.regions[i]
		s.holders, s.regions = slices.Delete(s.holders, i, i+1), slices.Delete(s.regions, i, i+1)
		s.add(f[2], name, nil)
	default:
		s.t.Fatalf("command %q is not known", f[0])
	}
}

func (s *scenario) number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func (s *scenario) add(id, name string, settings []string) {
	var cfg cachesync.Config
	for _, f := range settings {
		field, value, _ := strings.Cut(f, "=")
		n := s.number(value)
		switch field {
		case "LogBytes":
			cfg.LogBytes = n
		case "BatchBytes":
			cfg.BatchBytes = n
		case "HoldFor":
			cfg.HoldFor = time.Duration(n) * ms
		default:
			s.t.Fatalf("setting %q is not known", field)
		}
	}
	s.holders = append(s.holders, newHolder(s.t, crdt.ReplicaID(s.number(id)), name, cfg))
	s.regions = append(s.regions, name)
}

func (s *scenario) holder(id string) *holder {
	for _, h := range s.holders {
		if h.id == crdt.ReplicaID(s.number(id)) {
			return h
		}
	}
	s.t.Fatalf("replica %s is not known", id)
	return nil
}

func (s *scenario) write(h *holder, key, what string) {
	command := set(what)
	switch what {
	case "incr":
		command = incr(1)
	case "del":
		command = del
	case "invalidate":
		command = func(m *crdt.Mutator) error { m.Invalidate(); return nil }
	}
	h.write(s.now, key, command)
}

func (s *scenario) broadcast(h *holder, m *cachesync.Message) {
	s.say("to all: %v", m)
	for _, o := range s.holders {
		if o != h {
			s.inbox[o.id] = append(s.inbox[o.id], m)
		}
	}
}

func (s *scenario) beat(h *holder) {
	if m := h.Heads(s.now); m != nil {
		s.broadcast(h, m)
	}
	s.tick(h)
}

func (s *scenario) tick(h *holder) {
	if req, to := h.Tick(s.now); req != nil {
		s.say("to %v: %v", to, req)
		s.inbox[to] = append(s.inbox[to], req)
	}
}

func (s *scenario) take(h *holder, turned bool) {
	ms := s.inbox[h.id]
	delete(s.inbox, h.id)
	if turned {
		slices.Reverse(ms)
	}
	for _, m := range ms {
		s.say("%v takes %v", h.id, m)
		if answer := h.Receive(s.now, m); answer != nil {
			s.say("to %v: %v", m.From, answer)
			s.inbox[m.From] = append(s.inbox[m.From], answer)
		}
		if m.Answer || m.Kind == cachesync.KindSnapshot || m.Kind == cachesync.KindRefusal {
			s.tick(h)
		}
	}
}

func (s *scenario) show() {
	for _, h := range s.holders {
		line := fmt.Sprintf("%v [%v]", h.id, h.Vector())
		if h.Behind() {
			line += " behind"
		}
		if n := h.Stats().HoldBytes; n > 0 {
			line += " holding back"
		}
		for _, k := range h.part.Keys() {
			if value, ok := h.part.Entry(k).View(s.now.UnixMilli()).Get(); ok {
				line += fmt.Sprintf(" %s=%s", k, value)
			}
		}
		s.say("%s", line)
	}
}

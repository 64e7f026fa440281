package scenario_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/atollcache/atoll/node/scenario"
)

// world notes what is asked of it. Its clients are replied what was prepared.
type world struct {
	t       *testing.T
	did     []string
	replies map[string]string // by client and command's words
}

func (w *world) note(format string, args ...any) { w.did = append(w.did, fmt.Sprintf(format, args...)) }

func (w *world) Cut(_ context.Context, groups [][]string) error { w.note("cut %v", groups); return nil }
func (w *world) Heal(context.Context) error                     { w.note("heal"); return nil }
func (w *world) Sync(_ context.Context, regions []string) error {
	w.note("sync %v", regions)
	return nil
}
func (w *world) Evict(_ context.Context, name string) error { w.note("evict %s", name); return nil }
func (w *world) Advance(by time.Duration) {
	if by > time.Second {
		w.note("advance %v", by)
	}
}

func (w *world) Dial(c scenario.Client) (net.Conn, error) {
	near, far := net.Pipe()
	w.t.Cleanup(func() { far.Close() })
	go func() {
		in := bufio.NewReader(far)
		for {
			var n int
			if _, err := fmt.Fscanf(in, "*%d\r\n", &n); err != nil {
				return
			}
			words := []string{c.String()}
			for range n {
				var size int
				fmt.Fscanf(in, "$%d\r\n", &size)
				line, _ := in.ReadString('\n')
				words = append(words, strings.TrimSpace(line))
			}
			w.did = append(w.did, strings.Join(words, " "))
			reply, ok := w.replies[strings.Join(words, " ")]
			if !ok {
				reply = "+OK"
			}
			fmt.Fprintf(far, "%s\r\n", reply)
		}
	}()
	return near, nil
}

// runText runs the first scenario of a text.
func runText(t *testing.T, w *world, text string) error {
	t.Helper()
	list, err := scenario.Parse("f", "== R1 string: title\n"+text, regions)
	if err != nil {
		t.Fatal(err)
	}
	return scenario.Run(t.Context(), w, regions, &list[0])
}

func TestRun(t *testing.T) {
	w := &world{t: t, replies: map[string]string{"us2 GET k": ":1"}}
	err := runText(t, w, "eu> SET k 1\nOK\ncut eu|us,ap\ncut us|eu,ap\nsync eu,ap\nevict ap,eu\nadvance 5s\nheal\neu,us2> GET k\n…\nus2> GET k\n(integer) 1\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"sync [eu us ap]", "eu FLUSHALL", "sync [eu us ap]", "eu SET k 1",
		"sync [eu us ap]", "cut [[eu] [us ap]]", "cut [[us] [eu ap]]", "sync [eu ap]", "evict ap", "evict eu", "advance 5s", "heal", "sync [eu us ap]",
		"eu GET k", "us2 GET k", "us2 GET k",
	}
	if !reflect.DeepEqual(w.did, want) {
		t.Errorf("want %q, have %q", want, w.did)
	}
}

// A reply that is another, in any region, fails with its place; a cut is healed.
func TestRunFails(t *testing.T) {
	w := &world{t: t, replies: map[string]string{"us GET k": "$-1", "eu INSPECT k": "+abc"}}
	for text, want := range map[string]string{
		"cut eu|us|ap\nall> GET k\nOK\nheal\neu> PING\nOK": "f:3: all> GET k: want:\nOK\nhave in eu:\nOK\nhave in us:\n(nil)\nhave in ap:\nOK",
		"all> GET k\n(nil)\nor\nOK":                        "f:2: all> GET k: want:\n(nil)\nor\nOK\nhave in eu:\nOK\nhave in us:\n(nil)\nhave in ap:\nOK",
		"eu,ap> GET k\n(nil)\nor\nOK":                      "",
		"us> GET k\n\"\"":                                  "f:2: us> GET k: want:\n\"\"\nhave in us:\n(nil)",
		"eu> PING\nO":                                      "f:2: eu> PING: want:\nO\nhave in eu:\nOK",
		"eu> PING\nOK\nOK":                                 "f:2: eu> PING: want:\nOK\nOK\nhave in eu:\nOK",
		"eu> INSPECT k\n~ c\n~ b":                          "f:2: eu> INSPECT k: want:\nc…b\nhave in eu:\nabc",
		"eu> INSPECT k\nab…b…c":                            "f:2: eu> INSPECT k: want:\nab…b…c\nhave in eu:\nabc",
		"eu> INSPECT k\n~ a\n~ c\n# x\n":                   "",
		"eu> INSPECT k\na…b…c":                             "",
		"eu> INSPECT k\n…c":                                "",
	} {
		w.did = nil
		err := runText(t, w, text)
		if fmt.Sprint(err) != want && (want != "" || err != nil) {
			t.Errorf("%q: want %s\nhave %v", text, want, err)
		}
		if strings.HasPrefix(text, "cut") && w.did[len(w.did)-1] != "heal" {
			t.Errorf("%q: want the cut healed in the end, have %q", text, w.did)
		}
	}
}

// What the world cannot do ends the scenario.
func TestRunWorldFails(t *testing.T) {
	list, err := scenario.Parse("f", "== R1 string: title\neu9> GET k\n…\n", regions)
	if err != nil {
		t.Fatal(err)
	}
	err = scenario.Run(t.Context(), brittle{&world{t: t}}, regions, &list[0])
	if !errors.Is(err, errNoNode) || !strings.HasPrefix(err.Error(), "f:2: eu9> GET k: in eu9: ") {
		t.Errorf("want an error of line 2, have %v", err)
	}
}

var errNoNode = errors.New("no such node")

// brittle has one node in each region.
type brittle struct{ *world }

func (b brittle) Dial(c scenario.Client) (net.Conn, error) {
	if c.Node > 1 {
		return nil, errNoNode
	}
	return b.world.Dial(c)
}

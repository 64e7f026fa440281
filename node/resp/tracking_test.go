package resp_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/atollcache/atoll/node/resp"
	"github.com/atollcache/atoll/node/wire"
)

func TestTracking(t *testing.T) {
	d := open(t, resp.Config{})
	c, other := d.dial(), d.dial()
	c.do("HELLO 3")
	c.want("CLIENT TRACKINGINFO", `{"flags" ~["off"] "redirect" -1 "prefixes" []}`,
		"CLIENT TRACKING ON", "OK", "CLIENT TRACKINGINFO", `{"flags" ~["on"] "redirect" 0 "prefixes" []}`,
		"GET k", "nil", "MGET k l", "[nil nil]")
	other.want("SET k 1", "OK", "SET unread 1", "OK", "SET l 1", "OK")
	c.wantNext(`>["invalidate" ["k"]]`, `>["invalidate" ["l"]]`)
	other.want("SET k 2", "OK") // It has not been read since.
	c.want("GET k", `"2"`)
	// A change from another region, of many keys, and of nobody knows what.
	d.node.tell(resp.Change{Key: "k", Away: true})
	c.wantNext(`>["invalidate" ["k"]]`)
	c.want("GET k", `"2"`)
	d.node.tell(resp.Change{All: true, Partition: 15})
	d.node.tell(resp.Change{All: true, Partition: 7}) // where k is
	c.wantNext(`>["invalidate" ["k"]]`)
	d.node.tell(resp.Change{Everywhere: true})
	c.wantNext(`>["invalidate" nil]`)
	c.want("GET k", `"2"`, "CLIENT TRACKING OFF", "OK")
	other.want("SET k 3", "OK")
	c.want("PING", "PONG")
	if d.node.observed() {
		t.Error("nobody tracks any more, and changes are observed")
	}
}

func TestTrackingModes(t *testing.T) {
	d := open(t, resp.Config{})
	other := d.dial()
	dial3 := func() *client {
		c := d.dial()
		c.do("HELLO 3")
		return c
	}
	c := dial3()
	c.want("CLIENT CACHING YES", "(ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled)",
		"CLIENT TRACKING ON OPTIN", "OK", "GET a", "nil", "CLIENT CACHING YES", "OK", "GET b", "nil", "GET c", "nil",
		"CLIENT CACHING YES", "OK", "MULTI", "OK", "PTTL d", "QUEUED", "GET e", "QUEUED", "EXEC", "[-2 nil]", "GET f", "nil")
	other.want("MSET a 1 b 1 c 1 f 1 d 1", "OK")
	c.wantNext(`>["invalidate" ["b"]]`, `>["invalidate" ["d"]]`)

	c = dial3()
	c.want("CLIENT TRACKING ON OPTOUT", "OK", "CLIENT CACHING NO", "OK", "GET a", `"1"`, "GET b", `"1"`)
	other.want("MSET a 2 b 2", "OK")
	c.wantNext(`>["invalidate" ["b"]]`)

	c = dial3()
	c.want("CLIENT TRACKING ON BCAST PREFIX u: PREFIX v:", "OK")
	other.want("MSET a 1 u:1 1 v: 1", "OK")
	c.wantNext(`>["invalidate" ["u:1"]]`, `>["invalidate" ["v:"]]`)

	c = dial3()
	c.want("CLIENT TRACKING ON NOLOOP", "OK", "GET own", "nil", "GET theirs", "nil", "SET own 1", "OK")
	other.want("SET theirs 1", "OK")
	c.wantNext(`>["invalidate" ["theirs"]]`)

	told := d.dial()
	told.want("SUBSCRIBE __redis__:invalidate", `["subscribe" "__redis__:invalidate" 1]`)
	id := strings.Fields(strings.TrimPrefix(other.do("CLIENT LIST TYPE pubsub"), `"id=`))[0]
	c = d.dial() // version 2
	c.want("CLIENT TRACKING ON REDIRECT "+id, "OK", "GET r", "nil", "CLIENT GETREDIR", id)
	other.want("SET r 1", "OK")
	told.wantNext(`["message" "__redis__:invalidate" ["r"]]`)
	c.want("CLIENT TRACKING ON REDIRECT 99999", "(ERR The client ID you want redirect to does not exist)",
		"CLIENT TRACKING ON PREFIX a", "(ERR PREFIX option requires BCAST mode to be enabled)",
		"CLIENT TRACKING ON OPTIN OPTOUT", "(ERR You can't specify both OPTIN mode and OPTOUT mode)",
		"CLIENT TRACKING ON BCAST", "(ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.)")
}

// What a client is told of a key never overtakes the reply that it has for it.
func TestInvalidationFollowsReply(t *testing.T) {
	node := newFakeNode(&bus{})
	node.slow = func(cmds []wire.Command) {
		if cmds[0].Args[0] == "GET" {
			node.tell(resp.Change{Key: cmds[0].Args[1]})
		}
	}
	c := openNode(t, node, resp.Config{}).dial()
	c.do("HELLO 3")
	c.want("CLIENT TRACKING ON", "OK")
	for i := range 50 {
		c.send(encode("GET", fmt.Sprint(i)))
		c.wantNext("nil", fmt.Sprintf(`>["invalidate" ["%d"]]`, i))
	}
}

func TestTrackedKeysAreBounded(t *testing.T) {
	c := open(t, resp.Config{MaxTracked: 10}).dial()
	c.do("HELLO 3")
	c.want("CLIENT TRACKING ON", "OK")
	told := 0
	for i := range 25 {
		c.send(encode("GET", fmt.Sprint(i)))
		for have := c.read(); have != "nil"; have = c.read() {
			told++
		}
	}
	if have := c.do("INFO stats"); !strings.Contains(have, `tracking_total_keys:10\r\n`) && !strings.HasPrefix(have, ">") {
		t.Errorf("want 10 keys, have %s", have)
	}
	if told < 13 {
		t.Errorf("25 keys read, 10 remembered: want 15 invalidations, have %d", told)
	}
}

// Options that do not go with those of before are refused, and RESET ends tracking.
func TestTrackingAgain(t *testing.T) {
	c := open(t, resp.Config{}).dial()
	const collides = " prefix 'ab'. Prefixes for a single client must not overlap.)"
	c.want(
		"CLIENT TRACKING ON BCAST PREFIX ab PREFIX c", "OK",
		"CLIENT TRACKING ON BCAST PREFIX d", "OK",
		"CLIENT TRACKINGINFO", `["flags" ["on" "bcast"] "redirect" 0 "prefixes" ["ab" "c" "d"]]`,
		"CLIENT TRACKING ON BCAST PREFIX abc", "(ERR Prefix 'abc' overlaps with an existing"+collides,
		"CLIENT TRACKING ON BCAST PREFIX x PREFIX xy", "(ERR Prefix 'x' overlaps with another provided prefix 'xy'. Prefixes for a single client must not overlap.)",
		"RESET", "RESET",
		"CLIENT TRACKINGINFO", `["flags" ["off"] "redirect" -1 "prefixes" []]`,
		"CLIENT TRACKING ON OPTIN", "OK",
		"CLIENT TRACKING ON OPTOUT", "(ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode.)",
		"RESET", "RESET",
	)
	for i := range 1000 {
		c.want(fmt.Sprintf("CLIENT TRACKING ON BCAST PREFIX p%04d", i), "OK")
	}
	c.want("CLIENT TRACKING ON BCAST PREFIX one-more", "(ERR too many prefixes)", "RESET", "RESET")
	list := c.do("CLIENT LIST")
	for _, want := range []string{" flags=N ", " cmd=client|list ", " redir=-1 "} {
		if !strings.Contains(list, want) {
			t.Errorf("CLIENT LIST after RESET: want%q, have %s", want, list)
		}
	}
}

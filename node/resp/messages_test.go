package resp_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/atollcache/atoll/node/resp"
)

func TestPublishAndSubscribe(t *testing.T) {
	b := &bus{}
	here, there := openNode(t, newFakeNode(b), resp.Config{}), openNode(t, newFakeNode(b), resp.Config{})
	two, three, far, talker := here.dial(), here.dial(), there.dial(), here.dial()
	two.want("SUBSCRIBE news", `["subscribe" "news" 1]`, "PSUBSCRIBE n*", `["psubscribe" "n*" 2]`)
	three.do("HELLO 3")
	three.want("SUBSCRIBE news", `>["subscribe" "news" 1]`)
	far.want("PSUBSCRIBE *s", `["psubscribe" "*s" 1]`)
	talker.want("PUBLISH news hello", "3", "PUBLISH other x", "0", "PUBLISH no y", "1")
	two.wantNext(`["message" "news" "hello"]`, `["pmessage" "n*" "news" "hello"]`, `["pmessage" "n*" "no" "y"]`)
	three.wantNext(`>["message" "news" "hello"]`)
	far.wantNext(`["pmessage" "*s" "news" "hello"]`)
	talker.want(
		"PUBSUB CHANNELS", `["news"]`,
		"PUBSUB CHANNELS x*", "[]",
		"PUBSUB NUMSUB news x", `["news" 2 "x" 0]`,
		"PUBSUB NUMPAT", "1",
	)
	two.want(
		"GET a", "(ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context)",
		"PING", `["pong" ""]`,
		"PING x", `["pong" "x"]`,
		"UNSUBSCRIBE news", `["unsubscribe" "news" 1]`,
		"PUNSUBSCRIBE", `["punsubscribe" "n*" 0]`,
		"UNSUBSCRIBE", `["unsubscribe" nil 0]`,
		"GET a", "nil",
	)
	three.want("GET a", "nil", "PING", "PONG")
	three.send(encode("SUBSCRIBE", "a", "b") + encode("ECHO", "x") + encode("UNSUBSCRIBE", "a", "b") + encode("ECHO", "y"))
	three.wantNext(`>["subscribe" "a" 2]`, `>["subscribe" "b" 3]`, `"x"`, `>["unsubscribe" "a" 2]`, `>["unsubscribe" "b" 1]`, `"y"`)
	talker.want("PUBSUB CHANNELS", `["news"]`)
}

// A client that does not read its messages is cut off, and others get theirs.
func TestSlowListenerIsCutOff(t *testing.T) {
	d := open(t, resp.Config{MaxPushed: 1 << 20})
	slow, quick, talker := d.dial(), d.dial(), d.dial()
	slow.want("SUBSCRIBE c", `["subscribe" "c" 1]`)
	quick.want("SUBSCRIBE c", `["subscribe" "c" 1]`)
	body := fmt.Sprintf("%065536d", 1)
	for range 400 {
		talker.run("PUBLISH", "c", body)
		if have, want := quick.read(), fmt.Sprintf(`["message" "c" %q]`, body); have != want {
			t.Fatalf("the quick one: have %.100s", have)
		}
	}
	waitFor(t, "the slow one is cut off", func() error {
		if have := talker.do("PUBSUB NUMSUB c"); have != `["c" 1]` {
			return fmt.Errorf("have %s", have)
		}
		return nil
	})
}

func TestSubscriptionsAreBounded(t *testing.T) {
	d := open(t, resp.Config{MaxSubscriptions: 3})
	c := d.dial()
	c.do("HELLO 3")
	c.want("SUBSCRIBE a", `>["subscribe" "a" 1]`)
	c.want("SUBSCRIBE b c d", "(ERR too many subscriptions on this connection)")
	c.want("PSUBSCRIBE p", `>["psubscribe" "p" 2]`)
}

func TestNotifications(t *testing.T) {
	d := open(t, resp.Config{})
	c, l := d.dial(), d.dial()
	c.want(
		"CONFIG SET notify-keyspace-events bad", "(ERR CONFIG SET failed (possibly related to argument 'notify-keyspace-events') - Invalid event class character. Use 'Ag$lshzxeKEtmdn'.)",
		"CONFIG SET notify-keyspace-events KEA", "OK",
		"CONFIG GET notify-keyspace-events", `["notify-keyspace-events" "AKE"]`,
	)
	if d.node.observed() {
		t.Error("nobody listens, and changes are observed")
	}
	l.want("PSUBSCRIBE __key*@0__:*", `["psubscribe" "__key*@0__:*" 1]`)
	c.want("SET k 1", "OK")
	l.wantNext(`["pmessage" "__key*@0__:*" "__keyspace@0__:k" "set"]`, `["pmessage" "__key*@0__:*" "__keyevent@0__:set" "k"]`)
	c.want("CONFIG SET notify-keyspace-events Eg", "OK", "SET k 1", "OK", "DEL k", "1")
	l.wantNext(`["pmessage" "__key*@0__:*" "__keyevent@0__:del" "k"]`)
	d.node.tell(resp.Change{Key: "far", Events: []string{"del"}, Away: true})
	l.wantNext(`["pmessage" "__key*@0__:*" "__keyevent@0__:del" "far"]`)
	c.want("CONFIG SET notify-other-regions no", "OK")
	d.node.tell(resp.Change{Key: "far", Events: []string{"del"}, Away: true})
	d.node.tell(resp.Change{Key: "near", Events: []string{"del"}})
	l.wantNext(`["pmessage" "__key*@0__:*" "__keyevent@0__:del" "near"]`)
	l.want("PUNSUBSCRIBE", `["punsubscribe" "__key*@0__:*" 0]`)
	if d.node.observed() {
		t.Error("nobody listens any more, and changes are observed")
	}
}

func TestMonitor(t *testing.T) {
	d := open(t, resp.Config{})
	c, m := d.dial(), d.dial()
	m.want("MONITOR", "OK")
	c.want("SET k \"\x01", "OK", "AUTH secret", "(ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?)", "ping", "PONG", "PiNG", "PONG")
	var stamp float64
	var addr, rest string
	line := m.read()
	if n, err := fmt.Sscanf(line, "%f [0 %s %s", &stamp, &addr, &rest); n != 3 || err != nil || addr != c.nc.LocalAddr().String()+"]" {
		t.Errorf("have %s: %v", line, err)
	}
	if want := fmt.Sprintf("[0 %s] \"SET\" \"k\" \"\\\"\\x01\"", c.nc.LocalAddr()); line[len(line)-len(want):] != want {
		t.Errorf("want ...%s, have %s", want, line)
	}
	if line := m.read(); line[len(line)-6:] != `"ping"` { // As it was sent.
		t.Errorf("AUTH is not shown: want ping next, have %s", line)
	}
	if line := m.read(); line[len(line)-6:] != `"PiNG"` {
		t.Errorf("want PiNG as it was sent, have %s", line)
	}
}

// A transaction is shown as it is run, with EXEC at its end; what administers the
// server is not, nor is what ends the showing.
func TestMonitorOrder(t *testing.T) {
	d := open(t, resp.Config{})
	c, m, gone := d.dial(), d.dial(), d.dial()
	m.want("MONITOR", "OK")
	gone.want("MONITOR", "OK", "reset", "RESET", "PING", "PONG")
	c.want("multi", "OK", "set k 1", "QUEUED", "CONFIG GET timeout", "QUEUED", "time", "QUEUED", "discard", "OK")
	c.want("MULTI", "OK", "Set k 1", "QUEUED", "CLIENT GETNAME", "QUEUED", "EXEC", "[OK nil]")
	for _, want := range []string{`"reset"`, `"PING"`, `"multi"`, `"discard"`, `"MULTI"`, `"Set" "k" "1"`, `"CLIENT" "GETNAME"`, `"EXEC"`} {
		if line := m.read(); !strings.HasSuffix(line, "] "+want) {
			t.Errorf("want %s, have %s", want, line)
		}
	}
}

package bulk

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// raw sends one message with any header value and returns the answer's frame.
func raw(t *testing.T, nc *nats.Conn, to, value string, body []byte) (frame, error) {
	t.Helper()
	msg, err := nc.RequestMsgWithContext(within(t, 10*time.Second), &nats.Msg{Subject: to, Data: body, Header: nats.Header{Header: {value}}})
	if err != nil {
		t.Fatalf("%q: %v", value, err)
	}
	f, _, err := parseFrame(msg.Header)
	if err != nil {
		t.Fatalf("%q: answer: %v", value, err)
	}
	if f.verb == refusal {
		return f, newRemoteError(f.code, f.text)
	}
	return f, nil
}

const someID = "000102030405060708090a0b0c0d0e0f"

// TestHostileMessages sends what no Caller would. Each gets the error and
// nothing is kept.
func TestHostileMessages(t *testing.T) {
	srv := startNATS(t, -1, 0)
	s := serve(t, connect(t, srv), Config{MaxMessage: 4 * mib}, echo)
	nc := connect(t, srv)
	for _, test := range []struct {
		name, to, value string
		want            error
	}{
		{"announced over the limit", subject, "1 announce " + someID + " 5000000 4096", ErrTooLarge},
		{"announced beyond integers", subject, "1 announce " + someID + " 99999999999999999999 4096", ErrProtocol},
		{"announced negative", subject, "1 announce " + someID + " -5 4096", ErrProtocol},
		{"announced with a sign", subject, "1 announce " + someID + " +5 4096", ErrProtocol},
		{"announced nothing", subject, "1 announce " + someID + " 0 4096", ErrProtocol},
		{"announced what fits", subject, "1 announce " + someID + " 4096 4096", ErrProtocol},
		{"tiny chunks", subject, "1 announce " + someID + " 100000 1", ErrProtocol},
		{"zero chunks", subject, "1 announce " + someID + " 100000 0", ErrProtocol},
		{"short id", subject, "1 announce 0001 100000 4096", ErrProtocol},
		{"id not hexadecimal", subject, "1 announce " + strings.Repeat("x", 32) + " 100000 4096", ErrProtocol},
		{"missing field", subject, "1 announce " + someID + " 100000", ErrProtocol},
		{"other version", subject, "2 announce " + someID + " 100000 4096", ErrProtocol},
		{"empty", subject, "", ErrProtocol},
		{"long", subject, "1 announce " + someID + " 100000 4096 " + strings.Repeat("9", 10_000), ErrProtocol},
		{"unknown verb", subject, "1 obey " + someID, ErrProtocol},
		{"chunk on a request subject", subject, "1 chunk " + someID + " 0", ErrProtocol},
		{"announcement on the direct subject", direct, "1 announce " + someID + " 100000 4096", ErrProtocol},
		{"chunk for an unknown id", direct, "1 chunk " + someID + " 0", ErrExpired},
		{"pull of an unknown id", direct, "1 pull " + someID + " 1", ErrExpired},
		{"negative index", direct, "1 chunk " + someID + " -1", ErrProtocol},
	} {
		if _, err := raw(t, nc, test.to, test.value, make([]byte, 4096)); !errors.Is(err, test.want) {
			t.Errorf("%s: want %v, have %v", test.name, test.want, err)
		}
	}
	if _, err := nc.Request(direct, nil, 10*time.Second); err != nil {
		t.Errorf("plain message on the direct subject: want an answer, have %v", err)
	}
	if st := s.Stats(); st.HeldBytes != 0 || st.Requests != 0 || st.Refused+st.TooLarge != 21 {
		t.Errorf("want 21 refused, nothing held and no handler run, have %+v", st)
	}
}

// TestHostileTransfer takes part in a transfer in wrong ways; the transfer
// itself goes on unharmed.
func TestHostileTransfer(t *testing.T) {
	srv := startNATS(t, -1, 0)
	s := serve(t, connect(t, srv), Config{}, echo)
	nc := connect(t, srv)
	data := content(1, 100*minChunk+1)
	f, err := raw(t, nc, subject, fmt.Sprintf("1 announce %s %d %d", someID, len(data), minChunk), nil)
	if err != nil || f.verb != accept || f.size != minChunk || f.direct != direct {
		t.Fatalf("announce: want accept, have %+v, %v", f, err)
	}
	part := func(i int) []byte { return data[i*minChunk : min(len(data), (i+1)*minChunk)] }
	send := func(id string, i int, body []byte) error {
		_, err := raw(t, nc, direct, fmt.Sprintf("1 chunk %s %d", id, i), body)
		return err
	}
	if err := send(someID, 0, part(0)); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		id    string
		index int
		body  []byte
		want  error
	}{
		{"duplicate", someID, 0, part(0), ErrProtocol},
		{"beyond the total", someID, 101, part(0), ErrProtocol},
		{"far beyond the total", someID, 1<<31 - 1, part(0), ErrProtocol},
		{"far ahead", someID, 1 + maxWindow, part(0), ErrProtocol},
		{"short", someID, 1, part(1)[1:], ErrProtocol},
		{"long", someID, 1, append([]byte{1}, part(1)...), ErrProtocol},
		{"another id", strings.Replace(someID, "0", "f", 1), 1, part(1), ErrExpired},
	} {
		if err := send(test.id, test.index, test.body); !errors.Is(err, test.want) {
			t.Errorf("%s: want %v, have %v", test.name, test.want, err)
		}
	}
	if _, err := raw(t, nc, subject, fmt.Sprintf("1 announce %s %d %d", someID, len(data), minChunk), nil); !errors.Is(err, ErrProtocol) {
		t.Errorf("announce under an id in use: want ErrProtocol, have %v", err)
	}
	for i := 1; i < 100; i++ {
		if err := send(someID, i, part(i)); err != nil {
			t.Fatalf("chunk %d: %v", i, err)
		}
	}
	msg, err := nc.RequestMsgWithContext(within(t, 10*time.Second), frame{verb: chunk, id: mustID(t, someID), index: 100}.message(direct, part(100)))
	if err != nil {
		t.Fatal(err)
	}
	mustEqual(t, "the reply, in spite of all", data, msg.Data)
	if st := s.Stats(); st.HeldBytes != 0 {
		t.Errorf("want nothing held, have %+v", st)
	}
}

// TestServersLimit announces larger chunks than the server's own connection
// takes: the server names what it can take.
func TestServersLimit(t *testing.T) {
	srv := startNATS(t, -1, 64<<10)
	serve(t, connect(t, srv), Config{}, echo)
	f, err := raw(t, connect(t, srv), subject, "1 announce "+someID+" 9000000 1000000", nil)
	if err != nil || f.verb != accept || f.size != 64<<10-headroom {
		t.Errorf("want chunks of %d accepted, have %+v, %v", 64<<10-headroom, f, err)
	}
}

func mustID(t *testing.T, s string) transferID {
	t.Helper()
	r := reader{rest: s}
	id := r.id()
	if r.err != nil {
		t.Fatal(r.err)
	}
	return id
}

// TestDuplicateOfTheLastChunk delivers the completing chunk twice, as redundant
// leaf nodes do: the copy must not answer in the reply's place.
func TestDuplicateOfTheLastChunk(t *testing.T) {
	srv := startNATS(t, -1, 0)
	release := make(chan struct{})
	s := serve(t, connect(t, srv), Config{}, func(_ context.Context, _ string, data []byte) []byte {
		<-release
		return []byte("done")
	})
	nc := connect(t, srv)
	if _, err := raw(t, nc, subject, fmt.Sprintf("1 announce %s %d %d", someID, minChunk+1, minChunk), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := raw(t, nc, direct, "1 chunk "+someID+" 0", make([]byte, minChunk)); err != nil {
		t.Fatal(err)
	}
	inbox := nats.NewInbox()
	answers, err := nc.SubscribeSync(inbox)
	if err != nil {
		t.Fatal(err)
	}
	last := frame{verb: chunk, id: mustID(t, someID), index: 1}.message(direct, []byte{1})
	last.Reply = inbox
	for range 2 {
		if err := nc.PublishMsg(last); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the copy is seen", func() bool { return s.Stats().Refused == 1 })
	if _, err := raw(t, nc, direct, "1 chunk "+someID+" 1", []byte{1}); !errors.Is(err, ErrProtocol) {
		t.Errorf("same chunk with another inbox: want ErrProtocol, have %v", err)
	}
	close(release)
	msg, err := answers.NextMsg(10 * time.Second)
	if err != nil || string(msg.Data) != "done" {
		t.Errorf("first answer: want the reply, have %v, %v", msg, err)
	}
}

// TestFloodOfAnnouncements admits no more than MaxHeld, and nothing is
// allocated for what has not come.
func TestFloodOfAnnouncements(t *testing.T) {
	srv := startNATS(t, -1, 0)
	s := serve(t, connect(t, srv), Config{MaxMessage: 4 * mib, MaxHeld: 10 * mib, HoldFor: time.Minute}, echo)
	nc := connect(t, srv)
	admitted := 0
	for i := range 50 {
		_, err := raw(t, nc, subject, fmt.Sprintf("1 announce %032x %d %d", i, 4*mib-i*7, 64<<10), nil)
		switch {
		case err == nil:
			admitted++
		case !errors.Is(err, ErrBusy):
			t.Fatalf("announcement %d: want ErrBusy, have %v", i, err)
		}
	}
	if st := s.Stats(); admitted != 2 || st.HeldBytes > 10*mib || st.Busy != 48 {
		t.Errorf("want 2 of 50 admitted within 10 MiB, have %d, %+v", admitted, st)
	}
	s.ledger.mu.Lock()
	for _, u := range s.ledger.mu.uploads {
		if cap(u.whole.buf) != 0 {
			t.Errorf("want no buffer before the first chunk, have %d bytes", cap(u.whole.buf))
		}
	}
	s.ledger.mu.Unlock()
	if uploads, _ := s.ledger.expire(time.Now().Add(2 * time.Minute)); uploads != 2 {
		t.Errorf("want 2 expired, have %d", uploads)
	}
	if st := s.Stats(); st.HeldBytes != 0 {
		t.Errorf("want nothing held after HoldFor, have %+v", st)
	}
}

// TestSweep lets the running server expire what nobody goes on with.
func TestSweep(t *testing.T) {
	srv := startNATS(t, -1, 0)
	s := serve(t, connect(t, srv), Config{HoldFor: 5 * time.Millisecond}, func(context.Context, string, []byte) []byte { return make([]byte, 2*mib) })
	nc := connect(t, srv)
	if _, err := raw(t, nc, subject, fmt.Sprintf("1 announce %s 100000 4096", someID), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := nc.Request(subject, nil, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both are freed and counted", func() bool {
		st := s.Stats()
		return st.HeldBytes == 0 && st.ExpiredUploads == 1 && st.DroppedReplies == 1
	})
}

// TestHostileServer answers a Caller with nonsense: each gives an error.
func TestHostileServer(t *testing.T) {
	srv := startNATS(t, -1, 0)
	nc := connect(t, srv)
	var value func(id string) string
	var body []byte
	if _, err := nc.Subscribe(subject, func(msg *nats.Msg) {
		id := someID
		if f, present, _ := parseFrame(msg.Header); present {
			id = fmt.Sprintf("%x", f.id)
		}
		_ = msg.RespondMsg(&nats.Msg{Data: body, Header: nats.Header{Header: {value(id)}}})
	}); err != nil {
		t.Fatal(err)
	}
	c := NewCaller(nc, Config{MaxMessage: 8 * mib})
	for _, test := range []struct {
		size  int
		value string
		want  error
	}{
		{2 * mib, "1 accept ID 0 " + direct, ErrProtocol},
		{2 * mib, "1 accept ID 99999999 " + direct, ErrProtocol},
		{2 * mib, "1 accept ID 4096 a.*", ErrProtocol},
		{2 * mib, "1 accept ID 4096 " + strings.Repeat("a", 300), ErrProtocol},
		{2 * mib, "1 accept " + someID + " 4096 " + direct, ErrProtocol},
		{2 * mib, "1 accept ID 4096 nobody.here", ErrExpired},
		{2 * mib, "1 ack ID 0", ErrProtocol},
		{2 * mib, "1 error busy no room", ErrBusy},
		{2 * mib, "1 error new-code later version", ErrProtocol},
		{1, "1 parked ID 99999999 4096 " + direct, ErrTooLarge},
		{1, "1 parked ID 8000000 1 " + direct, ErrProtocol},
		{1, "1 parked ID 8000000 4096 " + direct, ErrProtocol}, // First chunk missing.
		{1, "1 parked ID 100 4096 " + direct, ErrProtocol},
		{1, "1 parked ID -100 4096 " + direct, ErrProtocol},
		{1, "1 ack ID 0", ErrProtocol},
	} {
		value = func(id string) string { return strings.Replace(test.value, "ID", id, 1) }
		_, err := c.Request(within(t, 10*time.Second), subject, make([]byte, test.size))
		if !errors.Is(err, test.want) {
			t.Errorf("%q: want %v, have %v", test.value, test.want, err)
		}
	}
	if _, err := nc.Subscribe("plain", func(msg *nats.Msg) { _ = msg.Respond([]byte("hello")) }); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Request(within(t, 10*time.Second), "plain", make([]byte, 2*mib)); !errors.Is(err, ErrProtocol) {
		t.Errorf("announcement to a plain responder: want ErrProtocol, have %v", err)
	}
}

// TestLedgerTime checks HoldFor since the last progress and ten times that in all.
func TestLedgerTime(t *testing.T) {
	l := newLedger(10*mib, time.Second)
	start := time.Unix(1000, 0)
	u := &upload{id: transferID{1}, whole: newAssembly(40*minChunk, minChunk), cost: 100}
	if err := l.open(u, start); err != nil {
		t.Fatal(err)
	}
	now := start
	for i := range 12 { // Progress every 0.9 s keeps it, up to 10 s.
		now = start.Add(time.Duration(i) * 900 * time.Millisecond)
		if n, _ := l.expire(now); n != 0 {
			t.Fatalf("at %s: have %d expired", now.Sub(start), n)
		}
		if _, _, err := l.put(u.id, i, make([]byte, minChunk), "", now); err != nil {
			t.Fatalf("at %s: %v", now.Sub(start), err)
		}
	}
	if n, _ := l.expire(start.Add(10*time.Second + 1)); n != 1 {
		t.Errorf("ten times HoldFor: want it expired, have %d", n)
	}
	id, err := l.park(make([]byte, 4*minChunk), minChunk, start)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.part(id, 1, start.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.part(id, 1, start.Add(1900*time.Millisecond)); err != nil { // Again: no progress.
		t.Fatal(err)
	}
	if _, n := l.expire(start.Add(2 * time.Second)); n != 0 {
		t.Errorf("1 s after progress: want it kept, have %d expired", n)
	}
	if _, n := l.expire(start.Add(2*time.Second + 1)); n != 1 {
		t.Errorf("over 1 s after progress: want it expired, have %d", n)
	}
	if bytes, _, _ := l.held(); bytes != 0 {
		t.Errorf("want nothing held, have %d", bytes)
	}
}

// TestAssemblyOrder puts chunks in any order the window allows and follows the
// buffer's growth.
func TestAssemblyOrder(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		total, size := 1+rnd.IntN(300_000), minChunk+rnd.IntN(3000)
		data := content(seed, total)
		a := newAssembly(total, size)
		var pending []int
		for next := 0; !a.full(); {
			for len(pending) < 1+rnd.IntN(maxWindow) && next < chunks(total, size) {
				pending = append(pending, next)
				next++
			}
			i := rnd.IntN(len(pending))
			from, to, _ := span(total, size, pending[i])
			// A Caller never has more than maxWindow open, counted from the oldest.
			if pending[i]-slices.Min(pending) >= maxWindow {
				continue
			}
			if err := a.put(pending[i], data[from:to]); err != nil {
				t.Fatalf("seed %d, chunk %d: %v", seed, pending[i], err)
			}
			if limit := 2 * (a.seen.count + maxWindow) * size; cap(a.buf) > min(total, limit) {
				t.Fatalf("seed %d: %d chunks have come and the buffer is %d bytes", seed, a.seen.count, cap(a.buf))
			}
			pending = slices.Delete(pending, i, i+1)
		}
		mustEqual(t, fmt.Sprintf("seed %d", seed), data, a.buf)
	}
}

// FuzzFrame takes any header value: no panic, and what is accepted means the
// same after another trip.
func FuzzFrame(f *testing.F) {
	for _, v := range []string{
		"1 announce " + someID + " 100000 4096", "1 accept " + someID + " 4096 a.b.c", "1 chunk " + someID + " 7",
		"1 ack " + someID + " 7", "1 parked " + someID + " 100000 4096 a.b", "1 pull " + someID + " 3",
		"1 part " + someID + " 3 and a later field", "1 drop " + someID, "1 error busy no room\x00", "2 drop", "", " ", "1 ",
	} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, value string) {
		have, present, err := parseFrame(nats.Header{Header: {value}})
		if !present {
			t.Fatalf("%q: want it present", value)
		}
		if err != nil {
			if !errors.Is(err, ErrProtocol) {
				t.Fatalf("%q: want ErrProtocol, have %v", value, err)
			}
			return
		}
		if have.total < 0 || have.size < 0 || have.index < 0 {
			t.Fatalf("%q: negative: %+v", value, have)
		}
		again, _, err := parseFrame(nats.Header{Header: {have.value()}})
		have.text = cleanText(have.text)
		if err != nil || again != have {
			t.Fatalf("%q: want %+v, have %+v, %v", value, have, again, err)
		}
	})
}

// TestHeadroom makes sure that the longest header fits into what is left for it.
func TestHeadroom(t *testing.T) {
	longest := frame{verb: parked, total: 1<<31 - 1, size: 1<<31 - 1, direct: strings.Repeat("d", maxDirect)}
	text := frame{verb: refusal, code: "too-large", text: strings.Repeat("x", 1000)}
	for _, f := range []frame{longest, text} {
		if n := len("NATS/1.0\r\n" + Header + ": " + f.value() + "\r\n\r\n"); n > headroom {
			t.Errorf("%s: header of %d bytes, headroom is %d", f.verb, n, headroom)
		}
	}
}

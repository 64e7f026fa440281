package natslink

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/atollcache/atoll/sync/bulk"
	"github.com/atollcache/atoll/sync/bulk/natstest"
)

// What was queued for a node before an announcement must not arrive before it. The
// measure is bytes, not time: how many reached the node while the announcement was
// on its way.
func TestAnnouncementsOvertakeBulk(t *testing.T) {
	srv := startNATS(t, -1, 0)
	path := newProxy(t, srv.Addr().String(), width)
	shared := bytesAhead(t, path, srv.ClientURL(), path.url(), false)
	separate := bytesAhead(t, path, srv.ClientURL(), path.url(), true)
	middle := func(s []int64) int64 { return s[len(s)/2] }
	t.Logf("bytes ahead of an announcement: one connection %d in the middle and %d at most, three %d and %d",
		middle(shared), shared[len(shared)-1], middle(separate), separate[len(separate)-1])
	if have := middle(shared); have < 2<<20 {
		t.Errorf("one connection: want at least 2 MiB ahead, or this test shows nothing; have %d", have)
	}
	if have, limit := middle(separate), middle(shared)/4; have > limit {
		t.Errorf("three connections: want at most %d bytes ahead of an announcement, have %d", limit, have)
	}
}

// What is pulled, and how many bytes a second the path takes.
const (
	answers = 4
	size    = 8 << 20
	width   = 40 << 20
)

// bytesAhead lets the second of two nodes pull large answers from the first over a
// narrow path while announcements come, and returns for each of these, sorted, how
// many bytes came in between.
func bytesAhead(t *testing.T, path *proxy, first, second string, separate bool) []int64 {
	t.Helper()
	var mu sync.Mutex // guards sent, ahead and order
	sent, ahead, order := map[string]int64{}, []int64{}, []string{}
	from := receiver{answer: func(msg []byte) []byte { return content(len(msg) * size) }}
	to := receiver{hears: func(msg string) {
		mu.Lock()
		defer mu.Unlock()
		if msg == "hello" {
			return
		}
		ahead, order = append(ahead, path.toClient.Load()-sent[msg]), append(order, msg)
	}}
	a := startLinked(t, first, separate, 1, &from)
	b := startLinked(t, second, separate, 2, &to)
	defer a.Close()
	defer b.Close()
	eventually(t, "the way to be known", func() bool {
		_, err := b.Ask(t.Context(), 1, nil)
		return err == nil
	})
	eventually(t, "the way back to be known", func() bool {
		return a.Announce([]byte("hello")) == nil && len(to.heard()) > 0
	})
	before := path.toClient.Load()

	done := make(chan error, answers)
	for range answers {
		go func() {
			answer, err := b.Call(within(t, 60*time.Second), 1, []byte{1})
			if err == nil && len(answer) != size {
				err = fmt.Errorf("want %d bytes, have %d", size, len(answer))
			}
			done <- err
		}()
	}
	eventually(t, "answers to stream", func() bool { return path.toClient.Load() > before+1<<20 })
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var said []string
	for left := answers; left > 0; {
		select {
		case err := <-done:
			if err != nil {
				t.Fatalf("separate %v: %v", separate, err)
			}
			left--
		case <-tick.C:
			msg := fmt.Sprint(len(said))
			said = append(said, msg)
			mu.Lock()
			sent[msg] = path.toClient.Load()
			mu.Unlock()
			if err := a.Announce([]byte(msg)); err != nil {
				t.Fatalf("separate %v: announce: %v", separate, err)
			}
		}
	}
	eventually(t, "every announcement", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(order) == len(said)
	})
	if !slices.Equal(order, said) || len(said) < 10 {
		t.Fatalf("separate %v: want 10 announcements or more, in order, have %v", separate, order)
	}
	slices.Sort(ahead)
	return ahead
}

// startLinked starts a link on one connection or on three.
func startLinked(t *testing.T, url string, separate bool, id int, r *receiver) *Link {
	t.Helper()
	cfg := Config{
		Cluster: "test", Region: fmt.Sprintf("r%d", id), Replica: crdtID(id), Partitions: 16,
		Bulk: bulk.Config{ChunkTimeout: time.Minute, HoldFor: time.Minute}, // The machine may have much else to do.
	}
	if separate {
		cfg.ControlConn, cfg.BulkConn = connect(t, url), connect(t, url)
	}
	return startWith(t, connect(t, url), cfg, r)
}

// An announcement and a delta arrive while an answer that was asked for before
// stands still.
func TestAnnouncementPassesBulkThatStandsStill(t *testing.T) {
	srv := startNATS(t, -1, 0)
	paths := pathsTo(t, srv)
	asked := make(chan struct{})
	a := newParty(t, 1, func(string) string { return srv.ClientURL() }, func([]byte) []byte {
		paths["bulk"].stop()
		close(asked)
		return content(32 << 20)
	})
	b := newParty(t, 2, func(kind string) string { return paths[kind].url() }, nil)
	done := make(chan error, 1)
	go func() {
		answer, err := b.Call(within(t, 60*time.Second), 1, []byte("all"))
		if err == nil && len(answer) != 32<<20 {
			err = fmt.Errorf("want 32 MiB, have %d bytes", len(answer))
		}
		done <- err
	}()
	<-asked
	mustTalk(t, "bulk stands still", "control", a, b)
	mustTalk(t, "bulk stands still", "data", a, b)
	select {
	case err := <-done:
		t.Fatalf("want the answer to stand still, have it: %v", err)
	default:
	}
	paths["bulk"].resume()
	if err := <-done; err != nil {
		t.Fatalf("bulk goes on: %v", err)
	}
}

// Between servers all goes over one connection, so there the bytes that are in
// flight are what an announcement waits behind.
func TestBulkIsBoundedBetweenServers(t *testing.T) {
	hub := natstest.StartHub(t, 0)
	path := newProxy(t, natstest.LeafAddr(t, hub), width)
	leaf := natstest.StartLeaf(t, path.addr(), 0)
	ahead := bytesAhead(t, path, hub.ClientURL(), leaf.ClientURL(), true)
	first := int64(answers) << 20 // The first chunk of each comes unasked.
	if have, limit := ahead[len(ahead)-1], int64(bulk.DefaultConfig().WindowBytes)+first+2<<20; have > limit {
		t.Errorf("want at most %d bytes ahead of an announcement, have %d in the middle and %d", limit, ahead[len(ahead)/2], have)
	}
}

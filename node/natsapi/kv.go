package natsapi

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/atollcache/atoll/node/wire"
)

// ServiceName is the name under which nodes are found: nats micro info atoll.
const ServiceName = "atoll"

// The keys of the service's metadata.
const (
	MetaCluster    = "cluster"
	MetaRegion     = "region"
	MetaNode       = "node"
	MetaPartitions = "partitions"
)

// kvServer is the kv API: the part of a Server behind the micro service.
type kvServer struct {
	s      *Server
	ctx    context.Context // of all requests; ends in close
	cancel context.CancelFunc
	counts map[string]*verbCounters // by verb; never changed

	mu struct {
		sync.Mutex
		requests, bytes int
		closed          bool
	}
	running sync.WaitGroup
}

func newKVServer(s *Server) *kvServer {
	k := &kvServer{s: s, counts: map[string]*verbCounters{}}
	k.ctx, k.cancel = context.WithCancel(context.Background())
	for _, v := range verbs {
		k.counts[v.name] = &verbCounters{}
	}
	return k
}

// register adds the micro service with one endpoint for each verb.
func (k *kvServer) register() (micro.Service, error) {
	service, err := micro.AddService(k.s.nc, micro.Config{
		Name:        ServiceName,
		Version:     k.s.cfg.Version,
		Description: "Atoll, a multi-region cache: plain key-value requests on " + k.s.subjects.KVWildcard("<verb>"),
		QueueGroup:  k.s.cfg.Region,
		Metadata: map[string]string{
			MetaCluster: k.s.cfg.Cluster, MetaRegion: k.s.cfg.Region, MetaNode: k.s.cfg.Node,
			MetaPartitions: strconv.Itoa(k.s.cfg.Partitions.Count()),
		},
		StatsHandler: k.verbStats,
	})
	if err != nil {
		return nil, fmt.Errorf("add service: %w", err)
	}
	for _, v := range verbs {
		err := service.AddEndpoint(v.name, micro.HandlerFunc(func(req micro.Request) { k.serve(v, req) }),
			micro.WithEndpointSubject(k.s.subjects.KVWildcard(v.name)),
			micro.WithEndpointMetadata(map[string]string{"body": v.body, "reply": v.reply}),
			micro.WithEndpointPendingLimits(k.s.cfg.Pending, k.s.cfg.PendingBytes))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("add endpoint %s: %w", v.name, err), service.Stop())
		}
	}
	return service, nil
}

// serve takes one request and hands it to a goroutine: the handlers of an
// endpoint run one after the other.
func (k *kvServer) serve(v verb, req micro.Request) {
	began, size := time.Now(), len(req.Data())
	k.s.count.kv.Add(1)
	k.counts[v.name].requests.Add(1)
	if err := k.begin(size); err != nil {
		k.s.count.kvRefused.Add(1)
		k.fail(v, req, err)
		return
	}
	go func() {
		defer k.end(size)
		k.answer(v, req)
		k.counts[v.name].nanos.Add(uint64(time.Since(began)))
	}()
}

// begin takes a place for a request, or says why there is none.
func (k *kvServer) begin(size int) error {
	l := &k.mu
	l.Lock()
	defer l.Unlock()
	switch {
	case l.closed:
		return &wire.Error{Code: wire.CodeUnavailable, Text: fmt.Sprintf("ERR node %s is stopping, ask again", k.s.cfg.Node)}
	case l.requests >= k.s.cfg.Running:
		return &wire.Error{Code: wire.CodeOverload, Text: fmt.Sprintf("ERR node %s runs %d requests, which is its limit; try again later", k.s.cfg.Node, l.requests)}
	case l.bytes > 0 && l.bytes+size > k.s.cfg.RunningBytes:
		return &wire.Error{Code: wire.CodeOverload, Text: fmt.Sprintf("ERR node %s works on %d bytes of requests, its limit is %d; try again later", k.s.cfg.Node, l.bytes, k.s.cfg.RunningBytes)}
	}
	l.requests++
	l.bytes += size
	k.running.Add(1) // Under the lock, so that close waits for it.
	return nil
}

func (k *kvServer) end(size int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.mu.requests--
	k.mu.bytes -= size
	k.running.Done()
}

// load returns how many requests run, and their bytes.
func (k *kvServer) load() (requests, bytes int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.mu.requests, k.mu.bytes
}

// close refuses further requests and waits for those that run; when ctx ends,
// their context ends too.
func (k *kvServer) close(ctx context.Context) {
	k.mu.Lock()
	k.mu.closed = true
	k.mu.Unlock()
	stop := context.AfterFunc(ctx, k.cancel)
	k.running.Wait()
	stop()
	k.cancel()
}

// answer runs one request.
func (k *kvServer) answer(v verb, req micro.Request) {
	r, err := k.read(v, req)
	if err != nil {
		k.fail(v, req, err)
		return
	}
	cmd := wire.Command{Request: r.request, After: r.after}
	if cmd.Args, err = v.command(r); err != nil {
		k.fail(v, req, err)
		return
	}
	reply := k.s.run(k.ctx, k.s.front, []wire.Command{cmd})[0]
	if reply.Type == wire.TypeError {
		k.fail(v, req, reply.Err)
		return
	}
	body, err := v.render(r, reply)
	if err != nil {
		k.fail(v, req, err)
		return
	}
	msg := k.message(req, body)
	if !reply.Wrote.IsZero() {
		msg.Header.Set(HeaderWrote, reply.Wrote.String())
	}
	k.send(v, req, msg)
}

// message returns a reply with the headers that every one has.
func (k *kvServer) message(req micro.Request, body []byte) *nats.Msg {
	return &nats.Msg{Subject: req.Reply(), Data: body, Header: nats.Header{
		HeaderRegion: {k.s.cfg.Region}, HeaderNode: {k.s.cfg.Node},
	}}
}

// send sends a reply, or an error in its place when it is too large.
func (k *kvServer) send(v verb, req micro.Request, msg *nats.Msg) {
	if msg.Subject == "" {
		return // A publish, not a request.
	}
	err := k.s.nc.PublishMsg(msg)
	if errors.Is(err, nats.ErrMaxPayload) && msg.Header.Get(micro.ErrorHeader) == "" {
		k.fail(v, req, &wire.Error{Code: wire.CodeTooLarge, Text: fmt.Sprintf(
			"ERR reply is %d bytes, a message of this NATS server holds %d with its headers; read it %sthrough the Go client, Redis's protocol or the atoll command, or raise max_payload",
			len(msg.Data), k.s.nc.MaxPayload(), v.instead)})
		return
	}
	if err != nil {
		k.s.count.kvFailed.Add(1)
	}
}

// fail answers with an error as NATS micro services do: in headers.
func (k *kvServer) fail(v verb, req micro.Request, err error) {
	e := wire.AsError(err)
	text := headerText(e.Text)
	k.s.count.kvErrors.Add(1)
	c := k.counts[v.name]
	c.errors.Add(1)
	c.last.Store(strconv.Itoa(int(e.Code)) + ": " + text)
	msg := k.message(req, nil)
	msg.Header.Set(micro.ErrorHeader, text)
	msg.Header.Set(micro.ErrorCodeHeader, strconv.Itoa(int(e.Code)))
	k.send(v, req, msg)
}

// headerText returns text cut and on one line of printable characters, so that
// it can stand in a header.
func headerText(text string) string {
	const limit = 1024
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return '?'
		}
		return r
	}, text)
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "") + "…"
	}
	return text
}

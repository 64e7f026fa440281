package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/node/client"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/natsapi"
	"github.com/atollcache/atoll/node/wire"
)

// How long a client waits for one operation, and for a read in its session, which
// in a region that is cut off cannot succeed.
const (
	callTimeout = 6 * time.Second
	readTimeout = 1500 * time.Millisecond
)

// timeout returns how long a client waits for an operation.
func (v verb) timeout() time.Duration {
	if v == get {
		return readTimeout
	}
	return callTimeout
}

// The ways to reach the cluster.
const (
	viaGo    = "go"
	viaPlain = "plain"
)

// session is what a client has seen. It may go on in another region, but not by
// another way.
type session struct {
	ctx   context.Context   // of the Go client
	after map[string]string // of the plain one: the last token of each key
}

func newSession() *session {
	return &session{ctx: command.WithSession(context.Background()), after: map[string]string{}}
}

// caller is a client in a region.
type caller interface {
	// run does an operation in a session and returns what it read and how it went.
	// It blocks for at most the verb's timeout and a little.
	run(s *session, r *record) (string, error)
	// dump returns the fields of a hash, or the members of a set with empty values.
	dump(key string, hash bool) (map[string]string, error)
	close()
}

// connect returns a NATS connection that outlives everything that is done to
// servers.
func connect(url, name string) (*nats.Conn, error) {
	return nats.Connect(url, nats.Name(name), nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond),
		nats.ReconnectJitter(50*time.Millisecond, 0), nats.PingInterval(2*time.Second), nats.Timeout(5*time.Second),
		nats.ReconnectBufSize(-1), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
}

// dial returns a caller of a region.
func dial(via, url, region, name string) (caller, error) {
	nc, err := connect(url, name)
	if err != nil {
		return nil, err
	}
	if via == viaPlain {
		return &plainCaller{nc: nc, prefix: "atoll." + clusterName + "." + region + ".kv."}, nil
	}
	c, err := client.New(nc, client.WithCluster(clusterName), client.WithRegion(region))
	if err != nil {
		nc.Close()
		return nil, err
	}
	return &goCaller{nc: nc, client: c}, nil
}

// goCaller uses the Go client.
type goCaller struct {
	nc     *nats.Conn
	client *client.Client
}

func (c *goCaller) close() {
	_ = c.client.Close()
	c.nc.Close()
}

func (c *goCaller) run(s *session, r *record) (string, error) {
	ctx, cancel := context.WithTimeout(s.ctx, r.Verb.timeout())
	defer cancel()
	var err error
	read := ""
	switch r.Verb {
	case incr:
		_, err = c.client.Incr(ctx, r.Key, r.N)
	case once:
		_, err = c.client.HIncr(ctx, r.Key, r.Field, 1)
	case sadd:
		_, err = c.client.SAdd(ctx, r.Key, r.Field)
	case srem:
		_, err = c.client.SRem(ctx, r.Key, r.Field)
	case hset:
		_, err = c.client.HSet(ctx, r.Key, command.Field{Name: r.Field, Value: r.Value})
	case hdel:
		_, err = c.client.HDel(ctx, r.Key, r.Field)
	case set:
		_, err = c.client.Set(ctx, r.Key, cmp.Or(r.body, r.Value))
	case get:
		read, _, err = c.client.Get(ctx, r.Key)
	default:
		err = fmt.Errorf("the Go client is not used for %s", r.Verb)
	}
	return read, err
}

func (c *goCaller) dump(key string, hash bool) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	if hash {
		return c.client.HGetAll(ctx, key)
	}
	members, err := c.client.SMembers(ctx, key)
	return asKeys(members), err
}

func asKeys(members []string) map[string]string {
	m := map[string]string{}
	for _, name := range members {
		m[name] = ""
	}
	return m
}

// plainCaller uses a NATS connection and what natsapi's README says. Keys here have
// no byte that a subject would have to spell in another way.
type plainCaller struct {
	nc     *nats.Conn
	prefix string
}

func (c *plainCaller) close() { c.nc.Close() }

// attempts is how often the plain client sends an operation, each time for a share
// of its timeout.
const attempts = 3

// errService is an error reply of the service.
type errService struct {
	code int
	text string
}

func (e *errService) Error() string { return fmt.Sprintf("%d %s", e.code, e.text) }

func (c *plainCaller) run(s *session, r *record) (string, error) {
	m := nats.NewMsg(c.prefix + verbNames[r.Verb] + "." + r.Key)
	switch r.Verb {
	case incr:
		m.Data = []byte(strconv.FormatInt(r.N, 10))
	case once:
		m.Data = []byte(`{"` + r.Field + `": 1}`)
	case sadd, srem, hdel:
		m.Data = []byte(r.Field)
	case hset:
		m.Data = []byte(r.Value)
		m.Header.Set(natsapi.HeaderField, r.Field)
	case set:
		m.Data = []byte(r.Value)
	}
	if after := s.after[r.Key]; after != "" {
		m.Header.Set(natsapi.HeaderAfter, after)
	}
	if r.Verb == incr || r.Verb == once {
		m.Header.Set(natsapi.HeaderRequest, strconv.FormatUint(rand.Uint64()|1, 10))
	}
	reply, err := c.retry(m, r.Verb.timeout())
	if err != nil {
		return "", err
	}
	if wrote := reply.Header.Get(natsapi.HeaderWrote); wrote != "" {
		s.after[r.Key] = wrote
	}
	return string(reply.Data), nil
}

// verbNames are the verbs of the kv API.
var verbNames = map[verb]string{
	incr: "incr", once: "hincrby", sadd: "sadd", srem: "srem", hset: "hset", hdel: "hdel", set: "set", get: "get",
}

// retry sends a request, and sends it again when it is not known whether it has
// been run, as the README advises.
func (c *plainCaller) retry(m *nats.Msg, timeout time.Duration) (reply *nats.Msg, err error) {
	maybe := false
	for range attempts {
		reply, err = c.request(m, timeout/attempts)
		switch outcomeOf(err) {
		case acked, broken:
			return reply, err
		case unknown:
			maybe = true
		}
	}
	if maybe && outcomeOf(err) == refused {
		err = fmt.Errorf("%w, after %w", err, nats.ErrTimeout) // An earlier attempt may have been run.
	}
	return reply, err
}

func (c *plainCaller) request(m *nats.Msg, timeout time.Duration) (*nats.Msg, error) {
	reply, err := c.nc.RequestMsg(m, timeout)
	if err != nil {
		return nil, err
	}
	if text := reply.Header.Get("Nats-Service-Error-Code"); text != "" {
		code, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("error code: %w", err)
		}
		if code == 404 {
			return nats.NewMsg(""), nil
		}
		return nil, &errService{code, reply.Header.Get("Nats-Service-Error")}
	}
	return reply, nil
}

func (c *plainCaller) dump(key string, hash bool) (map[string]string, error) {
	name := "smembers"
	if hash {
		name = "hgetall"
	}
	reply, err := c.retry(nats.NewMsg(c.prefix+name+"."+key), callTimeout)
	if err != nil {
		return nil, err
	}
	if hash {
		fields := map[string]string{}
		err := json.Unmarshal(reply.Data, &fields)
		return fields, err
	}
	var members []string
	if err := json.Unmarshal(reply.Data, &members); err != nil {
		return nil, err
	}
	return asKeys(members), nil
}

// outcomeOf says what an error means by the documents: those of command.API and
// client for a wire.Error, natsapi's README for an errService, nats.go's for
// those of a connection.
func outcomeOf(err error) outcome {
	var service *errService
	switch {
	case err == nil:
		return acked
	case errors.Is(err, wire.ErrTimeout), errors.Is(err, wire.ErrUnavailable), errors.Is(err, wire.ErrOverload),
		errors.Is(err, nats.ErrTimeout), errors.Is(err, nats.ErrDisconnected),
		errors.Is(err, nats.ErrConnectionReconnecting), errors.Is(err, context.DeadlineExceeded):
		return unknown
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, nats.ErrReconnectBufExceeded):
		return refused // Nobody has received it.
	case errors.As(err, &service) && (service.code == 429 || service.code == 503 || service.code == 504):
		return unknown
	}
	return broken
}

package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/atollcache/atoll/node/natsd"
)

// kvBucket is the bucket that is measured. It is deleted first.
const kvBucket = "atoll-bench"

// kvTarget is a bucket of NATS JetStream KV, in memory and with no replica. All
// callers share one connection, as those of Atoll's client do.
type kvTarget struct {
	conn   *nats.Conn
	bucket jetstream.KeyValue
	end    func() error
}

// NATSKV returns a bucket at a NATS server that has JetStream as a target.
func NATSKV(ctx context.Context, url string) (Target, error) {
	return dialKV(ctx, url, func() error { return nil })
}

func dialKV(ctx context.Context, url string, end func() error) (*kvTarget, error) {
	nc, err := nats.Connect(url, nats.Name("atoll bench"))
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", url, err)
	}
	t := &kvTarget{conn: nc, end: end}
	if t.bucket, err = newBucket(ctx, nc); err != nil {
		nc.Close()
		return nil, fmt.Errorf("make bucket %s: %w", kvBucket, err)
	}
	return t, nil
}

// newBucket makes the bucket, empty.
func newBucket(ctx context.Context, nc *nats.Conn) (jetstream.KeyValue, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	if err := js.DeleteKeyValue(ctx, kvBucket); err != nil && !errors.Is(err, jetstream.ErrBucketNotFound) {
		return nil, err
	}
	return js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: kvBucket, Storage: jetstream.MemoryStorage, History: 1})
}

// Name implements Target.
func (*kvTarget) Name() string { return "NATS KV" }

// Connect implements Target.
func (t *kvTarget) Connect(context.Context) (Conn, error) { return kvConn{t.bucket}, nil }

// Close implements Target.
func (t *kvTarget) Close() error {
	t.conn.Close()
	return t.end()
}

// limits implements limited: a call is one operation, and a time to live is the
// bucket's, not the key's.
func (*kvTarget) limits() (depth int, expiry bool) { return 1, false }

// kvConn is one caller.
type kvConn struct{ bucket jetstream.KeyValue }

// Close implements Conn.
func (kvConn) Close() error { return nil }

// Do implements Conn: one operation after the other.
func (c kvConn) Do(ctx context.Context, ops []Op) (misses int, err error) {
	for i := range ops {
		missed, err := c.one(ctx, &ops[i])
		if err != nil {
			return misses, fmt.Errorf("NATS KV: %s %s: %w", ops[i].Kind, ops[i].Key, err)
		}
		if missed {
			misses++
		}
	}
	return misses, nil
}

func (c kvConn) one(ctx context.Context, op *Op) (missed bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	switch op.Kind {
	case Get:
		_, err = c.bucket.Get(ctx, op.Key)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			return true, nil
		}
	case Set:
		_, err = c.bucket.PutString(ctx, op.Key, op.Value)
	case Add:
		if _, err = c.bucket.Create(ctx, op.Key, []byte(op.Value)); errors.Is(err, jetstream.ErrKeyExists) {
			err = nil
		}
	case Del:
		err = c.bucket.Delete(ctx, op.Key)
	default:
		err = ErrUnsupported
	}
	return false, err
}

// startKVServer starts a NATS server with JetStream in memory in this process. Stop
// ends it and removes what it has written.
func startKVServer() (s *natsd.Server, stop func() error, err error) {
	dir, err := os.MkdirTemp("", "atoll-bench")
	if err != nil {
		return nil, nil, err
	}
	config := filepath.Join(dir, "nats.conf")
	// The directory is for what JetStream notes about its streams; these are in memory.
	text := fmt.Sprintf("jetstream { store_dir: %q, max_memory_store: 64GB }\n", filepath.ToSlash(filepath.Join(dir, "js")))
	if err = os.WriteFile(config, []byte(text), 0o600); err == nil {
		s, err = natsd.Start(natsd.Options{Name: "atoll-bench", Port: -1, ConfigFile: config})
	}
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), stopWait)
		defer cancel()
		return errors.Join(s.Shutdown(ctx), os.RemoveAll(dir))
	}, nil
}

// ServeKV runs a NATS server with JetStream in memory until ctx ends. It calls ready
// with its URL.
func ServeKV(ctx context.Context, ready func(url string) error) error {
	s, stop, err := startKVServer()
	if err != nil {
		return err
	}
	if err := ready(s.ClientURL()); err != nil {
		return errors.Join(err, stop())
	}
	<-ctx.Done()
	return stop()
}

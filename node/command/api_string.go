package command

import (
	"context"
	"strconv"
	"time"

	"github.com/atollcache/atoll/crdt"
)

// SetOption changes what Set does.
type SetOption func(*setOptions)

type setOptions struct {
	expiry    []string // PX or PXAT and its argument
	condition []string // NX or XX
	err       error
}

func (o *setOptions) expire(args ...string) {
	if o.expiry != nil {
		o.err = ErrSyntax
	}
	o.expiry = args
}

func (o *setOptions) only(condition string) {
	if o.condition != nil && o.condition[0] != condition {
		o.err = ErrSyntax
	}
	o.condition = []string{condition}
}

// TTL lets the key expire after a time, which must be more than zero. It
// excludes ExpireAt.
func TTL(ttl time.Duration) SetOption {
	return func(o *setOptions) { o.expire("PX", millis(ttl)) }
}

// ExpireAt lets the key expire at a moment after 1970, of which whole
// milliseconds count. With a moment that has passed the key is gone at once. It
// excludes TTL.
func ExpireAt(at time.Time) SetOption {
	return func(o *setOptions) { o.expire("PXAT", strconv.FormatInt(at.UnixMilli(), 10)) }
}

// IfAbsent sets only a key that does not exist. It excludes IfPresent. The owner
// of the key in this region decides, from what it has seen: two regions, or two
// nodes while a region disagrees about who the owner is, can both be told yes.
// It is not a lock.
func IfAbsent() SetOption { return func(o *setOptions) { o.only("NX") } }

// IfPresent sets only a key that exists, as far as its owner in this region has
// seen. It excludes IfAbsent.
func IfPresent() SetOption { return func(o *setOptions) { o.only("XX") } }

func setCall(key, value string, opts []SetOption) call[bool] {
	var o setOptions
	for _, opt := range opts {
		opt(&o)
	}
	c := newCall(asDone, append(append([]string{"SET", key, value}, o.expiry...), o.condition...)...)
	c.err = o.err
	return c
}

// Pair is a key and the string to set it to.
type Pair struct {
	Key, Value string
}

func getCall(key string) call[Value] { return newCall(asValue, "GET", key) }

func incrCall(key string, by int64) call[int64] {
	return newCall(asInt64, "INCRBY", key, strconv.FormatInt(by, 10))
}

func incrFloatCall(key string, by float64) call[float64] {
	return newCall(asFloat, "INCRBYFLOAT", key, crdt.FormatFloat(by))
}

func mgetCall(keys []string) call[[]Value] {
	return newCallIf(len(keys), asListOf(len(keys), asValue), append([]string{"MGET"}, keys...)...)
}

func msetCall(pairs []Pair) call[struct{}] {
	args := make([]string, 1, 1+2*len(pairs))
	args[0] = "MSET"
	for _, p := range pairs {
		args = append(args, p.Key, p.Value)
	}
	return newCallIf(len(pairs), asOK, args...)
}

// Get returns a string, and false if there is no such key. A number that has
// been incremented is returned as text.
func (a *API) Get(ctx context.Context, key string) (value string, ok bool, err error) {
	if value, ok, done := a.glance(ctx, crdt.KindString, key, ""); done {
		return value, ok, nil
	}
	v, err := run(ctx, a, getCall(key))
	return v.Text, v.OK, err
}

// Set replaces a key, whatever its kind, by a string that does not expire unless
// an option says so. It reports whether it did, which is always so without
// IfAbsent and IfPresent. Of concurrent Sets the last by the cluster's clock
// shows everywhere; increments that the winner had not seen are added to it.
func (a *API) Set(ctx context.Context, key, value string, opts ...SetOption) (done bool, err error) {
	if len(opts) == 0 && a.direct != nil && sessionOf(ctx) == nil {
		if done, err := a.direct.Put(key, value); done {
			return err == nil, err
		}
	}
	return run(ctx, a, setCall(key, value, opts))
}

// Incr adds to a key's integer and returns the sum as this region sees it. A key
// that does not exist counts from zero. Concurrent increments, wherever made,
// all count.
func (a *API) Incr(ctx context.Context, key string, by int64) (int64, error) {
	return run(ctx, a, incrCall(key, by))
}

// IncrFloat is [API.Incr] for any finite number. Get returns all of a sum's
// digits.
func (a *API) IncrFloat(ctx context.Context, key string, by float64) (float64, error) {
	return run(ctx, a, incrFloatCall(key, by))
}

// MGet returns the strings of keys, in their order. Keys of other kinds have
// none. The keys are read one by one, not at one moment.
func (a *API) MGet(ctx context.Context, keys ...string) ([]Value, error) {
	return run(ctx, a, mgetCall(keys))
}

// MSet sets strings, each as Set does. There is no atomicity over keys: others
// may see some before the rest, and an error says how many parts were done.
func (a *API) MSet(ctx context.Context, pairs ...Pair) error {
	_, err := run(ctx, a, msetCall(pairs))
	return err
}

// Get collects [API.Get].
func (b *Batch) Get(key string) *Future[Value] { return add(b, getCall(key)) }

// Set collects [API.Set].
func (b *Batch) Set(key, value string, opts ...SetOption) *Future[bool] {
	return add(b, setCall(key, value, opts))
}

// Incr collects [API.Incr].
func (b *Batch) Incr(key string, by int64) *Future[int64] { return add(b, incrCall(key, by)) }

// IncrFloat collects [API.IncrFloat].
func (b *Batch) IncrFloat(key string, by float64) *Future[float64] {
	return add(b, incrFloatCall(key, by))
}

// MGet collects [API.MGet].
func (b *Batch) MGet(keys ...string) *Future[[]Value] { return add(b, mgetCall(keys)) }

// MSet collects [API.MSet].
func (b *Batch) MSet(pairs ...Pair) *Future[struct{}] { return add(b, msetCall(pairs)) }

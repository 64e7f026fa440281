package command

import (
	"context"
	"strconv"
	"time"

	"github.com/atollcache/atoll/node/wire"
)

// State says whether a key expires.
type State uint8

// The states.
const (
	StateMissing State = iota // there is no such key
	StateStays                // the key does not expire
	StateExpires              // the key expires
)

// Expiry says when a key expires.
type Expiry struct {
	TTL   time.Duration // left, when State is StateExpires; whole milliseconds
	State State
}

func asExpiry(r wire.Reply) (Expiry, error) {
	ms, err := asInt64(r)
	switch {
	case err != nil || ms == missing:
		return Expiry{}, err
	case ms == noExpiry:
		return Expiry{State: StateStays}, nil
	}
	return Expiry{time.Duration(min(ms, maxDurationMillis)) * time.Millisecond, StateExpires}, nil
}

// maxDurationMillis is the longest time.Duration in milliseconds, 292 years.
const maxDurationMillis = int64(1<<63-1) / int64(time.Millisecond)

// The replies of PTTL and PEXPIRETIME that are no times.
const (
	noExpiry = -1
	missing  = -2
)

// millis returns a duration in milliseconds, rounded up, so that what has some
// time left is never cut to none.
func millis(d time.Duration) string {
	ms := d.Milliseconds()
	if d%time.Millisecond > 0 {
		ms++
	}
	return strconv.FormatInt(ms, 10)
}

func delCall(keys []string) call[int] {
	return newCallIf(len(keys), asInt, append([]string{"DEL"}, keys...)...)
}

func existsCall(keys []string) call[int] {
	return newCallIf(len(keys), asInt, append([]string{"EXISTS"}, keys...)...)
}

func typeCall(key string) call[string] { return newCall(asText, "TYPE", key) }

func expireCall(key string, ttl time.Duration) call[bool] {
	return newCall(asBool, "PEXPIRE", key, millis(ttl))
}

func expireAtCall(key string, at time.Time) call[bool] {
	return newCall(asBool, "PEXPIREAT", key, strconv.FormatInt(at.UnixMilli(), 10))
}

func ttlCall(key string) call[Expiry] { return newCall(asExpiry, "PTTL", key) }

func invalidateCall(keys []string) call[int] {
	return newCallIf(len(keys), asInt, append([]string{"INVALIDATE"}, keys...)...)
}

func persistCall(key string) call[bool] { return newCall(asBool, "PERSIST", key) }

// Del removes keys of any kind and returns how many existed. A removal takes
// what the node that runs it had seen: a write made concurrently in another
// region survives. With keys on several owners each is removed on its own, and
// an error says how many parts were done. After a retry the number can be too
// small.
func (a *API) Del(ctx context.Context, keys ...string) (int, error) {
	return run(ctx, a, delCall(keys))
}

// Invalidate removes keys of any kind and whatever was written to them before, in
// any region, whether it has been seen or not: a write that is still on its way goes
// too when it arrives. Only a counter that was counting on beside it stays whole. It
// returns how many existed here. As for several keys, see [API.Del]; a retry
// removes what was written up to then.
func (a *API) Invalidate(ctx context.Context, keys ...string) (int, error) {
	return run(ctx, a, invalidateCall(keys))
}

// Exists returns how many of the keys exist, each counted as often as it is
// named.
func (a *API) Exists(ctx context.Context, keys ...string) (int, error) {
	return run(ctx, a, existsCall(keys))
}

// Type returns the kind of a key's value: "none", "string", "hash", "set" or
// "zset". Of kinds written concurrently the one written last shows everywhere;
// the other is hidden.
func (a *API) Type(ctx context.Context, key string) (string, error) {
	return run(ctx, a, typeCall(key))
}

// Expire lets a key expire after a time and reports whether the key exists. The
// time is judged once, by the node that runs the command, and the key expires
// everywhere at that moment. Of concurrent expiries the longest counts. A time
// of zero or less removes the key, as Del does.
func (a *API) Expire(ctx context.Context, key string, ttl time.Duration) (bool, error) {
	return run(ctx, a, expireCall(key, ttl))
}

// ExpireAt is [API.Expire] with a moment, of which whole milliseconds count.
func (a *API) ExpireAt(ctx context.Context, key string, at time.Time) (bool, error) {
	return run(ctx, a, expireAtCall(key, at))
}

// TTL says how long a key still lives.
func (a *API) TTL(ctx context.Context, key string) (time.Duration, State, error) {
	x, err := run(ctx, a, ttlCall(key))
	return x.TTL, x.State, err
}

// Persist takes a key's expiry away and reports whether it had one. It counts as
// an expiry at no time at all, the longest there is.
func (a *API) Persist(ctx context.Context, key string) (bool, error) {
	return run(ctx, a, persistCall(key))
}

// Del collects [API.Del].
func (b *Batch) Del(keys ...string) *Future[int] { return add(b, delCall(keys)) }

// Invalidate collects [API.Invalidate].
func (b *Batch) Invalidate(keys ...string) *Future[int] { return add(b, invalidateCall(keys)) }

// Exists collects [API.Exists].
func (b *Batch) Exists(keys ...string) *Future[int] { return add(b, existsCall(keys)) }

// Type collects [API.Type].
func (b *Batch) Type(key string) *Future[string] { return add(b, typeCall(key)) }

// Expire collects [API.Expire].
func (b *Batch) Expire(key string, ttl time.Duration) *Future[bool] {
	return add(b, expireCall(key, ttl))
}

// ExpireAt collects [API.ExpireAt].
func (b *Batch) ExpireAt(key string, at time.Time) *Future[bool] {
	return add(b, expireAtCall(key, at))
}

// TTL collects [API.TTL].
func (b *Batch) TTL(key string) *Future[Expiry] { return add(b, ttlCall(key)) }

// Persist collects [API.Persist].
func (b *Batch) Persist(key string) *Future[bool] { return add(b, persistCall(key)) }

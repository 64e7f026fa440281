package command

import (
	"context"
	"time"

	"github.com/atollcache/atoll/node/wire"
)

// Found is what [API.Miss] has found.
type Found struct {
	Value string
	OK    bool // there is a value
	// Token is what to fill the key with, empty when it may not be filled now.
	Token string
	// Wait is, without a value and a token, how long somebody else who is loading the key
	// may take. Zero: nobody is.
	Wait time.Duration
}

func asLookup(r wire.Reply) (Found, error) {
	list, err := asList(r)
	if err != nil || len(list) != 3 {
		return Found{}, unexpected(r)
	}
	value, err := asValue(list[0])
	if err != nil {
		return Found{}, err
	}
	token, err := asValue(list[1])
	if err != nil {
		return Found{}, err
	}
	ms, err := asInt64(list[2])
	if err != nil || ms < 0 {
		return Found{}, unexpected(list[2])
	}
	return Found{value.Text, value.OK, token.Text, time.Duration(min(ms, maxDurationMillis)) * time.Millisecond}, nil
}

func missCall(key string) call[Found] { return newCall(asLookup, "MISS", key) }

func fillCall(key, token, value string, opts []SetOption) call[bool] {
	var o setOptions
	for _, opt := range opts {
		opt(&o)
	}
	if o.condition != nil {
		o.err = ErrSyntax
	}
	c := newCall(asBool, append([]string{"FILL", key, token, value}, o.expiry...)...)
	c.err = o.err
	return c
}

// Miss returns a string as [API.Get] does, or says how a key that does not exist may be
// filled: with a token, that is good for a minute; or, of several who find it missing at
// the same time, by waiting for the one who has been given the token. Neither a token nor
// a time to wait is given at first in a partition in which keys have never been filled,
// until every holder has heard of it, and when nodes do not take writes: load the value
// then, and do without keeping it. [API.GetOrFill] does all that.
func (a *API) Miss(ctx context.Context, key string) (Found, error) {
	return run(ctx, a, missCall(key))
}

// Fill sets a key that was missing, when the token was given out, to a value that has been
// loaded since; [TTL] or [ExpireAt] let it expire. It reports whether the value was taken:
// not if anything has been written to the key since, or it has been removed or invalidated,
// also when it was not there; nor if another node answers for the key by now. What happens
// to the key in other regions and has not arrived yet takes the value away again when it
// does. So a value that was loaded before somebody changed what it is loaded from, and said
// so by setting or removing the key, never stays, in any region.
//
// A token that is too old or none at all is an error. After a retry it may report false of
// a value that was taken.
func (a *API) Fill(ctx context.Context, key, token, value string, opts ...SetOption) (taken bool, err error) {
	return run(ctx, a, fillCall(key, token, value, opts))
}

// How long [API.GetOrFill] waits before it looks again.
const (
	firstLook = 5 * time.Millisecond
	lastLook  = 100 * time.Millisecond
)

// GetOrFill returns a string, and loads it if there is none: by load, which is called at
// most once, and by one of several callers in the region that miss the same key at the same
// time; the others wait for what it brings, up to three seconds, before the next one is let
// in. [TTL] or [ExpireAt] let what was loaded expire. As [API.Fill] says, it is not kept if
// it may be old: change what it is loaded from first, then remove the key with Del or
// Invalidate, or Set it.
//
// Errors are those of load, and of the cluster before load is called. What has been loaded
// is returned whether it could be kept or not.
//
//	name, err := cache.GetOrFill(ctx, "user:1", func(ctx context.Context) (string, error) {
//		return db.UserName(ctx, 1)
//	}, command.TTL(time.Minute))
func (a *API) GetOrFill(ctx context.Context, key string, load func(context.Context) (string, error), opts ...SetOption) (string, error) {
	if c := fillCall(key, "", "", opts); c.err != nil {
		return "", c.err
	}
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		found, err := a.Miss(ctx, key)
		switch {
		case err != nil:
			return "", err
		case found.OK:
			return found.Value, nil
		case found.Token == "" && found.Wait > 0:
			if err := sleep(ctx, min(pause, found.Wait)); err != nil {
				return "", err
			}
			continue
		}
		value, err := load(ctx)
		if err == nil && found.Token != "" {
			// It is as good if it cannot be kept.
			_, _ = a.Fill(ctx, key, found.Token, value, opts...)
		}
		return value, err
	}
}

// sleep waits for a time or until ctx is done.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Miss collects [API.Miss].
func (b *Batch) Miss(key string) *Future[Found] { return add(b, missCall(key)) }

// Fill collects [API.Fill].
func (b *Batch) Fill(key, token, value string, opts ...SetOption) *Future[bool] {
	return add(b, fillCall(key, token, value, opts))
}

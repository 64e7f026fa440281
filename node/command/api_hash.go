package command

import (
	"context"
	"strconv"

	"github.com/atollcache/atoll/crdt"
)

func hsetCall(key string, fields []Field) call[int] {
	args := make([]string, 2, 2+2*len(fields))
	args[0], args[1] = "HSET", key
	for _, f := range fields {
		args = append(args, f.Name, f.Value)
	}
	return newCallIf(len(fields), asInt, args...)
}

func hgetCall(key, field string) call[Value] { return newCall(asValue, "HGET", key, field) }

func hmgetCall(key string, fields []string) call[[]Value] {
	return newCallIf(len(fields), asListOf(len(fields), asValue), append([]string{"HMGET", key}, fields...)...)
}

func hgetallCall(key string) call[map[string]string] { return newCall(asMap, "HGETALL", key) }

func hdelCall(key string, fields []string) call[int] {
	return newCallIf(len(fields), asInt, append([]string{"HDEL", key}, fields...)...)
}

func hlenCall(key string) call[int] { return newCall(asInt, "HLEN", key) }

func hexistsCall(key, field string) call[bool] { return newCall(asBool, "HEXISTS", key, field) }

func hincrCall(key, field string, by int64) call[int64] {
	return newCall(asInt64, "HINCRBY", key, field, strconv.FormatInt(by, 10))
}

func hincrFloatCall(key, field string, by float64) call[float64] {
	return newCall(asFloat, "HINCRBYFLOAT", key, field, crdt.FormatFloat(by))
}

// HSet sets fields of a hash and returns how many are new. Of concurrent writes
// of one field the last by the cluster's clock shows; a field written beside a
// removal that had not seen it stays. The fields of one call become visible
// together. After a retry the number can be too small.
func (a *API) HSet(ctx context.Context, key string, fields ...Field) (added int, err error) {
	return run(ctx, a, hsetCall(key, fields))
}

// HGet returns a field's value, and false if there is no such key or field.
func (a *API) HGet(ctx context.Context, key, field string) (value string, ok bool, err error) {
	if value, ok, done := a.glance(ctx, crdt.KindHash, key, field); done {
		return value, ok, nil
	}
	v, err := run(ctx, a, hgetCall(key, field))
	return v.Text, v.OK, err
}

// HMGet returns the values of fields, in their order.
func (a *API) HMGet(ctx context.Context, key string, fields ...string) ([]Value, error) {
	return run(ctx, a, hmgetCall(key, fields))
}

// HGetAll returns all fields, an empty map if there is no such key.
func (a *API) HGetAll(ctx context.Context, key string) (map[string]string, error) {
	return run(ctx, a, hgetallCall(key))
}

// HDel removes fields as far as the node that runs it has seen them, and returns
// how many existed. A hash without fields does not exist. After a retry the
// number can be too small.
func (a *API) HDel(ctx context.Context, key string, fields ...string) (int, error) {
	return run(ctx, a, hdelCall(key, fields))
}

// HLen returns the number of fields, zero if there is no such key.
func (a *API) HLen(ctx context.Context, key string) (int, error) {
	return run(ctx, a, hlenCall(key))
}

// HExists reports whether there is such a field.
func (a *API) HExists(ctx context.Context, key, field string) (bool, error) {
	return run(ctx, a, hexistsCall(key, field))
}

// HIncr is [API.Incr] for a field.
func (a *API) HIncr(ctx context.Context, key, field string, by int64) (int64, error) {
	return run(ctx, a, hincrCall(key, field, by))
}

// HIncrFloat is [API.IncrFloat] for a field.
func (a *API) HIncrFloat(ctx context.Context, key, field string, by float64) (float64, error) {
	return run(ctx, a, hincrFloatCall(key, field, by))
}

// HSet collects [API.HSet].
func (b *Batch) HSet(key string, fields ...Field) *Future[int] { return add(b, hsetCall(key, fields)) }

// HGet collects [API.HGet].
func (b *Batch) HGet(key, field string) *Future[Value] { return add(b, hgetCall(key, field)) }

// HMGet collects [API.HMGet].
func (b *Batch) HMGet(key string, fields ...string) *Future[[]Value] {
	return add(b, hmgetCall(key, fields))
}

// HGetAll collects [API.HGetAll].
func (b *Batch) HGetAll(key string) *Future[map[string]string] { return add(b, hgetallCall(key)) }

// HDel collects [API.HDel].
func (b *Batch) HDel(key string, fields ...string) *Future[int] {
	return add(b, hdelCall(key, fields))
}

// HLen collects [API.HLen].
func (b *Batch) HLen(key string) *Future[int] { return add(b, hlenCall(key)) }

// HExists collects [API.HExists].
func (b *Batch) HExists(key, field string) *Future[bool] { return add(b, hexistsCall(key, field)) }

// HIncr collects [API.HIncr].
func (b *Batch) HIncr(key, field string, by int64) *Future[int64] {
	return add(b, hincrCall(key, field, by))
}

// HIncrFloat collects [API.HIncrFloat].
func (b *Batch) HIncrFloat(key, field string, by float64) *Future[float64] {
	return add(b, hincrFloatCall(key, field, by))
}

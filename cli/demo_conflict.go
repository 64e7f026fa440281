package cli

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/atollcache/atoll/node/command"
)

// conflict is one case of regions that write against each other while they are
// cut off. Its writes are by region; they happen in the order us, eu, ap.
type conflict struct {
	name   string // the two sides
	rule   string
	key    string
	before func(ctx context.Context, a *command.API) error // in us, seen everywhere
	writes [len(demoRegions)]func(ctx context.Context, a *command.API) error
	says   [len(demoRegions)]string // the writes in words
	want   string                   // what all show in the end
	law    string                   // the rule in words
	read   func(ctx context.Context, a *command.API, key string) (string, error)
}

func set(key, value string) func(context.Context, *command.API) error {
	return func(ctx context.Context, a *command.API) error { _, err := a.Set(ctx, key, value); return err }
}

func incr(key string, by int64) func(context.Context, *command.API) error {
	return func(ctx context.Context, a *command.API) error { _, err := a.Incr(ctx, key, by); return err }
}

func hset(key string, pairs ...string) func(context.Context, *command.API) error {
	var fields []command.Field
	for p := range slices.Chunk(pairs, 2) {
		fields = append(fields, command.Field{Name: p[0], Value: p[1]})
	}
	return func(ctx context.Context, a *command.API) error { _, err := a.HSet(ctx, key, fields...); return err }
}

func hdel(key, field string) func(context.Context, *command.API) error {
	return func(ctx context.Context, a *command.API) error { _, err := a.HDel(ctx, key, field); return err }
}

func sadd(key, member string) func(context.Context, *command.API) error {
	return func(ctx context.Context, a *command.API) error { _, err := a.SAdd(ctx, key, member); return err }
}

func srem(key, member string) func(context.Context, *command.API) error {
	return func(ctx context.Context, a *command.API) error { _, err := a.SRem(ctx, key, member); return err }
}

func del(key string) func(context.Context, *command.API) error {
	return func(ctx context.Context, a *command.API) error { _, err := a.Del(ctx, key); return err }
}

type steps = [len(demoRegions)]func(context.Context, *command.API) error

// conflicts are the cases of the tour.
func conflicts() []conflict {
	return []conflict{
		{
			name: "SET ∥ SET", rule: "R1", key: "demo:color", before: set("demo:color", "white"),
			writes: steps{set("demo:color", "red"), set("demo:color", "green"), set("demo:color", "blue")},
			says:   [...]string{"SET red", "SET green", "SET blue"}, want: "blue", read: readString,
			law: "the write with the latest stamp shows",
		},
		{
			name: "INCR ∥ INCR", rule: "R2", key: "demo:visits", before: incr("demo:visits", 1000),
			writes: steps{incr("demo:visits", 1), incr("demo:visits", 10), incr("demo:visits", 100)},
			says:   [...]string{"INCR 1", "INCR 10", "INCR 100"}, want: "1111", read: readString,
			law: "all increments count",
		},
		{
			name: "SET ∥ INCR", rule: "R3", key: "demo:stock", before: set("demo:stock", "50"),
			writes: steps{set("demo:stock", "20"), incr("demo:stock", -3), incr("demo:stock", 5)},
			says:   [...]string{"SET 20", "INCR -3", "INCR 5"}, want: "22", read: readString,
			law: "the number that was set, and the increments that the SET had not seen",
		},
		{
			name: "SET ∥ DEL", rule: "R4", key: "demo:greeting", before: set("demo:greeting", "hello"),
			writes: steps{del("demo:greeting"), set("demo:greeting", "bonjour"), nil},
			says:   [...]string{"DEL", "SET bonjour", ""}, want: "bonjour", read: readString,
			law: "a removal takes only what it saw",
		},
		{
			name: "HSET ∥ HDEL", rule: "R4", key: "demo:cart", before: hset("demo:cart", "apples", "1", "pears", "2"),
			writes: steps{hdel("demo:cart", "apples"), hset("demo:cart", "apples", "5"), hset("demo:cart", "plums", "3")},
			says:   [...]string{"HDEL apples", "HSET apples 5", "HSET plums 3"}, want: "apples=5 pears=2 plums=3", read: readHash,
			law: "fields merge one by one; a removal takes only what it saw",
		},
		{
			name: "SADD ∥ SREM", rule: "R4", key: "demo:tags", before: sadd("demo:tags", "new"),
			writes: steps{srem("demo:tags", "new"), sadd("demo:tags", "new"), sadd("demo:tags", "sale")},
			says:   [...]string{"SREM new", "SADD new", "SADD sale"}, want: "new sale", read: readSet,
			law: "a member added beside its removal stays",
		},
	}
}

func readString(ctx context.Context, a *command.API, key string) (string, error) {
	value, ok, err := a.Get(ctx, key)
	if !ok {
		value = "(none)"
	}
	return value, err
}

func readHash(ctx context.Context, a *command.API, key string) (string, error) {
	fields, err := a.HGetAll(ctx, key)
	var parts []string
	for _, f := range slices.Sorted(maps.Keys(fields)) {
		parts = append(parts, f+"="+fields[f])
	}
	return strings.Join(parts, " "), err
}

func readSet(ctx context.Context, a *command.API, key string) (string, error) {
	members, err := a.SMembers(ctx, key)
	return strings.Join(members, " "), err
}

// Package commandtest has the contract of [command.API]: one suite that every
// [command.Doer] passes, the embedded node, the remote client and whatever else
// runs commands.
package commandtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/atollcache/atoll/node/command"
)

// Option changes what Run checks.
type Option func(*suite)

// Large checks values as large as the limit allows too, 64 MiB. It takes some
// hundreds of megabytes of memory.
func Large() Option { return func(s *suite) { s.large = true } }

// Limits says which limits the Doer has, if not the defaults.
func Limits(l command.Limits) Option { return func(s *suite) { s.limits = l } }

// Run checks the contract. It calls open once; open registers what it has to
// close with t.Cleanup. The keyspace may hold other keys, none of which Run
// touches but the empty one, and other clients may be at work. Regions may be
// connected as they like, but links are not paused.
//
// Unless it checks otherwise, Run works in one session, so that a Doer may read
// from any copy.
func Run(t *testing.T, open func(t *testing.T) *command.API, opts ...Option) {
	base := suite{prefix: fmt.Sprintf("commandtest:%016x:", rand.Uint64())}
	for _, o := range opts {
		o(&base)
	}
	base.limits = base.limits.WithDefaults()
	base.api = open(t)
	for _, part := range []struct {
		name  string
		check func(*suite)
	}{
		{"ping", (*suite).ping},
		{"raw commands", (*suite).raw},
		{"strings", (*suite).strings},
		{"set conditions", (*suite).setConditions},
		{"counters", (*suite).counters},
		{"concurrent counters", (*suite).concurrentCounters},
		{"keys", (*suite).keys},
		{"wrong type", (*suite).wrongType},
		{"expiry", (*suite).expiry},
		{"expiry passes", (*suite).expiryPasses},
		{"hashes", (*suite).hashes},
		{"hash counters", (*suite).hashCounters},
		{"sets", (*suite).sets},
		{"sorted sets", (*suite).sortedSets},
		{"zrange", (*suite).zrange},
		{"odd keys", (*suite).oddKeys},
		{"sizes", (*suite).sizes},
		{"limits", (*suite).sizeLimits},
		{"many keys", (*suite).manyKeys},
		{"keys together", (*suite).together},
		{"keys together, in order", (*suite).togetherInOrder},
		{"hidden commands", (*suite).hidden},
		{"batch", (*suite).batch},
		{"scan", (*suite).scan},
		{"scan while keys are added", (*suite).scanAmidWrites},
		{"cluster", (*suite).cluster},
		{"cancelled", (*suite).cancelled},
	} {
		t.Run(part.name, func(t *testing.T) {
			s := base
			s.T, s.part = t, part.name
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			s.plain, s.ctx = ctx, command.WithSession(ctx)
			part.check(&s)
		})
	}
}

// patience is how long a part of the suite may take, and how long a condition is
// waited for. Only a failure waits so long.
const patience = 30 * time.Second

// suite is one part of the contract being checked.
type suite struct {
	*testing.T
	api    *command.API
	ctx    context.Context // with a session
	plain  context.Context // without one
	part   string
	prefix string
	limits command.Limits
	large  bool
}

// key returns a key that nobody else uses.
func (s *suite) key(name string) string { return s.prefix + s.part + ":" + name }

// eventually waits until a condition holds.
func (s *suite) eventually(what string, holds func() bool) {
	s.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			s.Fatalf("%s: did not come true within %v", what, patience)
		}
	}
}

// fails checks that an error is the one wanted.
func (s *suite) fails(what string, want, have error) {
	s.Helper()
	if !errors.Is(have, want) {
		s.Errorf("%s: want error %v, have %v", what, want, have)
	}
}

// equal returns what checks the result of a call: equal(s, "DEL k", 1)(api.Del(…)).
func equal[T any](s *suite, what string, want T) func(T, error) {
	return func(have T, err error) {
		s.Helper()
		if err != nil || !reflect.DeepEqual(want, have) {
			s.Errorf("%s: want %v, have %v, %v", what, want, have, err)
		}
	}
}

// shows returns what checks a string that should be there.
func (s *suite) shows(what, want string) func(string, bool, error) {
	return func(have string, ok bool, err error) {
		s.Helper()
		if err != nil || !ok || have != want {
			s.Errorf("%s: want %s, have %s, %t, %v", what, brief(want), brief(have), ok, err)
		}
	}
}

// absent returns what checks a string that should not be there.
func (s *suite) absent(what string) func(string, bool, error) {
	return func(have string, ok bool, err error) {
		s.Helper()
		if err != nil || ok || have != "" {
			s.Errorf("%s: want none, have %s, %t, %v", what, brief(have), ok, err)
		}
	}
}

// brief returns a string as it fits in a message.
func brief(text string) string {
	if len(text) <= 60 {
		return fmt.Sprintf("%q", text)
	}
	return fmt.Sprintf("%q… of %d bytes", text[:40], len(text))
}

package bench

import "context"

// What is started for the rows.
var (
	atollRESP starter = func(ctx context.Context, e *Env) (Target, error) { return e.Servers.StartRESP(ctx) }
	atollNATS starter = func(ctx context.Context, e *Env) (Target, error) { return e.Servers.StartNATS(ctx) }
	atollPair starter = func(ctx context.Context, e *Env) (Target, error) {
		a, err := e.Servers.StartAtoll(ctx, []string{"one", "two"}, 0)
		if err != nil {
			return nil, err
		}
		return a.RESP(), nil
	}
	redisAlone  starter = func(ctx context.Context, _ *Env) (Target, error) { return StartRedis(ctx, false) }
	redisPair   starter = func(ctx context.Context, _ *Env) (Target, error) { return StartRedis(ctx, true) }
	nullServers starter = func(ctx context.Context, e *Env) (Target, error) { return e.Servers.StartNull(ctx, gets.ValueBytes) }
	natsKV      starter = func(ctx context.Context, e *Env) (Target, error) { return e.Servers.StartKV(ctx) }
)

// What is done in the rows: 16-byte keys, 100-byte values, all keys alike.
var (
	gets = Workload{Name: "get", KeyBytes: 16, ValueBytes: 100, Mix: []Share{{Get, 1}}}
	sets = Workload{Name: "set", KeyBytes: 16, ValueBytes: 100, Mix: []Share{{Set, 1}}}
)

// How it is driven.
var (
	plain     = Load{Callers: 50, Depth: 1}
	pipelined = Load{Callers: 50, Depth: 16}
	many      = Load{Callers: 64, Depth: 1}
	lone      = Load{Callers: 1, Depth: 1}
)

// The units of the bounds.
const (
	ofOtter = "× otter"
	ofRedis = "× redis-server"
	ofPair  = "× redis-server with a replica"
	ofKV    = "× NATS KV"
)

// Rows returns the table: what must hold, each beside its peer, in one run.
func Rows() []Row {
	return []Row{
		{"embedded-get", "embedded Get of a present string; expiry and version checked",
			[]Bound{atLeast(0.8, ofOtter), atMost(0, "allocations")}, embeddedGet},
		{"embedded-set", "embedded Set, with the delta made and logged",
			[]Bound{atLeast(0.5, ofOtter)}, embeddedSet},

		{"resp-get", "RESP, 50 connections, no pipeline, GET 100 B",
			[]Bound{atLeast(1.0, ofRedis)}, versus(atollRESP, redisAlone, gets, plain)},
		{"resp-set", "RESP, 50 connections, no pipeline, SET 100 B",
			[]Bound{atLeast(1.0, ofRedis)}, versus(atollRESP, redisAlone, sets, plain)},
		{"resp-get-16", "RESP, 50 connections, pipeline 16, GET 100 B",
			[]Bound{atLeast(1.3, ofRedis)}, versus(atollRESP, redisAlone, gets, pipelined)},
		{"resp-set-16", "RESP, 50 connections, pipeline 16, SET 100 B",
			[]Bound{atLeast(1.3, ofRedis)}, versus(atollRESP, redisAlone, sets, pipelined)},
		{"resp-set-far", "the same SETs, no pipeline, while a second region receives them all",
			[]Bound{atLeast(0.9, ofPair)}, versus(atollPair, redisPair, sets, plain)},
		{"resp-set-16-far", "the same SETs, pipeline 16, while a second region receives them all",
			[]Bound{atLeast(0.9, ofPair)}, versus(atollPair, redisPair, sets, pipelined)},

		{"nats-get-64", "Go client over NATS, 64 callers, get 100 B",
			[]Bound{atLeast(8, ofKV)}, versus(atollNATS, natsKV, gets, many)},
		{"nats-set-64", "Go client over NATS, 64 callers, set 100 B",
			[]Bound{atLeast(8, ofKV)}, versus(atollNATS, natsKV, sets, many)},
		{"nats-get-1", "Go client over NATS, 1 caller, get 100 B",
			[]Bound{atLeast(1.0, ofKV)}, versus(atollNATS, natsKV, gets, lone)},
		{"nats-set-1", "Go client over NATS, 1 caller, set 100 B",
			[]Bound{atLeast(1.0, ofKV)}, versus(atollNATS, natsKV, sets, lone)},

		{"replication", "small SETs from region to region, both ends and NATS on this machine",
			[]Bound{atLeast(300_000, "SETs/s"), atMost(24, "B beyond key and value")}, replication},
		{"lag", "lag over a link of 40 ms one way, 20,000 writes a second",
			[]Bound{atMost(45, "ms (p99)")}, lag},
		{"memory", "memory of 10,000,000 16-byte keys with 100-byte values; pauses and GETs under load",
			[]Bound{atMost(1.0, ofRedis), atMost(1, "ms (GC pause, p99)"), atMost(2, "ms (GET, p99.9)")}, memory},
		{"hash", "memory of hashes of 1,000 small fields",
			[]Bound{atMost(1.5, ofRedis)}, hashMemory},
		{"growth", "cost of an operation at 8 nodes in that at 1, counted in a simulation",
			[]Bound{atMost(1.1, "× the messages"), atMost(1.1, "× the bytes")}, growth},

		{"client", "what the client costs: the null server, 50 connections, no pipeline, GET 100 B",
			nil, versus(nullServers, redisAlone, gets, plain)},
		{"client-16", "what the client costs: the null server, 50 connections, pipeline 16, GET 100 B",
			nil, versus(nullServers, redisAlone, gets, pipelined)},
	}
}

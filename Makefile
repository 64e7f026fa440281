# make alone lists the verbs.

GO ?= go
SEEDS ?= 10000
CLUSTER_SEEDS ?= 1000
COMMANDS ?= 1000000
KEYS ?= 10000000
ROUNDS ?= 500
FUZZTIME ?= 20s
REPORT ?= bin/bench.md
ROWS ?=

# The race detector needs a C compiler; without one the tests run all the same.
CC_FOUND := $(shell command -v gcc || command -v clang || command -v cc)
RACE := $(if $(CC_FOUND),-race)

.PHONY: help build demo test vet fmt tidy race fuzz sim disks redis redis-suite e2e kill9 bench bench-short bench-repair bench-memory bench-restart bench-expiry churn

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/atoll
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/atoll ./cli/atoll

demo: build ## a tour of three regions: cut, write against each other, heal; every claim is checked
	bin/atoll demo

test: fmt tidy vet race ## everything: formatting, modules, vet, all tests with the race detector

fmt: ## fail where gofmt would change something
	@out=$$(gofmt -l crdt region sync node cli); test -z "$$out" || { echo "gofmt would change:"; echo "$$out"; exit 1; }

tidy: ## fail where go mod tidy would change something
	$(GO) mod tidy -diff

vet: ## go vet
	$(GO) vet ./...

race: ## all tests with the race detector
	@test -n "$(RACE)" || echo "no C compiler found: testing without the race detector"
	$(GO) test $(RACE) -short -timeout 9m ./...

sim: ## simulated faults: SEEDS=n histories of engines, CLUSTER_SEEDS=n of whole clusters; prints seeds per second
	GOGC=400 $(GO) test ./sync/simtest -run TestSeeds -count=1 -v -timeout 0 -seeds=$(SEEDS)
	$(GO) test ./crdt -run TestSpecification -count=1 -v -timeout 0 -seeds=$$(( $(SEEDS) / 50 + 800 ))
	GOGC=400 $(GO) test ./node/nodetest -run TestSeeds -count=1 -v -timeout 0 -seeds=$(CLUSTER_SEEDS)

redis: ## COMMANDS=n generated commands to redis-server and to Atoll, every reply compared
	$(GO) test ./node/command/redistest -run TestAgreesWithRedis -count=1 -v -timeout 0 -args -commands=$(COMMANDS)

redis-suite: ## REDIS_SRC=path of Redis 7.0.15's source: its own test suite against a node; needs tclsh
	$(GO) test ./node/resp/clienttest -run TestRedisSuite -count=1 -v -timeout 0 -args -redis-src=$(abspath $(REDIS_SRC))

e2e: ## real processes on real NATS: every scenario of failure, some six minutes (cli/e2e)
	$(GO) test ./cli/e2e -count=1 -timeout 15m -v -long

kill9: ## ROUNDS=n times kill -9 of nodes with a data directory under load: what was acknowledged is there afterwards
	$(GO) test ./cli/e2e -run TestKill9 -count=1 -timeout 0 -v -kills=$(ROUNDS)

disks: ## the data directory's damages, failures and crashes: more of each than make test has
	$(GO) test ./node/pebblestore -count=1 -v

fuzz: ## every fuzz target for FUZZTIME each
	@set -e; for p in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
	    echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$p; \
	  done; done

bench: build ## all that must hold beside redis-server, NATS KV and otter, some twenty minutes on a machine with nothing else to do; REPORT=file
	bin/atoll bench --table --report $(REPORT) $(ROWS)

bench-short: build ## the same in less than a minute: that it works, not how well
	bin/atoll bench --table --short --report $(REPORT) $(ROWS) || test $$? -eq 1

bench-repair: ## a million keys in two regions, a thousand made to differ: bytes that repair and comparison take
	$(GO) test ./node -run TestRepairCost -count=1 -v -timeout 20m -repair-keys=1000000

bench-memory: ## five times as much data as a node of 1 GiB may keep: all of it read back, and what the process had
	CGO_ENABLED=0 $(GO) test ./node -run 'TestMemoryLimit$$' -count=1 -v -timeout 60m -memory-limit=1073741824 -memory-data=5368709120 -memory-within=55m

bench-restart: ## KEYS=n in a node that is stopped and started again: when it answers the first read, beside redis-server; as root also with nothing in memory
	$(GO) test ./cli/e2e -run 'TestRestart$$' -count=1 -timeout 0 -v -restart-keys=$(KEYS) -restart-rounds=6 $(if $(filter 0,$(shell id -u)),-restart-cold)

bench-expiry: ## two million keys with times to live as caches in production have them: none is shown late, all go from memory and disk
	$(GO) test ./node -run TestExpiryAtScale -count=1 -v -timeout 30m -expiry-keys=2000000 -expiry-longest=2m

churn: ## nodes join and leave under 5,000 operations a second
	$(GO) test ./node -run TestChurn -count=1 -v -timeout 20m -churn-rate=5000

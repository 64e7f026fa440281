package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/atollcache/atoll/region"
)

// Servers starts what is measured, each in a process of its own: a target that
// shares the scheduler and the garbage of who drives it would be another one.
type Servers struct {
	// Program is the path of the program atoll.
	Program string
}

// AtollProcess is a cluster in one process, as `atoll dev` runs it.
type AtollProcess struct {
	*process
	regions []struct {
		Region string   `json:"region"`
		NATS   string   `json:"nats"`
		RESP   []string `json:"resp"`
	}
}

// devCluster is the name of the cluster that `atoll dev` runs.
const devCluster = "dev"

// StartAtoll starts regions of one node each, so far apart. env is added to its
// environment.
func (s Servers) StartAtoll(ctx context.Context, regions []string, wan time.Duration, env ...string) (*AtollProcess, error) {
	ready := struct {
		Regions any `json:"regions"`
	}{}
	a := &AtollProcess{}
	ready.Regions = &a.regions
	var err error
	a.process, err = startProcess(ctx, &ready, env, s.Program, "dev", "--json", "--regions", strings.Join(regions, ","),
		"--wan", wan.String(), "--nats-port", "0", "--log", "off")
	if err != nil {
		return nil, err
	}
	a.abrupt = true
	if len(a.regions) != len(regions) {
		return nil, errors.Join(fmt.Errorf("%w: atoll dev names %d regions, want %d", ErrReply, len(a.regions), len(regions)), a.close())
	}
	return a, nil
}

// RESP returns the first region's node as a target. Closing it ends the process.
// When there are more regions the target settles: its writes have to arrive there.
func (a *AtollProcess) RESP() Target {
	t := &respTarget{name: "atoll, RESP", address: a.regions[0].RESP[0], end: a.close}
	if len(a.regions) > 1 {
		t.settle = everyPartition()
	}
	return t
}

// NATS returns the i-th region by NATS as a target. Closing it ends the connection
// only.
func (a *AtollProcess) NATS(i int) (Target, error) { return a.nats(i) }

func (a *AtollProcess) nats(i int) (*natsTarget, error) {
	return dialCluster(a.regions[i].NATS, devCluster, a.regions[i].Region, func() error { return nil })
}

// everyPartition returns a write to each partition, so that who has them all has
// everything that was written before.
func everyPartition() []Op {
	var ops []Op
	p := region.Partitions(region.DefaultPartitions)
	seen := make([]bool, p.Count())
	for i := 0; len(ops) < p.Count(); i++ {
		key := fmt.Sprintf("settle-%d", i)
		if at := p.Of(key); !seen[at] {
			seen[at] = true
			ops = append(ops, Op{Kind: Set, Key: key, Value: "x"})
		}
	}
	return ops
}

// StartNATS starts a single node and returns it by NATS. Closing the target ends it.
func (s Servers) StartNATS(ctx context.Context) (Target, error) {
	a, err := s.StartAtoll(ctx, []string{"one"}, 0)
	if err != nil {
		return nil, err
	}
	t, err := a.nats(0)
	if err != nil {
		return nil, errors.Join(err, a.close())
	}
	disconnect := t.end
	t.end = func() error { return errors.Join(disconnect(), a.close()) }
	return t, nil
}

// StartRESP starts a single node and returns it by RESP. Closing the target ends it.
func (s Servers) StartRESP(ctx context.Context) (Target, error) {
	a, err := s.StartAtoll(ctx, []string{"one"}, 0)
	if err != nil {
		return nil, err
	}
	return a.RESP(), nil
}

// served is what `atoll bench --serve` says when it is ready.
type served struct {
	Address string `json:"address"`
}

// StartNull starts the null server, which answers reads with so many bytes. Closing
// the target ends it.
func (s Servers) StartNull(ctx context.Context, valueBytes int) (Target, error) {
	var at served
	p, err := startProcess(ctx, &at, nil, s.Program, "bench", "--serve", "null", "--size", strconv.Itoa(valueBytes), "--json")
	if err != nil {
		return nil, err
	}
	return &respTarget{name: "null server", address: at.Address, end: p.close}, nil
}

// StartKV starts a NATS server and returns a bucket of its KV. Closing the target
// ends it.
func (s Servers) StartKV(ctx context.Context) (Target, error) {
	var at served
	p, err := startProcess(ctx, &at, nil, s.Program, "bench", "--serve", "natskv", "--json")
	if err != nil {
		return nil, err
	}
	t, err := dialKV(ctx, at.Address, p.close)
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	return t, nil
}

// redisProgram is what a peer of RESP is.
const redisProgram = "redis-server"

// HasRedis reports whether there is a redis-server to start.
func HasRedis() bool {
	_, err := exec.LookPath(redisProgram)
	return err == nil
}

// redisProcess is a redis-server without a disk.
type redisProcess struct {
	*process
	address string
}

// startRedis starts one, as a replica of another when master is not nil.
func startRedis(ctx context.Context, master *redisProcess) (*redisProcess, error) {
	if !HasRedis() {
		return nil, fmt.Errorf("%s: %w", redisProgram, ErrMissing)
	}
	dir, err := os.MkdirTemp("", "atoll-bench")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	args := []string{"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", dir, "--repl-diskless-sync-delay", "0"}
	wanted := "redis_mode:"
	if master != nil {
		host, port, err := net.SplitHostPort(master.address)
		if err != nil {
			return nil, err
		}
		args = append(args, "--replicaof", host+" "+port)
		wanted = "master_link_status:up"
	}
	p, err := startProcess(ctx, nil, nil, redisProgram, args...)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	p.remove = dir
	r := &redisProcess{process: p, address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
	if err := r.wait(ctx, wanted); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w: %s", redisProgram, err, p.errors), p.close())
	}
	return r, nil
}

// wait returns when INFO says something.
func (r *redisProcess) wait(ctx context.Context, wanted string) error {
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	tick := time.NewTicker(seePoll)
	defer tick.Stop()
	for {
		if info, err := infoOf(ctx, r.address); err == nil && strings.Contains(info, wanted) {
			return nil
		}
		select {
		case <-tick.C:
		case <-r.ended:
			return errors.New("it has ended")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// infoOf returns what a server says of itself.
func infoOf(ctx context.Context, address string) (string, error) {
	c, err := dialRESP(ctx, address)
	if err != nil {
		return "", err
	}
	defer c.Close()
	return c.text("INFO")
}

// StartRedis starts a redis-server, with a replica if asked. Closing the target ends
// both. It returns ErrMissing where there is none installed.
func StartRedis(ctx context.Context, replica bool) (Target, error) {
	master, err := startRedis(ctx, nil)
	if err != nil {
		return nil, err
	}
	t := &respTarget{name: redisProgram, address: master.address, end: master.close}
	if !replica {
		return t, nil
	}
	second, err := startRedis(ctx, master)
	if err != nil {
		return nil, errors.Join(err, master.close())
	}
	t.name, t.settle = redisProgram+" with a replica", everyPartition()
	t.end = func() error { return errors.Join(second.close(), master.close()) }
	return t, nil
}

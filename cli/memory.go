package cli

import (
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/core"
)

func memoryFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "max-memory", EnvVars: []string{"ATOLL_MAX_MEMORY"},
			Usage: "most memory that the process may take, a `SIZE` like 500mb or 2gb, or 60% of the machine's; no limit without it"},
		&cli.StringFlag{Name: "max-memory-policy", Value: core.AllKeys.String(),
			Usage: "`POLICY` at that limit: allkeys evicts what is least worth keeping, noeviction refuses writes"},
	}
}

// memoryConfig turns flags into what a node may keep in memory.
func (c *call) memoryConfig() (node.MemoryConfig, error) {
	cfg := node.MemoryConfig{Runtime: limitRuntime}
	var ok bool
	if cfg.Policy, ok = core.ParsePolicy(c.String("max-memory-policy")); !ok {
		return cfg, usagef("--max-memory-policy %q is not known", c.String("max-memory-policy")).withHint("use allkeys or noeviction")
	}
	var err error
	if cfg.Limit, err = parseMemory(c.String("max-memory"), machineMemory()); err != nil {
		return cfg, usagef("--max-memory: %w", err)
	}
	return cfg, nil
}

// limitRuntime tells Go's runtime, of a process that is one node, what it may take; zero
// is no limit.
func limitRuntime(bytes int64) {
	if bytes == 0 {
		bytes = 1<<63 - 1
	}
	debug.SetMemoryLimit(bytes)
}

// parseMemory reads a size, or a percentage of the machine's memory, which is zero when it
// is not known. Nothing is no limit.
func parseMemory(text string, machine int64) (int64, error) {
	percent, ok := strings.CutSuffix(text, "%")
	switch {
	case text == "":
		return 0, nil
	case !ok:
		return command.ParseSize(text)
	}
	n, err := strconv.ParseFloat(percent, 64)
	if err != nil || !(n > 0 && n <= 100) {
		return 0, fmt.Errorf("%q is not a percentage: want one like 60%%", text)
	}
	if machine == 0 {
		return 0, fmt.Errorf("%q: the machine's memory is not known here: name a size", text)
	}
	return int64(n / 100 * float64(machine)), nil
}

// machineMemory returns how much memory the process may come to have: the machine's, or
// less where its control group says so; zero when that is not known.
func machineMemory() int64 {
	machine := int64(0)
	if b, err := os.ReadFile("/proc/meminfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
				kb, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
				machine = kb << 10
			}
		}
	}
	for _, file := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		b, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64); err == nil && (machine == 0 || n < machine) {
			return n
		}
	}
	return machine
}

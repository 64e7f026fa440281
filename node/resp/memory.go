package resp

import (
	"fmt"
	"strconv"

	"github.com/atollcache/atoll/node/command"
)

// MemoryKeeper is a [Backend] whose memory can be limited. Policies are Redis's names and
// the node's own.
type MemoryKeeper interface {
	// Limits returns the bytes that the node's process may have, 0 for no limit, and what
	// is done at the limit.
	Limits() (bytes int64, policy string)
	// Limit sets both, and reports false, changing nothing, when there is no such policy.
	Limit(bytes int64, policy string) bool
}

// memory returns the limit of the node's memory, and what is done at it. One that there
// is not is none.
func (s *Server) memory() (bytes int64, policy string) {
	if k, ok := s.node.(MemoryKeeper); ok {
		return k.Limits()
	}
	return 0, "noeviction"
}

// isMemory reports whether a parameter of CONFIG is one of the memory's, whose values
// are the node's.
func isMemory(name string) bool { return name == "maxmemory" || name == "maxmemory-policy" }

// memoryValue returns the value of a parameter of the memory's.
func (s *Server) memoryValue(name string) string {
	bytes, policy := s.memory()
	if name == "maxmemory" {
		return strconv.FormatInt(bytes, 10)
	}
	return policy
}

// setMemory sets a parameter of the memory's, and the other one with it when both are
// wanted: a lower limit must not begin to evict under the policy that it comes to replace.
func (s *Server) setMemory(name string, wanted map[string]string) error {
	k, ok := s.node.(MemoryKeeper)
	if !ok {
		return fmt.Errorf("the memory of this node cannot be limited")
	}
	bytes, policy := k.Limits()
	if v, ok := wanted["maxmemory"]; ok {
		n, err := command.ParseSize(v)
		switch {
		case err != nil && name == "maxmemory":
			return fmt.Errorf("argument must be a memory value")
		case err != nil:
			return nil // It is said when it is that one's turn.
		}
		bytes = n
	}
	if v, ok := wanted["maxmemory-policy"]; ok {
		policy = v
	}
	if !k.Limit(bytes, policy) && name == "maxmemory-policy" {
		return fmt.Errorf("argument(s) must be one of the following: allkeys, allkeys-lru, allkeys-lfu, noeviction")
	}
	return nil
}

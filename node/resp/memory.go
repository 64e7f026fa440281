package resp

import "fmt"

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

// setMemory changes the limit of the node's memory, or what is done at it.
func (s *Server) setMemory(change func(bytes int64, policy string) (int64, string)) error {
	k, ok := s.node.(MemoryKeeper)
	if !ok {
		return fmt.Errorf("the memory of this node cannot be limited")
	}
	if !k.Limit(change(k.Limits())) {
		return fmt.Errorf("argument(s) must be one of the following: allkeys, allkeys-lru, allkeys-lfu, noeviction")
	}
	return nil
}

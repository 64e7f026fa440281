package evict

// Places returns the number of places in a policy's queues, left-over ones included.
func Places(p *Policy) (n int) {
	for i := range p.queues {
		n += p.queues[i].len
	}
	return n
}

// EchoBytes returns what a policy's echoes take.
func EchoBytes(p *Policy) int { return len(p.echoes.table) * 8 }

// Large returns the places in outsize queues.
func Large(b *Budget) int64 { return b.large.Load() }

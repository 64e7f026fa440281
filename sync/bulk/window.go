package bulk

import (
	"context"
	"sync"
	"sync/atomic"
)

// windowed calls do for every index from first up to and including last, width
// of them at a time, and returns when all calls have ended. The first error
// ends it: the context of the other calls is cancelled and no more are made.
func windowed(ctx context.Context, first, last, width int, do func(ctx context.Context, index int) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		next   atomic.Int64
		wg     sync.WaitGroup
		once   sync.Once
		failed error
	)
	next.Store(int64(first))
	for range min(width, last-first+1) {
		wg.Go(func() {
			for {
				index := int(next.Add(1)) - 1
				if index > last || ctx.Err() != nil {
					return
				}
				if err := do(ctx, index); err != nil {
					once.Do(func() { failed = err })
					cancel()
					return
				}
			}
		})
	}
	wg.Wait()
	if failed == nil && ctx.Err() != nil {
		return ctx.Err() // Cancelled by the caller between two chunks.
	}
	return failed
}

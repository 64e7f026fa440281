package e2e

import (
	"errors"
	"testing"
	"time"
)

// pollEvery is how often a condition is looked at.
const pollEvery = 50 * time.Millisecond

// until waits until check returns nil, and fails the test when that takes longer
// than within.
func until(t testing.TB, within time.Duration, what string, check func() error) {
	t.Helper()
	began := time.Now()
	err := errors.New("not looked at yet")
	for time.Since(began) < within {
		if err = check(); err == nil {
			return
		}
		<-time.After(pollEvery)
	}
	t.Fatalf("waited %v in vain until %s: %v", within, what, err)
}

package region

import (
	"fmt"
	"time"
)

// Config holds the bounds of a [View] and of [Links]. The zero value of each
// field means its default.
type Config struct {
	// HeartbeatEvery is how often each member announces itself. Shorter finds
	// losses sooner and costs every node one message per member each time.
	// Default: 500 ms.
	HeartbeatEvery time.Duration

	// SuspectAfter is how long a member may be silent before it is left out of
	// the ring, at least 2 * HeartbeatEvery. Shorter moves traffic away from a
	// dead node sooner; too short moves it at every pause. Default: 3 s.
	SuspectAfter time.Duration

	// ForgetAfter is how long a silent member stays on the list, suspect, at
	// least SuspectAfter. It must not be shorter than the horizon at which the
	// replication engine stops waiting for a member. Default: 24 h.
	ForgetAfter time.Duration

	// MaxMembers bounds the list, up to 65535. More are refused and counted.
	// Each costs about 250 bytes, and the time to build a ring grows with it.
	// Default: 1024.
	MaxMembers int

	// MaxRegions bounds the links at MaxRegions * (MaxRegions - 1), up to 256
	// regions. Each link that was ever paused costs about 100 bytes.
	// Default: 64.
	MaxRegions int
}

// DefaultConfig returns the defaults spelled out.
func DefaultConfig() Config {
	return Config{
		HeartbeatEvery: 500 * time.Millisecond,
		SuspectAfter:   3 * time.Second,
		ForgetAfter:    24 * time.Hour,
		MaxMembers:     1024,
		MaxRegions:     64,
	}
}

// Validate returns ErrConfig, naming the field, unless the configuration with
// its defaults filled in makes sense.
func (c Config) Validate() error {
	c = c.withDefaults()
	switch {
	case c.HeartbeatEvery < 0:
		return fmt.Errorf("%w: HeartbeatEvery is %v; use more than 0", ErrConfig, c.HeartbeatEvery)
	case c.SuspectAfter < 2*c.HeartbeatEvery:
		return fmt.Errorf("%w: SuspectAfter is %v; use at least twice HeartbeatEvery (%v)", ErrConfig, c.SuspectAfter, c.HeartbeatEvery)
	case c.ForgetAfter < c.SuspectAfter:
		return fmt.Errorf("%w: ForgetAfter is %v; use at least SuspectAfter (%v)", ErrConfig, c.ForgetAfter, c.SuspectAfter)
	case c.MaxMembers < 1 || c.MaxMembers > maxRingMembers:
		return fmt.Errorf("%w: MaxMembers is %d; use 1 to %d", ErrConfig, c.MaxMembers, maxRingMembers)
	case c.MaxRegions < 1 || c.MaxRegions > 256:
		return fmt.Errorf("%w: MaxRegions is %d; use 1 to 256", ErrConfig, c.MaxRegions)
	}
	return nil
}

func (c Config) withDefaults() Config {
	d := DefaultConfig()
	if c.HeartbeatEvery == 0 {
		c.HeartbeatEvery = d.HeartbeatEvery
	}
	if c.SuspectAfter == 0 {
		c.SuspectAfter = d.SuspectAfter
	}
	if c.ForgetAfter == 0 {
		c.ForgetAfter = d.ForgetAfter
	}
	if c.MaxMembers == 0 {
		c.MaxMembers = d.MaxMembers
	}
	if c.MaxRegions == 0 {
		c.MaxRegions = d.MaxRegions
	}
	return c
}

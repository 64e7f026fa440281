package region

import (
	"fmt"
	"time"
)

// ClockConfig holds the bounds of [Clocks]. The zero value of each field means
// its default.
type ClockConfig struct {
	// MaxSkew is how far apart two clocks may be, 1 ms to 24 h. It should be what
	// the replication engine allows a stamp to be ahead: then a node whose stamps
	// are held back is also the one that is named. Smaller finds a bad clock
	// sooner, and refuses writes for what NTP would have mended. Default: 500 ms.
	MaxSkew time.Duration

	// MaxAge is how long a comparison, and a peer that is not heard, counts, 1 s to
	// 24 h. Longer keeps good comparisons through a jam on the network; a peer
	// whose clock moves by less than the uncertainty is seen later. Default: 1 min.
	MaxAge time.Duration

	// Samples is how many comparisons with each peer are kept, 1 to 64. More find
	// a lucky fast one among slow ones; each costs 32 bytes per peer. Default: 8.
	Samples int

	// Echoes is how many peers are echoed in each heartbeat, 1 to MaxEchoes. More
	// compare a large cluster sooner: with 256 members and 16 echoes each pair is
	// compared at every 16th beat. An echo costs about 22 bytes of every heartbeat.
	// Default: 16.
	Echoes int

	// Steady is how many judgements on new comparisons must find a clock within
	// bounds before it is back in line, 1 to 1000. More flap less and recover
	// later. Default: 3.
	Steady int

	// MaxPeers bounds the peers, up to 65535. More are refused and counted. Each
	// costs about 350 bytes. Default: 1024.
	MaxPeers int
}

// DefaultClockConfig returns the defaults spelled out.
func DefaultClockConfig() ClockConfig {
	return ClockConfig{
		MaxSkew:  500 * time.Millisecond,
		MaxAge:   time.Minute,
		Samples:  8,
		Echoes:   16,
		Steady:   3,
		MaxPeers: 1024,
	}
}

// Validate returns ErrConfig, naming the field, unless the configuration with
// its defaults filled in makes sense.
func (c ClockConfig) Validate() error {
	c = c.withDefaults()
	for _, f := range []struct {
		name           string
		have, min, max time.Duration
	}{
		{"MaxSkew", c.MaxSkew, time.Millisecond, 24 * time.Hour},
		{"MaxAge", c.MaxAge, time.Second, 24 * time.Hour},
	} {
		if f.have < f.min || f.have > f.max {
			return fmt.Errorf("%w: %s is %v; use %v to %v", ErrConfig, f.name, f.have, f.min, f.max)
		}
	}
	for _, f := range []struct {
		name      string
		have, max int
	}{
		{"Samples", c.Samples, 64},
		{"Echoes", c.Echoes, MaxEchoes},
		{"Steady", c.Steady, 1000},
		{"MaxPeers", c.MaxPeers, maxRingMembers},
	} {
		if f.have < 1 || f.have > f.max {
			return fmt.Errorf("%w: %s is %d; use 1 to %d", ErrConfig, f.name, f.have, f.max)
		}
	}
	return nil
}

func (c ClockConfig) withDefaults() ClockConfig {
	d := DefaultClockConfig()
	if c.MaxSkew == 0 {
		c.MaxSkew = d.MaxSkew
	}
	if c.MaxAge == 0 {
		c.MaxAge = d.MaxAge
	}
	for _, f := range []struct{ have, want *int }{
		{&c.Samples, &d.Samples}, {&c.Echoes, &d.Echoes}, {&c.Steady, &d.Steady}, {&c.MaxPeers, &d.MaxPeers},
	} {
		if *f.have == 0 {
			*f.have = *f.want
		}
	}
	return c
}

//go:build !unix

package resp

import "time"

// cpuTimes returns nothing: the processor time is not known here.
func cpuTimes() (user, system time.Duration) { return 0, 0 }

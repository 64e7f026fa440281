package cli

import (
	"fmt"
	"time"
)

// humanBytes returns a size as people read it: 214 B, 3.1 MiB.
func humanBytes(n int) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	f, unit := float64(n), ""
	for _, unit = range []string{"KiB", "MiB", "GiB", "TiB"} {
		if f /= 1024; f < 1024 {
			break
		}
	}
	return fmt.Sprintf("%.1f %s", f, unit)
}

// clock returns a moment of the last day as the time of day here, an older or
// later one with its date.
func clock(at, now time.Time) string {
	if d := now.Sub(at); d < -24*time.Hour || d > 24*time.Hour {
		return at.Local().Format("2006-01-02 15:04:05")
	}
	return at.Local().Format("15:04:05.000")
}

// since returns how long ago something was.
func since(at, now time.Time) string { return short(now.Sub(at)) + " ago" }

// short rounds a duration to what people read: three digits or so.
func short(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + short(-d)
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	default:
		return d.Round(time.Second).String()
	}
}

// plural returns "1 key", "2 keys".
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

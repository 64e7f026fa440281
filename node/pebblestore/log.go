package pebblestore

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// listener is what Pebble tells things to.
type listener struct {
	log    *slog.Logger
	fail   func(error) // ends writing
	stalls atomic.Int64
	stall  atomic.Int64 // when writes began to wait, nanoseconds since the Unix epoch
	waited atomic.Int64 // nanoseconds
	left   atomic.Bool  // the database has been left behind
}

// retryPause is how long Pebble's background work rests after an error.
const retryPause = time.Second

// pause keeps background work that has failed from being tried again at once, for
// ever, which Pebble does with some of it, and at all once nobody has the database.
// It may be called with locks of Pebble's, but with none that reading needs for long.
func (l *listener) pause() {
	if l.left.Load() {
		select {}
	}
	time.Sleep(retryPause)
}

// Infof implements pebble.Logger.
func (l *listener) Infof(format string, args ...any) {
	l.log.Debug("pebble", "says", lazy{format, args})
}

// Errorf implements pebble.Logger.
func (l *listener) Errorf(format string, args ...any) {
	l.log.Warn("pebble", "says", lazy{format, args})
}

// Fatalf implements pebble.Logger. Pebble expects the process to end; here writing
// does, which keeps Pebble from doing harm with what it cannot rely on any more.
func (l *listener) Fatalf(format string, args ...any) {
	for _, a := range args {
		if err, ok := a.(error); ok {
			l.fail(diskError("database", err))
			return
		}
	}
	l.fail(fmt.Errorf("database: %w: %s", ErrDisk, fmt.Sprintf(format, args...)))
}

// lazy is a text that is made when it is logged.
type lazy struct {
	format string
	args   []any
}

// LogValue implements slog.LogValuer.
func (l lazy) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf(l.format, l.args...)) }

// events returns what Pebble calls. Its calls may hold locks of Pebble's.
func (l *listener) events() *pebble.EventListener {
	e := &pebble.EventListener{
		BackgroundError: func(err error) {
			l.fail(diskError("background work", err))
			l.pause()
		},
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			l.fail(fmt.Errorf("file %s: %w: %w", info.Path, ErrDamaged, info.Details))
		},
		DiskSlow: func(info pebble.DiskSlowInfo) {
			l.log.Warn("disk is slow", "file", info.Path, "operation", info.OpType.String(), "since", info.Duration)
		},
		FormatUpgrade: func(v pebble.FormatMajorVersion) { l.log.Info("database format", "version", uint64(v)) },
		LowDiskSpace: func(info pebble.LowDiskSpaceInfo) {
			l.log.Warn("disk space is low", "free", info.AvailBytes, "of", info.TotalBytes)
		},
		WriteStallBegin: func(info pebble.WriteStallBeginInfo) {
			l.stalls.Add(1)
			l.stall.Store(time.Now().UnixNano())
			l.log.Warn("commits wait for compactions", "reason", info.Reason)
		},
		WriteStallEnd: func() {
			waited := time.Now().UnixNano() - l.stall.Swap(0)
			l.waited.Add(waited)
			l.log.Info("commits go on", "waited", time.Duration(waited))
		},
	}
	return e
}

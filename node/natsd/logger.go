package natsd

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
)

// slogger lets nats-server log to slog. What nats-server calls fatal, and would
// end its own process for, is kept for Start to report.
type slogger struct {
	log *slog.Logger

	mu struct {
		sync.Mutex
		fatal string
	}
}

// Noticef logs to debug: notices tell the steps of a start, every connection
// and every gateway.
func (l *slogger) Noticef(format string, v ...any) { l.log.Debug(line(format, v)) }

func (l *slogger) Warnf(format string, v ...any)  { l.log.Warn(line(format, v)) }
func (l *slogger) Errorf(format string, v ...any) { l.log.Error(line(format, v)) }
func (l *slogger) Debugf(format string, v ...any) { l.log.Debug(line(format, v)) }
func (l *slogger) Tracef(format string, v ...any) { l.log.Debug(line(format, v)) }

func (l *slogger) Fatalf(format string, v ...any) {
	text := line(format, v)
	l.log.Error(text)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.fatal == "" {
		l.mu.fatal = text
	}
}

// fatal returns the first fatal line, or "".
func (l *slogger) fatal() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.fatal
}

func line(format string, v []any) string { return strings.TrimSpace(fmt.Sprintf(format, v...)) }

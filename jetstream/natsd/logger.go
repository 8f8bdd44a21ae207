package natsd

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
)

// serverLogger carries a nats-server's log to slog. It never ends the process:
// a fatal line is kept for [Start] to return, and the last error for
// [Node.Health] to name as the cause.
type serverLogger struct {
	out *slog.Logger

	mu    sync.Mutex
	fatal string
	last  string
}

func (l *serverLogger) Fatalf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	l.mu.Lock()
	if l.fatal == "" {
		l.fatal = text
	}
	l.mu.Unlock()
	l.Errorf("%s", text)
}

func (l *serverLogger) Errorf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	// The line that announces the consequence would hide the cause.
	if !strings.Contains(text, "will be DISABLED") {
		l.mu.Lock()
		l.last = text
		l.mu.Unlock()
	}
	l.out.Error(text)
}

func (l *serverLogger) Warnf(format string, args ...any) { l.out.Warn(fmt.Sprintf(format, args...)) }

// Noticef is the server's start and stop banner: of interest to its developers.
func (l *serverLogger) Noticef(format string, args ...any) { l.out.Debug(fmt.Sprintf(format, args...)) }

func (l *serverLogger) Debugf(string, ...any) {}
func (l *serverLogger) Tracef(string, ...any) {}

func (l *serverLogger) fatalError() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fatal
}

func (l *serverLogger) lastError() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

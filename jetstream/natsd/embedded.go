package natsd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const (
	// Rivulet has no streams in memory; this bounds what anybody else who is
	// given the connection may put there.
	maxMemory = 64 << 20
	// readyWithin bounds what remains to be done after recovery.
	readyWithin = 10 * time.Second
)

// embedded is a nats-server in this process and the lock on its directory.
type embedded struct {
	dir    string
	lock   *dirLock
	server *server.Server
	log    *serverLogger
}

func startEmbedded(ctx context.Context, cfg Config) (*embedded, error) {
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("natsd: data directory: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("natsd: data directory: %w", err)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	e := &embedded{dir: dir, lock: lock, log: &serverLogger{out: cfg.Logger}}
	if err := e.run(ctx, cfg); err != nil {
		return nil, errors.Join(err, e.close())
	}
	return e, nil
}

func (e *embedded) run(ctx context.Context, cfg Config) error {
	srv, err := server.NewServer(&server.Options{
		ServerName:         "rivulet",
		DontListen:         true,
		NoSigs:             true,
		JetStream:          true,
		StoreDir:           e.dir, // the server appends "jetstream"
		JetStreamMaxMemory: maxMemory,
		MaxPayload:         cfg.MaxPayload,
		SyncAlways:         cfg.Sync.always(),
		SyncInterval:       cfg.Sync.Interval,
	})
	if err != nil {
		return fmt.Errorf("natsd: embedded server: %w", err)
	}
	e.server = srv
	srv.SetLoggerV2(e.log, false, false, false)
	srv.Start()
	if cause := e.log.fatalError(); cause != "" {
		return fmt.Errorf("natsd: embedded server: %s", cause)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("natsd: embedded server: %w", err)
	}
	if !srv.ReadyForConnections(readyWithin) {
		return fmt.Errorf("natsd: embedded server: not ready within %s", readyWithin)
	}
	return e.health()
}

func (e *embedded) health() error {
	if !e.server.JetStreamEnabled() {
		if cause := e.log.lastError(); cause != "" {
			return fmt.Errorf("natsd: JetStream has switched itself off: %s (data directory %s): remove the cause and restart", cause, e.dir)
		}
		return fmt.Errorf("natsd: JetStream has switched itself off (data directory %s): restart", e.dir)
	}
	status := e.server.Healthz(nil)
	until := time.Now().Add(makingWithin)
	for same := 1; status.Error != "" && same < healthTries; same++ {
		// It gives the server a millisecond to answer, too little on a busy machine.
		if !e.server.ReadyForConnections(busyWithin) {
			break
		}
		// A stream that is being made has its directory first, and looks as one that could
		// not be recovered. There is no event for when it is there.
		time.Sleep(makingPause)
		before := status.Error
		if status = e.server.Healthz(nil); status.Error == before {
			continue
		}
		if same = 0; time.Now().After(until) {
			return nil // what is wrong is over again and again
		}
	}
	if status.Error != "" {
		return fmt.Errorf("natsd: %s (data directory %s)", status.Error, e.dir)
	}
	return nil
}

// Bounds of how long a server that is merely busy is taken for healthy.
const (
	healthTries = 10
	busyWithin  = 100 * time.Millisecond
	// A stream is taken to be in the making for so long, of several in turn each.
	makingPause  = 20 * time.Millisecond
	makingWithin = 700 * time.Millisecond
)

func (e *embedded) options() []nats.Option {
	return []nats.Option{nats.InProcessServer(e.server)}
}

func (e *embedded) close() error {
	if e.server != nil {
		e.server.Shutdown()
		e.server.WaitForShutdown()
	}
	return e.lock.release()
}

package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/feed"
	intake "github.com/rivulet-sync/rivulet/jetstream/inbox"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/jetstream/snapshot"
	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/server/httpapi"
	"github.com/rivulet-sync/rivulet/server/presence"
	"github.com/rivulet-sync/rivulet/server/session"
	"github.com/rivulet-sync/rivulet/shared/record"
)

const (
	// reconnectWithin spreads the reconnects of the clients of a stopping server.
	reconnectWithin = 2 * time.Second
	// drainTimeout is how long clients get to hear that the server stops.
	drainTimeout = time.Second
	// openWithin is how long the streams beside the log may take to be there.
	openWithin = 30 * time.Second
)

// Server is a running server. It is made by [Start].
type Server struct {
	listener  net.Listener
	http      *http.Server
	nats      *natsd.Node
	log       *deltalog.Log
	snapshots *snapshot.Store
	client    record.ClientID   // of the server itself
	presence  *presence.Network // nil with NATS inside: there is no other server
	documents *host.Registry
	sessions  *session.Group
	inbox     *eventInbox
	storage   *storage
	feed      *feed.Feed

	subscriptions subscriptions

	logger *slog.Logger
	keep   time.Duration

	wg       sync.WaitGroup
	beside   context.Context // of what goes on beside requests
	cancel   context.CancelCauseFunc
	stopOnce sync.Once
	stopErr  error
	failed   chan error
}

// Start starts a server and returns when it accepts connections. Errors say what
// to do: the directory is in use, the address is taken, ...
func Start(ctx context.Context, cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	local, err := loopback(cfg.Addr)
	if err != nil {
		return nil, err
	}
	if !local && !cfg.Insecure {
		return nil, fmt.Errorf("address %s: %w", cfg.Addr, errExposed)
	}
	s := &Server{failed: make(chan error, 1), logger: cfg.Logger, keep: cfg.Keep}
	s.beside, s.cancel = context.WithCancelCause(context.Background())
	if err := s.start(ctx, cfg, local); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Server) start(ctx context.Context, cfg Config, local bool) (err error) {
	if s.nats, err = natsd.Start(ctx, natsd.Config{Dir: cfg.Data, URL: cfg.NATS, Sync: cfg.Sync, Logger: cfg.Logger}); err != nil {
		return err
	}
	s.storage = newStorage(s.nats.Health, cfg.Logger)
	s.client = newClient()
	s.log, err = deltalog.Open(ctx, deltalog.Config{
		Conn: s.nats.Conn(), JetStream: s.nats.JetStream(), Replicas: cfg.Replicas,
		Logger: cfg.Logger, OnStall: s.storage.stalled,
		OnVoid: func(key record.Key, v deltalog.Void) { reportVoid(cfg.Logger, key, v) },
	})
	if err != nil {
		return err
	}
	ctx, opened := context.WithTimeout(ctx, openWithin)
	defer opened()
	s.snapshots, err = snapshot.Open(ctx, snapshot.Config{
		JetStream: s.nats.JetStream(), Replicas: cfg.Replicas, Logger: cfg.Logger,
		MaxSize: max(snapshot.DefaultMaxSize, 2*cfg.Documents.MaxDocument),
	})
	if err != nil {
		return err
	}
	s.feed, err = feed.Open(ctx, feed.Config{
		Log: s.log, JetStream: s.nats.JetStream(), Replicas: cfg.Replicas, Logger: cfg.Logger,
		MaxDocument: max(snapshot.DefaultMaxSize, 2*cfg.Documents.MaxDocument), Exclusive: cfg.NATS == "",
	})
	if err != nil {
		return err
	}
	cfg.Documents.Log, cfg.Documents.Snapshots = s.log, s.snapshots
	if cfg.NATS != "" { // there may be other servers
		s.presence = presence.NewNetwork(presence.Config{Conn: s.nats.Conn(), Expiry: cfg.PresenceExpiry, Logger: cfg.Logger})
	}
	cfg.Documents.Presence = s.presence
	s.documents = host.NewRegistry(cfg.Documents)
	cfg.Sessions.Documents, cfg.Sessions.History = s.documents, s.log
	cfg.Sessions.Version = cfg.Version
	cfg.Sessions.NewClient = newClient
	cfg.Sessions.Reserved = []record.ClientID{intake.Client()}
	s.sessions = session.NewGroup(cfg.Sessions)
	s.wg.Go(func() { s.storage.watch(s.sessions.SetStorage) })
	s.wg.Go(func() { s.compactNowAndThen(s.beside, cfg.Garbage) })
	s.openInbox(cfg)

	registry := prometheus.NewRegistry()
	registry.MustRegister(newMetrics(s), newInboxMetrics(s), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	if s.listener, err = net.Listen("tcp", cfg.Addr); err != nil {
		return fmt.Errorf("cannot listen: %w; choose another address with --addr, or stop what uses it", err)
	}
	hooks, err := s.startWebhooks(ctx, cfg)
	if err != nil {
		return err
	}
	s.http = &http.Server{
		Handler: httpapi.New(httpapi.Config{
			Sessions: s.sessions, Store: store{s}, Health: s.storage.health, Documents: s.documents.Live,
			Version: cfg.Version, Web: cfg.Web, Logger: cfg.Logger, LocalOnly: local, Origins: cfg.Origins,
			Feeds: feeds{s}, Inbox: s, Webhooks: hooks, Metrics: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}),
			Debug: cfg.Debug,
		}),
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelInfo),
	}
	s.wg.Go(func() {
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	})
	return nil
}

// URL returns where the server is reached, such as http://127.0.0.1:8080.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// Live returns how many documents are in memory.
func (s *Server) Live() int { return s.documents.Live() }

// Clients returns how many are connected.
func (s *Server) Clients() int { return s.sessions.Len() }

// Health returns nil while edits can be stored.
func (s *Server) Health() error { return s.storage.health() }

// Failed delivers an error if the server ceases to accept connections by itself.
func (s *Server) Failed() <-chan error { return s.failed }

// Close stops the server in less than two seconds: clients are told to connect
// anew, appends in flight are completed or left to be found in the log, and NATS
// is stopped. It may be called again.
func (s *Server) Close() error {
	s.stopOnce.Do(func() { s.stopErr = s.stop() })
	return s.stopErr
}

func (s *Server) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	var errs []error
	s.cancel(ErrClosed)
	s.subscriptions.close()
	if s.sessions != nil {
		s.sessions.Close(ctx, reconnectWithin)
	}
	if s.http != nil {
		errs = append(errs, s.http.Close())
		s.sessions.Close(ctx, reconnectWithin) // of connections that came meanwhile
	} else if s.listener != nil {
		errs = append(errs, s.listener.Close())
	}
	if s.documents != nil {
		s.documents.Close()
	}
	if s.storage != nil {
		s.storage.close()
	}
	s.wg.Wait()
	if s.nats != nil {
		errs = append(errs, s.nats.Close())
	}
	return errors.Join(errs...)
}

// reportVoid logs a record that does not count. One that follows a record which
// the log does not have means that the log has lost something.
func reportVoid(logger *slog.Logger, key record.Key, v deltalog.Void) {
	level, message := slog.LevelWarn, "void record in the log"
	if v.Record.Prev > v.Head.Revision {
		level, message = slog.LevelError, "void record in the log: its predecessor is missing"
	}
	logger.Log(context.Background(), level, message,
		"doc", key.String(), "sequence", v.Sequence, "prev", v.Record.Prev, "head", v.Head.String())
}

// newClient issues a client id.
func newClient() record.ClientID {
	var id record.ClientID
	rand.Read(id[6:]) //nolint:errcheck // never fails
	ms := time.Now().UnixMilli()
	for i := range 6 {
		id[i] = byte(ms >> (8 * (5 - i)))
	}
	return id
}

package session

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// Config is what sessions share. Zero limits stand for the defaults.
type Config struct {
	Documents *host.Registry
	History   History
	Logger    *slog.Logger
	// Version of the server, told to clients.
	Version string
	// NewClient issues an id.
	NewClient func() record.ClientID

	// MaxMessage and MaxDelta bound what a client sends, in bytes.
	MaxMessage, MaxDelta int
	// MaxQueue bounds what is queued for a client, in bytes: 4 MiB.
	MaxQueue int
	// MaxOpen bounds the documents that a client has open: 1000.
	MaxOpen int
	// Heartbeat is how often a client must be heard from: 15 s.
	Heartbeat time.Duration
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.MaxMessage <= 0 {
		c.MaxMessage = wire.MaxMessage
	}
	if c.MaxDelta <= 0 {
		c.MaxDelta = wire.MaxDelta
	}
	if c.MaxQueue <= 0 {
		c.MaxQueue = 4 << 20
	}
	if c.MaxOpen <= 0 {
		c.MaxOpen = 1000
	}
	if c.Heartbeat <= 0 {
		c.Heartbeat = 15 * time.Second
	}
	return c
}

// helloTimeout is how long a client has to say who it is.
const helloTimeout = 10 * time.Second

// Session is one connection.
type Session struct {
	cfg    Config
	conn   *websocket.Conn
	out    *queue
	client record.ClientID

	open     map[uint32]*host.Handle
	byKey    map[record.Key]uint32
	logReads chan *wire.ReadLog // requests for the log reader; bounded
	welcomed func(*Session)     // told when the client has been greeted
	// transactions over several documents wait here; bounded.
	transactions chan transaction
}

func newSession(cfg Config, conn *websocket.Conn, welcomed func(*Session)) *Session {
	conn.SetReadLimit(int64(cfg.MaxMessage))
	return &Session{
		cfg: cfg, conn: conn, out: newQueue(cfg.MaxQueue),
		open: make(map[uint32]*host.Handle), byKey: make(map[record.Key]uint32),
		logReads: make(chan *wire.ReadLog, maxLogReads), welcomed: welcomed,
		transactions: make(chan transaction, maxTransactions),
	}
}

// Client implements [host.Subscriber].
func (s *Session) Client() record.ClientID { return s.client }

// Send implements [host.Subscriber].
func (s *Session) Send(frame []byte) { s.out.push(frame) }

// shutdown ends the session because the server stops; the client is advised to
// connect anew at a random time within the given one. It does not wait.
func (s *Session) shutdown(reconnectWithin time.Duration) {
	s.out.fail(&closing{
		code: wire.CodeDraining, detail: "the server is stopping",
		before: wire.Encode(&wire.Drain{Within: uint32(reconnectWithin.Milliseconds())}),
	})
}

// serve runs the session until the client leaves, breaks the protocol, is silent
// or too slow, or shutdown is called. It closes the connection.
func (s *Session) serve() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { s.write(cancel) })
	wg.Go(func() { s.serveLog(ctx) })
	wg.Go(func() { s.serveTransactions(ctx) })

	err := s.read(ctx)
	s.cfg.Logger.Debug("session ended", "client", s.client.String(), "error", err)
	for _, h := range s.open {
		h.Close()
	}
	s.out.fail(err)
	cancel()
	wg.Wait()
	s.conn.CloseNow() //nolint:errcheck // closed already in most cases
}

// read decodes what the client sends until the connection ends. When the client
// breaks the protocol the writer is told to end the session, and what else comes
// is discarded.
func (s *Session) read(ctx context.Context) error {
	silence := time.AfterFunc(helloTimeout, func() { s.out.fail(&closing{code: wire.CodeIdle, detail: "silent for too long"}) })
	defer silence.Stop()
	for broken := false; ; {
		kind, message, err := s.conn.Read(ctx)
		if err != nil {
			return err
		}
		if broken {
			continue
		}
		silence.Reset(2 * s.cfg.Heartbeat)
		if kind != websocket.MessageBinary {
			err = &closing{code: wire.CodeBadFrame, detail: "messages must be binary"}
		} else {
			err = s.receive(ctx, message)
		}
		if err != nil {
			broken = true
			s.out.fail(err)
		}
	}
}

// receive handles the frames of one message.
func (s *Session) receive(ctx context.Context, message []byte) error {
	if len(message) == 0 {
		return &closing{code: wire.CodeBadFrame, detail: "empty message"}
	}
	for len(message) > 0 {
		frame, rest, err := wire.Decode(message)
		if err != nil {
			return &closing{code: wire.CodeBadFrame, detail: err.Error()}
		}
		message = rest
		if s.client.IsZero() {
			err = s.hello(frame)
		} else {
			err = s.handle(ctx, frame)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

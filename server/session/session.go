package session

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/server/payload"
	"github.com/rivulet-sync/rivulet/server/socket"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// Session is one connection.
type Session struct {
	group     *Group
	cfg       *Config
	conn      *socket.Conn
	principal string
	out       queue
	client    record.ClientID

	ctx    context.Context // ends with the session
	cancel context.CancelFunc
	wg     sync.WaitGroup // what goes on beside the reader; one is for the end of the queue
	begun  time.Time
	heard  atomic.Int64 // when the client was heard from last, in ns since begun

	mu       sync.Mutex // guards what follows; nothing else is locked while it is held
	open     map[uint32]*host.Handle
	byKey    map[record.Key]uint32
	opening  map[uint32]struct{} // those whose client has no answer yet
	answered chan struct{}       // has a token when there are fewer; nil while nobody waits

	frames, bytes *rate.Limiter // nil: unlimited

	history, transactions helper
}

func newSession(g *Group, conn *socket.Conn, principal string) *Session {
	conn.SetReadLimit(int64(g.cfg.MaxMessage))
	s := &Session{
		group: g, cfg: &g.cfg, conn: conn, principal: principal, out: queue{limit: g.cfg.MaxQueue}, begun: time.Now(),
		open: make(map[uint32]*host.Handle), byKey: make(map[record.Key]uint32),
		frames: g.cfg.limiter(g.cfg.MaxMutations), bytes: g.cfg.limiter(g.cfg.MaxBytes),
		history: helper{most: maxLogReads}, transactions: helper{most: maxTransactions},
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.wg.Add(1)
	return s
}

// Client implements [host.Subscriber].
func (s *Session) Client() record.ClientID { return s.client }

// Send implements [host.Subscriber].
func (s *Session) Send(frames []byte) {
	if wire.IsFault(frames) {
		s.faulted(frames)
	}
	if s.out.push(item{frames: frames}) {
		s.group.flusher.add(s)
	}
}

// Answer implements [host.Subscriber].
func (s *Session) Answer(a *payload.Answer) {
	s.mu.Lock()
	s.opened(a.Doc)
	s.mu.Unlock()
	if s.out.push(item{answer: a}) {
		s.group.flusher.add(s)
	}
}

// end ends the session; the client is told why if err is a closing. It does not wait. Only
// the first error counts.
func (s *Session) end(err error) {
	if s.out.fail(err) {
		s.group.flusher.add(s)
	}
}

// shutdown ends the session because the server stops; the client is advised to
// connect anew at a random time within the given one. It does not wait.
func (s *Session) shutdown(reconnectWithin time.Duration) {
	s.end(&closing{
		code: wire.CodeDraining, detail: "the server is stopping",
		before: wire.Encode(&wire.Drain{Within: uint32(reconnectWithin.Milliseconds())}),
	})
}

// serve runs the session until the client leaves, breaks the protocol, is silent
// or too slow, or shutdown is called. It closes the connection.
func (s *Session) serve() {
	err := s.read()
	s.cfg.Logger.Debug("session ended", "client", s.client.String(), "error", err)
	s.end(err)
	s.cancel()
	s.wg.Wait()
	s.conn.Cut()
	s.mu.Lock()
	open := s.open
	s.open = nil
	s.mu.Unlock()
	for _, h := range open {
		h.Close()
	}
}

// queueEnded is called once, when nothing more will be written.
func (s *Session) queueEnded() {
	s.cancel()
	s.wg.Done()
}

// read decodes what the client sends until the connection ends. When the client
// breaks the protocol the session is told to end, and what else comes is discarded.
func (s *Session) read() error {
	for broken := false; ; {
		message, err := s.conn.Read()
		if err != nil && !errors.Is(err, socket.ErrText) {
			return err
		}
		if broken {
			continue
		}
		s.heard.Store(int64(time.Since(s.begun)))
		if err != nil {
			err = &closing{code: wire.CodeBadFrame, detail: "messages must be binary"}
		} else {
			err = s.receive(message)
		}
		if err != nil {
			broken = true
			s.end(err)
		}
	}
}

// receive handles the frames of one message.
func (s *Session) receive(message []byte) error {
	if len(message) == 0 {
		return &closing{code: wire.CodeBadFrame, detail: "empty message"}
	}
	if err := s.pace(s.bytes, len(message)); err != nil {
		return err
	}
	for len(message) > 0 {
		frame, rest, err := wire.Decode(message)
		if err != nil {
			return &closing{code: wire.CodeBadFrame, detail: err.Error()}
		}
		message = rest
		if err := s.pace(s.frames, 1); err != nil {
			return err
		}
		if s.client.IsZero() {
			err = s.hello(frame)
		} else {
			err = s.handle(s.ctx, frame)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// pace waits until a client may go on that has done something n times. What it sends
// meanwhile waits in the network, and then at the client.
func (s *Session) pace(limit *rate.Limiter, n int) error {
	if limit == nil {
		return nil
	}
	now := time.Now()
	wait := limit.ReserveN(now, min(n, limit.Burst())).DelayFrom(now)
	if wait <= 0 {
		return nil
	}
	s.heard.Store(int64(time.Since(s.begun) + wait)) // it is not the one that is silent
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}

// cutOff closes documents whose client has not read what is queued of them, and tells it to
// open them anew.
func (s *Session) cutOff(docs []uint32) {
	for _, doc := range docs {
		s.mu.Lock()
		h, ok := s.open[doc]
		if ok {
			s.forget(h)
		}
		s.mu.Unlock()
		if ok {
			h.Close()
			s.group.flusher.counts.cut.Add(1)
			s.Send(wire.Encode(&wire.Fault{Code: wire.CodeSlow, Key: h.Key().String(), Detail: "the client reads too slowly: it goes on from where it is"}))
		}
	}
}

// forget takes a document off those that are open. The lock is held.
func (s *Session) forget(h *host.Handle) {
	delete(s.open, h.Number())
	delete(s.byKey, h.Key())
	s.opened(h.Number())
}

// handleOf returns a document that is open.
func (s *Session) handleOf(doc uint32) (*host.Handle, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, ok := s.open[doc]
	return h, ok
}

// opened notes that a client has its answer, or needs none any more. The lock is held.
func (s *Session) opened(doc uint32) {
	delete(s.opening, doc)
	select {
	case s.answered <- struct{}{}:
	default: // nobody waits
	}
}

// faulted takes note of a document that could not be opened.
func (s *Session) faulted(frame []byte) {
	f, _, err := wire.Decode(frame)
	if err != nil {
		return
	}
	key, err := record.ParseKey(f.(*wire.Fault).Key)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened(s.byKey[key])
}

// begin notes that a document is being opened. While as many are as may be it waits for one
// of them, as long as is reasonable, and then reports false.
func (s *Session) begin(h *host.Handle) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.opening) >= s.cfg.MaxOpening {
		s.answered = make(chan struct{}, 1)
		patience := time.NewTimer(openPatience)
		defer patience.Stop()
		for waiting := true; waiting && len(s.opening) >= s.cfg.MaxOpening; {
			s.mu.Unlock()
			select {
			case <-s.answered:
			case <-patience.C:
				waiting = false
			case <-s.ctx.Done():
				waiting = false
			}
			s.mu.Lock()
		}
		s.answered = nil
		if len(s.opening) >= s.cfg.MaxOpening {
			return false
		}
	}
	if s.opening == nil {
		s.opening = make(map[uint32]struct{})
	}
	s.opening[h.Number()] = struct{}{}
	s.open[h.Number()], s.byKey[h.Key()] = h, h.Number()
	return true
}

// openPatience is how long a client that opens more documents at once than it may waits for
// one of them.
const openPatience = time.Second

// helper does what takes long beside the reader, one after the other, and bounded.
type helper struct {
	most int

	mu      sync.Mutex
	waiting []func(context.Context)
	busy    bool
}

// do has something done, unless too much waits.
func (h *helper) do(s *Session, what func(context.Context)) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.waiting) >= h.most {
		return false
	}
	h.waiting = append(h.waiting, what)
	if !h.busy {
		h.busy = true
		s.wg.Go(func() { h.run(s.ctx) })
	}
	return true
}

func (h *helper) run(ctx context.Context) {
	for {
		h.mu.Lock()
		if len(h.waiting) == 0 || ctx.Err() != nil {
			h.busy, h.waiting = false, nil
			h.mu.Unlock()
			return
		}
		what := h.waiting[0]
		h.waiting = h.waiting[1:]
		h.mu.Unlock()
		what(ctx)
	}
}

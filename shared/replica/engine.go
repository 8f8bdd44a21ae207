package replica

import (
	"errors"
	"strconv"

	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// Config describes a client.
type Config struct {
	// Random returns 64 random bits. Required.
	Random func() uint64
	// Token is presented to the server.
	Token string
	// OnStorage, if set, is told when the server's log stops or resumes to take
	// appends.
	OnStorage func(available bool, detail string)
	// OnDrain, if set, is told that the server is about to stop and that the
	// client should connect anew at a random time within so many milliseconds.
	OnDrain func(within uint32)
	// OnDiverged, if set, is told that a document differed from the server's at a
	// position (law L4). It is taken anew; see [wire.CodeDiverged] for when that
	// does not help.
	OnDiverged func(key record.Key, at record.Position)
	// Now returns the time in milliseconds since 1970; nil: the engine keeps the id that
	// it was given first. See [Engine.Connected].
	Now func() int64
	// OnLogPage, if set, is told the answers to ReadLog: a page, or a fault.
	OnLogPage func(request uint32, page *wire.LogPage, fault *wire.Fault)
}

// Engine is one client of a server. Use [New].
type Engine struct {
	cfg    Config
	state  connState
	client record.ClientID
	limits limits
	out    outbox

	docs     map[record.Key]*Document
	byNumber map[uint32]*Document
	// transactions over several documents wait here; the first may be on its way.
	transactions []*transaction

	silent    int    // ticks since the last message of the server
	heartbeat uint32 // milliseconds
	noStorage bool   // the server said that it takes no edits
	request   uint32 // the last number given to an Open or a ReadLog
	counter   uint64 // the last number given to a mutation, of any document
	diverged  uint64 // how often a document differed from the server's
	taken     uint64 // mutations that the log has
}

type limits struct{ message, delta int }

type connState uint8

const (
	down     connState = iota // no transport
	greeting                  // Hello was sent
	up                        // Welcome was received
)

// New returns an engine that is not connected.
func New(cfg Config) *Engine {
	return &Engine{
		cfg:      cfg,
		limits:   limits{message: wire.MaxMessage, delta: wire.MaxDelta},
		docs:     make(map[record.Key]*Document),
		byNumber: make(map[uint32]*Document),
	}
}

// ProtocolError says that the server sent something that makes no sense where it
// came. The connection must be closed; a new one starts afresh.
type ProtocolError struct{ Reason string }

func (e *ProtocolError) Error() string { return "protocol: " + e.Reason }

// ClosedError says that the server ended the connection, and why. What to do is
// in Code.Retry.
type ClosedError struct {
	Code   wire.Code
	Detail string
}

func (e *ClosedError) Error() string {
	return "closed by the server: " + e.Code.String() + ": " + e.Detail
}

// Client returns the id that the server has given to this client, zero before
// the first connection.
func (e *Engine) Client() record.ClientID { return e.client }

// Online reports whether the server has welcomed the client on the present
// connection.
func (e *Engine) Online() bool { return e.state == up }

// Heartbeat returns how often, in milliseconds, the server wants to hear from
// the client; 0 before the first connection. [Engine.Tick] sees to it when it is
// called more often than that.
func (e *Engine) Heartbeat() uint32 { return e.heartbeat }

// Taken returns how many mutations of this client were found to be in the log. It grows
// while connections are of use, however short they are.
func (e *Engine) Taken() uint64 { return e.taken }

// Diverged returns how often a document differed from the server's (law L4), of
// all documents that this engine has had open. It is 0 unless something is broken.
func (e *Engine) Diverged() uint64 { return e.diverged }

func (e *Engine) noteDiverged(d *Document) {
	e.diverged++
	if e.cfg.OnDiverged != nil {
		e.cfg.OnDiverged(d.key, d.at)
	}
}

// renewAfter is how old an id is, in milliseconds, that is given up for a new one: 30
// days. A server remembers for longer what a client has done.
const renewAfter = 30 * 24 * 60 * 60 * 1000

// renew gives the client's id up if it is old and nothing depends on it: with nothing
// pending nobody has to remember what the client has done. Who kept an id for ever would
// be told one day that it has expired.
func (e *Engine) renew() {
	if e.client.IsZero() || e.cfg.Now == nil || e.cfg.Now()-e.client.Born() < renewAfter || len(e.transactions) > 0 {
		return
	}
	for _, d := range e.docs {
		if len(d.pending) > 0 {
			return
		}
	}
	e.client = record.ClientID{}
	for _, d := range e.docs {
		d.last = record.MutationID{}
	}
}

// Connected says that a transport is up. The engine greets the server, as the client that
// it was, or as a new one if it is old and nothing is pending.
func (e *Engine) Connected() {
	e.Disconnected()
	e.renew()
	e.state = greeting
	e.silent = 0
	e.out.add(&wire.Hello{Protocol: wire.Protocol, Client: e.client, Token: e.cfg.Token})
}

// Disconnected says that the transport is gone. Everything pending is kept.
func (e *Engine) Disconnected() {
	e.state = down
	e.out.clear()
	for _, d := range e.docs {
		d.disconnected()
	}
	clear(e.byNumber)
	e.unsendTransactions()
}

// TakeOutput returns the next message to send, nil when there is none. Call it
// until it returns nil, after every call that may have produced output.
func (e *Engine) TakeOutput() []byte { return e.out.take(e.limits.message) }

// maxSilence is after how many ticks without a message a connection is dead.
const maxSilence = 3

// Tick says that some seconds went by. It returns false when the server has been
// silent for so long that the connection should be closed.
func (e *Engine) Tick() bool {
	if e.state == down {
		return true
	}
	e.silent++
	if e.silent > maxSilence {
		return false
	}
	if e.state == up {
		e.out.add(&wire.Ping{Number: uint64(e.silent)})
		for _, d := range e.docs {
			if d.state == failed {
				d.open()
			}
		}
		e.retryTransactions()
	}
	return true
}

// Open returns the document of a key and subscribes to it, now or as soon as
// there is a connection. Opening a key again returns the same document and
// ignores the observer.
func (e *Engine) Open(key record.Key, observer Observer) *Document {
	if d, ok := e.docs[key]; ok {
		return d
	}
	d := newDocument(e, key, observer)
	e.docs[key] = d
	if e.state == up {
		d.open()
	}
	return d
}

// ReadLog asks for a page of a document's log; the answer, with the same number,
// comes by Config.OnLogPage. It returns 0 when there is no connection.
func (e *Engine) ReadLog(key record.Key, after record.Revision, limit uint32) uint32 {
	if e.state != up {
		return 0
	}
	request := e.nextRequest()
	e.out.add(&wire.ReadLog{Request: request, Key: key.String(), After: after, Limit: limit})
	return request
}

// nextRequest returns a number that no other request of the last four billion
// has.
func (e *Engine) nextRequest() uint32 {
	if e.request++; e.request == 0 {
		e.request++
	}
	return e.request
}

// Receive takes a message of the server. The error is a [*ProtocolError], a
// [*ClosedError] or a [*wire.FrameError]; the driver must then close the
// connection.
func (e *Engine) Receive(message []byte) error {
	if e.state == down {
		return &ProtocolError{Reason: "a message without a connection"}
	}
	e.silent = 0
	touched := make(map[*Document]struct{}, 1)
	defer func() {
		for d := range touched {
			d.observer.Changed()
		}
	}()
	for len(message) > 0 {
		frame, rest, err := wire.Decode(message)
		if err != nil {
			return err
		}
		message = rest
		d, err := e.dispatch(frame)
		if d != nil {
			touched[d] = struct{}{}
		}
		if err != nil {
			return err
		}
	}
	e.transact()
	return nil
}

// dispatch handles one frame and returns the document whose observer has to be
// told that a batch is over.
func (e *Engine) dispatch(frame wire.Frame) (*Document, error) {
	if welcome, ok := frame.(*wire.Welcome); ok {
		return nil, e.welcome(welcome)
	}
	if fault, ok := frame.(*wire.Fault); ok {
		return e.fault(fault)
	}
	if drain, ok := frame.(*wire.Drain); ok {
		if e.cfg.OnDrain != nil {
			e.cfg.OnDrain(drain.Within)
		}
		return nil, nil
	}
	if e.state != up {
		return nil, &ProtocolError{Reason: "frame type " + strconv.Itoa(int(frame.Type())) + " before welcome"}
	}
	switch f := frame.(type) {
	case *wire.Opened:
		return e.opened(f)
	case *wire.Commit:
		if d := e.byNumber[f.Doc]; d != nil {
			return d, d.commit(f)
		}
	case *wire.Checksum:
		if d := e.byNumber[f.Doc]; d != nil {
			changed, err := d.verify(f)
			if !changed {
				d = nil
			}
			return d, err
		}
	case *wire.Conflict:
		if d := e.byNumber[f.Doc]; d != nil {
			d.conflict(f)
			return d, nil
		}
	case *wire.Reject:
		if d := e.byNumber[f.Doc]; d != nil {
			d.reject(f)
			return d, nil
		}
	case *wire.Peer:
		if d := e.byNumber[f.Doc]; d != nil {
			d.peer(f)
		}
	case *wire.Transacted:
		e.transacted(f)
	case *wire.Pong:
	case *wire.LogPage:
		if e.cfg.OnLogPage != nil {
			e.cfg.OnLogPage(f.Request, f, nil)
		}
	case *wire.Storage:
		e.storage(f.Available, f.Detail)
	default:
		return nil, &ProtocolError{Reason: "frame type " + strconv.Itoa(int(frame.Type())) + " from a server"}
	}
	return nil, nil
}

func (e *Engine) welcome(f *wire.Welcome) error {
	switch {
	case e.state != greeting:
		return &ProtocolError{Reason: "welcome twice"}
	case f.Protocol != wire.Protocol:
		return &ProtocolError{Reason: "protocol version " + strconv.Itoa(int(f.Protocol))}
	case f.Client.IsZero() || !e.client.IsZero() && f.Client != e.client:
		return &ProtocolError{Reason: "welcome for another client"}
	case f.MaxMessage == 0 || f.MaxDelta == 0:
		return &ProtocolError{Reason: "welcome without limits"}
	}
	e.state = up
	e.client = f.Client
	e.limits = limits{message: int(f.MaxMessage), delta: int(f.MaxDelta)}
	e.heartbeat = f.Heartbeat
	if e.noStorage {
		e.storage(true, "") // if it is not, the server says so next
	}
	for _, d := range e.docs {
		if d.state != refused {
			d.open()
		}
	}
	return nil
}

func (e *Engine) storage(available bool, detail string) {
	e.noStorage = !available
	if e.cfg.OnStorage != nil {
		e.cfg.OnStorage(available, detail)
	}
}

func (e *Engine) opened(f *wire.Opened) (*Document, error) {
	d := e.asking(f.Request)
	if d == nil {
		return nil, nil // left, or opened anew, before the answer came
	}
	return d, d.opened(f)
}

// asking returns the document that waits for the answer to a request.
func (e *Engine) asking(request uint32) *Document {
	for _, d := range e.docs {
		if d.request == request && d.state == opening {
			return d
		}
	}
	return nil
}

func (e *Engine) fault(f *wire.Fault) (*Document, error) {
	if f.Request != 0 {
		if d := e.asking(f.Request); d != nil {
			d.failed(f.Code, f.Detail)
			return d, nil
		}
		if e.cfg.OnLogPage != nil {
			e.cfg.OnLogPage(f.Request, nil, f)
		}
		return nil, nil
	}
	if f.Key == "" {
		return nil, &ClosedError{Code: f.Code, Detail: f.Detail}
	}
	key, err := record.ParseKey(f.Key)
	if err != nil {
		return nil, &ProtocolError{Reason: "fault of a malformed key"}
	}
	d := e.docs[key]
	if d != nil {
		if f.Code == wire.CodeSlow {
			d.cutOff()
		} else {
			d.failed(f.Code, f.Detail)
		}
	}
	return d, nil
}

// Errors of [Document.Mutate].
var (
	// ErrNotReady: nothing is known of the document yet.
	ErrNotReady = errors.New("document is not ready: its first state has not arrived")
	// ErrTooManyPending: [MaxPending] mutations wait for the server.
	ErrTooManyPending = errors.New("too many edits are waiting for the server")
	// ErrDeltaTooLarge: the delta is above the server's bound.
	ErrDeltaTooLarge = errors.New("the edit is larger than the server accepts: make it in parts")
	// ErrLeft: the document was left.
	ErrLeft = errors.New("document was left")
)

package client

import (
	"errors"
	"time"

	"github.com/rivulet-sync/rivulet/shared/replica"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// Transport is what a [Link] asks of its driver. The methods must not block and
// must not call back into the link.
type Transport interface {
	// Dial begins to connect. The driver reports with Dialed, once.
	Dial()
	// Send sends a message on the connection.
	Send(message []byte)
	// Cut ends the connection, or the attempt to make one. Nothing more must be
	// reported of it.
	Cut()
	// Wake asks for a call of Woke after a while. It replaces an earlier request.
	Wake(after time.Duration)
}

// Status is what a link is doing.
type Status uint8

const (
	// Connecting: dialling, or waiting for the server's welcome.
	Connecting Status = iota + 1
	// Online: the server has welcomed the client.
	Online
	// Waiting: the next attempt comes after State.RetryIn.
	Waiting
	// Offline: switched off by [Link.SetOffline].
	Offline
	// Closed: for good; by [Link.Close], or because the server refuses the client.
	Closed
)

// String returns the status in lower case.
func (s Status) String() string {
	switch s {
	case Connecting:
		return "connecting"
	case Online:
		return "online"
	case Waiting:
		return "waiting"
	case Offline:
		return "offline"
	case Closed:
		return "closed"
	}
	return "unknown"
}

// State is a link's status with its circumstances.
type State struct {
	Status Status
	// Code and Detail say why the last connection ended, if the server told.
	Code   wire.Code
	Detail string
	// RetryIn is set for Waiting.
	RetryIn time.Duration
}

const (
	minBackoff  = 100 * time.Millisecond
	maxBackoff  = 5 * time.Second
	maxDrain    = time.Minute
	dialTimeout = 10 * time.Second
	steadyAfter = time.Second
	minTick     = 100 * time.Millisecond
	maxTick     = 5 * time.Second
)

// Link keeps an engine connected. It is not safe for concurrent use: one driver
// calls it, one call at a time.
type Link struct {
	engine    *replica.Engine
	transport Transport
	random    func() uint64
	onState   func(State)

	state   State
	attempt int           // failed attempts in a row
	drain   time.Duration // spread of the next reconnect, as the server advised
}

// NewLink returns a link that does nothing until [Link.Start]. cfg is completed
// with what the link itself needs to hear; onState is told every change.
func NewLink(cfg replica.Config, transport Transport, onState func(State)) *Link {
	l := &Link{transport: transport, random: cfg.Random, onState: onState}
	cfg.OnDrain = func(within uint32) { l.drain = min(time.Duration(within)*time.Millisecond, maxDrain) }
	l.engine = replica.New(cfg)
	return l
}

// Engine returns the engine. After using it, call [Link.Flush].
func (l *Link) Engine() *replica.Engine { return l.engine }

// State returns what the link is doing.
func (l *Link) State() State { return l.state }

// Start begins to connect.
func (l *Link) Start() { l.dial(State{}) }

// Flush sends what the engine has to say.
func (l *Link) Flush() {
	for message := l.engine.TakeOutput(); message != nil; message = l.engine.TakeOutput() {
		l.transport.Send(message)
	}
}

// Dialed reports the outcome of Dial.
func (l *Link) Dialed(err error) {
	if l.state.Status != Connecting {
		return
	}
	if err != nil {
		l.lost(0, err.Error())
		return
	}
	l.engine.Connected()
	l.Flush()
}

// Received reports a message of the server.
func (l *Link) Received(message []byte) {
	taken := l.engine.Taken()
	err := l.engine.Receive(message)
	if l.engine.Taken() > taken {
		l.attempt = 0 // of use, however soon it ends: a network that is cut all the time is no failing server
	}
	if err != nil {
		l.transport.Cut()
		var closed *replica.ClosedError
		if errors.As(err, &closed) {
			l.lost(closed.Code, closed.Detail)
		} else {
			l.lost(0, err.Error())
		}
		return
	}
	if l.state.Status == Connecting && l.engine.Online() {
		l.set(State{Status: Online})
		l.transport.Wake(min(steadyAfter, l.tick()))
	}
	l.Flush()
}

// Dropped reports that the connection has ended by itself, with its close
// status, or -1.
func (l *Link) Dropped(status int, detail string) {
	code, ok := wire.CodeOfStatus(status)
	switch {
	case status == messageTooBig:
		code = wire.CodeTooLarge
	case !ok:
		code = 0 // not a word of this protocol: the server has not told
	}
	l.lost(code, detail)
}

// messageTooBig is RFC 6455's close status for it.
const messageTooBig = 1009

// Woke reports that the time of Wake is up.
func (l *Link) Woke() {
	switch l.state.Status {
	case Waiting:
		l.dial(l.state)
	case Connecting:
		l.transport.Cut()
		l.lost(0, "no answer within "+dialTimeout.String())
	case Online:
		l.attempt = 0 // not at the welcome: a connection that ends at once is a failure too
		if !l.engine.Tick() {
			l.transport.Cut()
			l.lost(0, "the server is silent")
			return
		}
		l.Flush()
		l.transport.Wake(l.tick())
	}
}

// tick returns how often the engine is to be ticked: a third of the server's
// heartbeat, within bounds.
func (l *Link) tick() time.Duration {
	heartbeat := time.Duration(l.engine.Heartbeat()) * time.Millisecond
	return min(max(heartbeat/3, minTick), maxTick)
}

// Retry connects at once instead of after the wait.
func (l *Link) Retry() {
	if l.state.Status == Waiting {
		l.attempt = 0
		l.dial(l.state)
	}
}

// SetOffline cuts the connection and keeps it cut, or connects at once.
func (l *Link) SetOffline(off bool) {
	switch {
	case l.state.Status == Closed || off == (l.state.Status == Offline):
	case off:
		l.transport.Cut()
		l.engine.Disconnected()
		l.set(State{Status: Offline})
	default:
		l.attempt = 0
		l.dial(State{})
	}
}

// Close ends the link for good.
func (l *Link) Close() {
	if l.state.Status == Closed {
		return
	}
	l.transport.Cut()
	l.engine.Disconnected()
	l.set(State{Status: Closed})
}

func (l *Link) dial(because State) {
	l.set(State{Status: Connecting, Code: because.Code, Detail: because.Detail})
	l.transport.Wake(dialTimeout)
	l.transport.Dial()
}

// lost decides what to do about a connection that ended or was not made.
func (l *Link) lost(code wire.Code, detail string) {
	if l.state.Status != Connecting && l.state.Status != Online {
		return
	}
	l.engine.Disconnected()
	if code != 0 && code.Retry() == wire.RetryNever {
		l.set(State{Status: Closed, Code: code, Detail: detail})
		return
	}
	wait := l.backoff()
	l.set(State{Status: Waiting, Code: code, Detail: detail, RetryIn: wait})
	l.transport.Wake(wait)
}

// backoff returns how long to wait: between half of and all of a time that
// doubles with each failure; or the spread that a stopping server asked for.
func (l *Link) backoff() time.Duration {
	limit := min(minBackoff<<min(l.attempt, 10), maxBackoff)
	l.attempt++
	low := limit / 2
	if l.drain > 0 {
		limit, low, l.drain = l.drain, 0, 0
	}
	return low + time.Duration(l.random()%uint64(limit-low+1))
}

func (l *Link) set(s State) {
	l.state = s
	l.onState(s)
}

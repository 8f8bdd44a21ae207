package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
	"github.com/rivulet-sync/rivulet/shared/mutator"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// clockSkew is how far in the future a client id may have been born.
const clockSkew = 5 * time.Minute

func (s *Session) hello(frame wire.Frame) error {
	f, ok := frame.(*wire.Hello)
	if !ok {
		return &closing{code: wire.CodeBadFrame, detail: "the first frame must be hello"}
	}
	if f.Protocol != wire.Protocol {
		return &closing{code: wire.CodeBadVersion, detail: fmt.Sprintf("protocol version %d; this server speaks %d", f.Protocol, wire.Protocol)}
	}
	s.client = f.Client
	switch {
	case s.client.IsZero():
		s.client = s.cfg.NewClient()
	case slices.Contains(s.cfg.Reserved, s.client), slices.Contains(s.cfg.Reserved, s.client.Transactions()):
		return &closing{code: wire.CodeBadClient, detail: "the client id is one of the server's own"}
	case time.UnixMilli(s.client.Born()).After(time.Now().Add(clockSkew)):
		return &closing{code: wire.CodeBadClient, detail: "the client id is from the future"}
	}
	s.Send(wire.Encode(&wire.Welcome{
		Protocol: wire.Protocol, Client: s.client, Server: s.cfg.Version,
		Heartbeat:  uint32(s.cfg.Heartbeat.Milliseconds()),
		MaxMessage: uint32(s.cfg.MaxMessage), MaxDelta: uint32(s.cfg.MaxDelta),
	}))
	s.group.welcomed(s)
	return nil
}

// handle serves one frame. An error ends the session.
func (s *Session) handle(ctx context.Context, frame wire.Frame) error {
	switch f := frame.(type) {
	case *wire.Open:
		return s.openDocument(ctx, f)
	case *wire.Leave:
		if key, err := record.ParseKey(f.Key); err == nil {
			s.leave(key)
		}
		return nil
	case *wire.Push:
		return s.push(ctx, f)
	case *wire.Invoke:
		return s.invoke(ctx, f)
	case *wire.Transact:
		return s.transact(f)
	case *wire.SetPresence:
		return s.setPresence(ctx, f)
	case *wire.Ping:
		s.Send(wire.Encode(&wire.Pong{Number: f.Number}))
		return nil
	case *wire.ReadLog:
		if !s.history.do(s, func(ctx context.Context) { s.Send(wire.Encode(s.logPage(ctx, f))) }) {
			s.Send(wire.Encode(&wire.Fault{
				Code: wire.CodeTooMany, Key: f.Key, Request: f.Request,
				Detail: fmt.Sprintf("at most %d requests for history may wait", maxLogReads),
			}))
		}
		return nil
	}
	return &closing{code: wire.CodeBadFrame, detail: fmt.Sprintf("frame type %d is out of place", frame.Type())}
}

func (s *Session) openDocument(ctx context.Context, f *wire.Open) error {
	key, err := record.ParseKey(f.Key)
	if err != nil {
		s.refuse(f, wire.CodeBadKey, err.Error())
		return nil
	}
	if f.Request == 0 {
		return &closing{code: wire.CodeBadFrame, detail: "a request's number is 1 or more"}
	}
	s.leave(key)
	if s.openDocuments() >= s.cfg.MaxOpen {
		s.refuse(f, wire.CodeTooMany, fmt.Sprintf("a connection has at most %d documents open", s.cfg.MaxOpen))
		return nil
	}
	h, err := s.cfg.Documents.Handle(key, s)
	if err == nil && !s.begin(h) { // it is known before anything can come of it
		h.Close()
		err = host.ErrBusy
	} else if err == nil {
		s.out.opens(h.Number())
		if err = h.Subscribe(ctx, f.Request, f.At); err != nil {
			s.leave(key)
		}
	}
	switch {
	case errors.Is(err, host.ErrBusy), errors.Is(err, host.ErrFull):
		s.refuse(f, wire.CodeUnavailable, "the server has too much to do")
		return nil
	case errors.Is(err, host.ErrClosed):
		return &closing{code: wire.CodeDraining, detail: "the server is stopping"}
	case err != nil:
		return err
	}
	return nil
}

func (s *Session) openDocuments() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// refuse answers an Open that has failed.
func (s *Session) refuse(f *wire.Open, code wire.Code, detail string) {
	s.Send(wire.Encode(&wire.Fault{Code: code, Request: f.Request, Key: f.Key, Detail: detail}))
}

// leave closes a document if it is open.
func (s *Session) leave(key record.Key) {
	s.mu.Lock()
	h, ok := s.open[s.byKey[key]]
	if ok {
		s.forget(h)
	}
	s.mu.Unlock()
	if ok {
		h.Close()
	}
}

// posted takes the outcome of handing something to a document. One that cannot
// keep up is closed: the client opens it again later and sends what is not in the
// log then; other documents are not held up.
func (s *Session) posted(h *host.Handle, err error) error {
	if errors.Is(err, host.ErrBusy) {
		s.leave(h.Key())
		s.Send(wire.Encode(&wire.Fault{Code: wire.CodeUnavailable, Key: h.Key().String(), Detail: "too much waits for the document's log"}))
		return nil
	}
	return err
}

func (s *Session) push(ctx context.Context, f *wire.Push) error { return s.submit(ctx, f, nil) }

func (s *Session) invoke(ctx context.Context, f *wire.Invoke) error {
	mutation := &wire.Push{Doc: f.Doc, ID: f.ID, Follows: f.Follows, Base: f.Base, Reads: f.Reads, Delta: f.Delta}
	call := &host.Call{Name: f.Name, Args: f.Args, Offered: len(f.Delta) > 0}
	if !call.Offered {
		mutation.Delta = delta.Delta{}.Bytes()
	}
	switch err := jsontext.Validate(f.Args); {
	case !mutator.ValidName(f.Name):
		return &closing{code: wire.CodeBadFrame, detail: "malformed name of a mutation"}
	case len(f.Args) > wire.MaxArgs:
		s.reject(mutation, wire.CodeTooLarge, fmt.Sprintf("arguments have at most %d bytes", wire.MaxArgs))
		return nil
	case err != nil:
		s.reject(mutation, wire.CodeBadArgs, err.Error())
		return nil
	}
	return s.submit(ctx, mutation, call)
}

// submit hands a mutation to its document; call is nil for a plain one.
func (s *Session) submit(ctx context.Context, f *wire.Push, call *host.Call) error {
	h, ok := s.handleOf(f.Doc)
	if !ok {
		s.reject(f, wire.CodeNotOpen, "the document is not open on this connection")
		return nil
	}
	if len(f.Delta) > s.cfg.MaxDelta {
		s.reject(f, wire.CodeTooLarge, fmt.Sprintf("a delta has at most %d bytes", s.cfg.MaxDelta))
		return nil
	}
	patch, err := delta.Parse(f.Delta)
	if err != nil {
		s.reject(f, wire.CodeBadDelta, err.Error())
		return nil
	}
	if len(f.Reads) > wire.MaxReads {
		return &closing{code: wire.CodeBadFrame, detail: "too many reads"}
	}
	for _, r := range f.Reads {
		if !r.Valid() {
			return &closing{code: wire.CodeBadFrame, detail: "malformed read"}
		}
	}
	if f.ID.Number == 0 {
		return &closing{code: wire.CodeBadFrame, detail: "a mutation's number is 1 or more"}
	}
	return s.posted(h, h.Submit(ctx, host.Submission{
		ID: f.ID, Follows: f.Follows, Base: f.Base, Reads: f.Reads, Delta: patch, Call: call,
	}))
}

func (s *Session) reject(f *wire.Push, code wire.Code, detail string) {
	s.Send(wire.Encode(&wire.Reject{Doc: f.Doc, ID: f.ID, Code: code, Detail: detail}))
}

func (s *Session) setPresence(ctx context.Context, f *wire.SetPresence) error {
	h, ok := s.handleOf(f.Doc)
	if !ok {
		return nil // left in the meantime
	}
	if len(f.State) > wire.MaxPresence {
		return &closing{code: wire.CodeTooLarge, detail: fmt.Sprintf("a presence has at most %d bytes", wire.MaxPresence)}
	}
	if len(f.State) > 0 {
		if err := jsontext.ValidateObject(f.State); err != nil {
			return &closing{code: wire.CodeBadFrame, detail: "presence: " + err.Error()}
		}
	}
	// The document keeps it; the message that it came in may be much larger.
	return s.posted(h, h.SetPresence(ctx, slices.Clone(f.State)))
}

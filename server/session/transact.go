package session

import (
	"context"
	"errors"
	"fmt"

	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// maxTransactions bounds the transactions of a client that wait; those above it are
// refused with CodeTooMany.
const maxTransactions = 4

// transaction is a frame that is checked.
type transaction struct {
	request uint32
	id      record.MutationID
	parts   []host.Part
}

// transact checks a transaction and hands it to those who do them, so that a document
// that is held up does not hold up the others of the connection.
func (s *Session) transact(f *wire.Transact) error {
	if f.Request == 0 || f.ID.Number == 0 || len(f.Parts) == 0 {
		return &closing{code: wire.CodeBadFrame, detail: "a transaction has a request, a number and parts"}
	}
	if err := s.pace(s.frames, len(f.Parts)-1); err != nil {
		return err
	}
	t := transaction{request: f.Request, id: f.ID, parts: make([]host.Part, len(f.Parts))}
	for i, p := range f.Parts {
		h, open := s.handleOf(p.Doc)
		patch, bad := delta.Parse(p.Delta)
		switch {
		case !open:
			s.transacted(f.Request, wire.CodeNotOpen, "a document is not open on this connection")
			return nil
		case len(p.Delta) > s.cfg.MaxDelta:
			s.transacted(f.Request, wire.CodeTooLarge, fmt.Sprintf("a delta has at most %d bytes", s.cfg.MaxDelta))
			return nil
		case bad != nil:
			s.transacted(f.Request, wire.CodeBadDelta, bad.Error())
			return nil
		}
		for _, r := range p.Reads {
			if !r.Valid() {
				return &closing{code: wire.CodeBadFrame, detail: "malformed read"}
			}
		}
		t.parts[i] = host.Part{Handle: h, Base: p.Base, Reads: p.Reads, Delta: patch}
	}
	if !s.transactions.do(s, func(ctx context.Context) { s.do(ctx, t) }) {
		s.transacted(f.Request, wire.CodeTooMany, fmt.Sprintf("at most %d transactions may wait", maxTransactions))
	}
	return nil
}

// do does a transaction.
func (s *Session) do(ctx context.Context, t transaction) {
	_, err := s.cfg.Documents.Submit(ctx, s.client, t.id, t.parts)
	var refused *host.PartError
	switch {
	case err == nil:
		s.transacted(t.request, 0, "")
	case errors.Is(err, host.ErrConflict):
		s.Send(wire.Encode(&wire.Transacted{Request: t.request, Conflict: true}))
	case errors.As(err, &refused):
		s.transacted(t.request, refused.Code, refused.Key.String()+": "+refused.Detail)
	case errors.Is(err, host.ErrApart):
		s.transacted(t.request, wire.CodeBadFrame, err.Error())
	case ctx.Err() == nil:
		s.cfg.Logger.Warn("transaction", "client", s.client.String(), "error", err)
		s.transacted(t.request, wire.CodeUnavailable, "the transaction cannot be stored now; it may have been")
	}
}

func (s *Session) transacted(request uint32, code wire.Code, detail string) {
	s.Send(wire.Encode(&wire.Transacted{Request: request, Code: code, Detail: detail}))
}

package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	intake "github.com/rivulet-sync/rivulet/jetstream/inbox"
	"github.com/rivulet-sync/rivulet/jetstream/order"
	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// eventInbox is the inbox of package inbox.
type eventInbox = intake.Inbox

// Put hands events to the inbox that come in no order, a line of JSON each; see package inbox.
// It returns when they are stored; into the documents they come after that. What becomes of
// those that were put under a name is what Outcome says of it; the name may be empty.
func (s *Server) Put(ctx context.Context, name string, lines io.Reader) (intake.Receipt, error) {
	return s.inbox.Put(ctx, name, lines)
}

// Outcome returns what this server has made of the events that were put under a name.
func (s *Server) Outcome(name string) intake.Outcome { return s.inbox.Outcome(name) }

// Inbox returns what the inbox is doing.
func (s *Server) Inbox() intake.Status { return s.inbox.Status() }

// Gaps returns documents of which events wait in the inbox, at most limit.
func (s *Server) Gaps(limit int) []order.Suspended { return s.inbox.Gaps(limit) }

// Parked returns events of the inbox that could not be applied, at most limit.
func (s *Server) Parked(ctx context.Context, limit int) ([]intake.Parked, error) {
	return s.inbox.Parked(ctx, limit)
}

// inboxAgain is how long it is until the inbox is run again after it has failed.
const inboxAgain = time.Second

// openInbox makes the inbox and runs it beside everything else.
func (s *Server) openInbox(cfg Config) {
	s.inbox = intake.New(intake.Config{
		Documents: committer{s.documents}, Log: s.log, Conn: s.nats.Conn(), JetStream: s.nats.JetStream(),
		Replicas: cfg.Replicas, Exclusive: cfg.NATS == "", Logger: cfg.Logger,
	})
	s.wg.Go(func() {
		for {
			err := s.inbox.Run(s.beside)
			if s.beside.Err() != nil {
				return
			}
			s.logger.Warn("the inbox has stopped; it is started again", "error", err)
			select {
			case <-time.After(inboxAgain):
			case <-s.beside.Done():
				return
			}
		}
	})
}

// committer is the live documents as the inbox sees them.
type committer struct{ documents *host.Registry }

// Commit implements [intake.Documents].
func (c committer) Commit(ctx context.Context, key record.Key, client record.ClientID, fn func(intake.Front) error) (record.Revision, error) {
	rev, err := c.documents.Admit(ctx, key, client, func(f *host.Front) error { return fn(front{f}) })
	var conflict *deltalog.ConflictError
	if errors.As(err, &conflict) {
		err = fmt.Errorf("%w: %w", intake.ErrMoved, err)
	}
	return rev, err
}

// front is the head of a document as the inbox sees it.
type front struct{ *host.Front }

// Add implements [intake.Front].
func (f front) Add(id record.MutationID, patch delta.Delta) error {
	err := f.Front.Add(id, patch)
	if errors.Is(err, host.ErrNoRoom) {
		err = intake.ErrNoRoom
	}
	return err
}

// Settled waits until the inbox has looked at everything up to the positions of a
// [intake.Receipt]: what was put is in its documents then, is parked, or waits for what is not
// there. The error is that of ctx.
func (s *Server) Settled(ctx context.Context, until [intake.Partitions]uint64) error {
	return s.inbox.Settle(ctx, until)
}

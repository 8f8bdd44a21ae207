package session

import (
	"context"
	"errors"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// History is what a session reads past records from; [*deltalog.Log] is one.
type History interface {
	Get(ctx context.Context, key record.Key, rev record.Revision) (deltalog.Entry, error)
	Replay(ctx context.Context, key record.Key, from deltalog.Tail, fn func(deltalog.Entry) error) (deltalog.Tail, error)
}

// Bounds of one page of history.
const (
	maxPage      = 1000
	maxPageBytes = 256 << 10
	// maxLogReads bounds the requests of a client that wait; those above it are
	// refused with CodeTooMany.
	maxLogReads = 4
)

// errPageFull ends a replay once a page is full.
var errPageFull = errors.New("page full")

func (s *Session) logPage(ctx context.Context, f *wire.ReadLog) wire.Frame {
	fault := &wire.Fault{Request: f.Request, Key: f.Key, Code: wire.CodeBadKey}
	key, err := record.ParseKey(f.Key)
	if err != nil {
		fault.Detail = err.Error()
		return fault
	}
	var from deltalog.Tail
	if f.After > 0 {
		entry, err := s.cfg.History.Get(ctx, key, f.After)
		if err != nil {
			return s.logFault(fault, err)
		}
		from = deltalog.Tail{Head: entry.Position, Last: uint64(f.After)}
	}
	limit := maxPage
	if f.Limit > 0 && f.Limit < maxPage {
		limit = int(f.Limit)
	}
	page := &wire.LogPage{Request: f.Request}
	size := 0
	_, err = s.cfg.History.Replay(ctx, key, from, func(e deltalog.Entry) error {
		if e.Base != nil {
			return nil // what came before is forgotten; that the first record is not the first tells
		}
		if len(page.Entries) == limit || len(page.Entries) > 0 && size+len(e.Data) > maxPageBytes {
			page.More = true
			return errPageFull
		}
		page.Entries = append(page.Entries, wire.LogEntry{Revision: e.Position.Revision, Record: e.Data})
		size += len(e.Data)
		return nil
	})
	if err != nil && !errors.Is(err, errPageFull) {
		return s.logFault(fault, err)
	}
	return page
}

func (s *Session) logFault(fault *wire.Fault, err error) wire.Frame {
	var damaged *deltalog.DamagedError
	switch {
	case errors.As(err, &damaged):
		fault.Code, fault.Detail = wire.CodeDamaged, "the document's log holds a record that this server cannot read"
	case errors.Is(err, deltalog.ErrNotFound):
		fault.Code, fault.Detail = wire.CodeBadKey, "the document has no such revision"
	default:
		fault.Code, fault.Detail = wire.CodeUnavailable, "the document's log cannot be read now"
	}
	s.cfg.Logger.Warn("history", "doc", fault.Key, "error", err)
	return fault
}

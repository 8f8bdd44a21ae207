package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/archive"
	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/server/httpapi"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// Export writes an archive of a space, or with an empty one of all of them, with the
// history of the documents; see package archive.
func (s *Server) Export(ctx context.Context, space string, w io.Writer, progress archive.Progress) error {
	return archive.Export(ctx, s.log, space, time.Now(), w, progress)
}

// Import stores an archive. Documents that it writes may be open.
func (s *Server) Import(ctx context.Context, r io.Reader, progress archive.Progress) error {
	return archive.Import(ctx, s.log, r, progress)
}

// store is the server's documents as HTTP sees them.
type store struct{ server *Server }

func (s store) Get(ctx context.Context, key record.Key) ([]byte, record.Position, error) {
	return flat(s.server.Doc(key).Get(ctx))
}

func (s store) At(ctx context.Context, key record.Key, rev record.Revision) ([]byte, record.Position, error) {
	return flat(s.server.Doc(key).At(ctx, rev))
}

func (s store) AtTime(ctx context.Context, key record.Key, t time.Time) ([]byte, record.Position, error) {
	return flat(s.server.Doc(key).AtTime(ctx, t))
}

func flat(state State, err error) ([]byte, record.Position, error) {
	switch {
	case errors.Is(err, ErrNoRevision):
		err = httpapi.ErrNoRevision
	case errors.Is(err, ErrForgotten):
		err = httpapi.ErrForgotten
	case err == nil && (state.Deleted || state.At.Revision == 0):
		err = httpapi.ErrNoRevision
	}
	return state.JSON, state.At, err
}

func (s store) Patch(ctx context.Context, key record.Key, patch delta.Delta) (record.Revision, error) {
	rev, err := s.server.Doc(key).Update(ctx, func(tx *doc.Tx) error { return tx.Merge(patch) })
	if errors.Is(err, host.ErrTooLarge) {
		err = fmt.Errorf("%w: %w", httpapi.ErrTooLarge, err)
	}
	return rev, err
}

func (s store) List(ctx context.Context, space string) iter.Seq2[httpapi.Listed, error] {
	return s.server.List(ctx, space)
}

func (s store) WatchList(ctx context.Context, space string) iter.Seq2[httpapi.ListChange, error] {
	return s.server.WatchList(ctx, space)
}

func (s store) Delete(ctx context.Context, key record.Key, erase bool) (record.Revision, error) {
	d := s.server.Doc(key)
	if erase {
		return 0, d.Erase(ctx)
	}
	return d.Delete(ctx)
}

func (s store) Compact(ctx context.Context) ([]httpapi.Compacted, error) {
	done, err := s.server.Compact(ctx)
	list := make([]httpapi.Compacted, len(done))
	for i, d := range done {
		list[i] = httpapi.Compacted(d)
	}
	return list, err
}

func (s store) Export(ctx context.Context, space string, w io.Writer) error {
	return s.server.Export(ctx, space, w, func(record.Key, int, int) {})
}

func (s store) Import(ctx context.Context, r io.Reader, progress func(record.Key, int, int)) error {
	return s.server.Import(ctx, r, progress)
}

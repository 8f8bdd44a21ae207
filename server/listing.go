package server

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/server/httpapi"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// Listed is a document of a listing.
type Listed = httpapi.Listed

// List yields the documents of a space, by id: those that were ever written and are not
// deleted.
func (s *Server) List(ctx context.Context, space string) iter.Seq2[Listed, error] {
	return func(yield func(Listed, error) bool) {
		list, err := s.log.List(ctx, space)
		if err != nil {
			yield(Listed{}, err)
			return
		}
		for _, d := range list {
			c, err := latest(ctx, s.log, d.Key)
			if errors.Is(err, deltalog.ErrNotFound) || err == nil && c.Deleted {
				continue
			}
			if err != nil {
				yield(Listed{}, err)
				return
			}
			if !yield(Listed{Key: c.Key, Revision: c.Revision, Modified: c.Modified, Damaged: c.Damaged, Records: d.Records}, nil) {
				return
			}
		}
	}
}

// latest asks the log for what a document is by now, or returns
// [deltalog.ErrNotFound].
func latest(ctx context.Context, log *deltalog.Log, key record.Key) (deltalog.Changed, error) {
	e, err := log.Latest(ctx, key)
	var damaged *deltalog.DamagedError
	switch {
	case errors.As(err, &damaged): // no reason to keep the others back
		return deltalog.Changed{Key: key, Revision: record.Revision(damaged.Sequence), Damaged: true}, nil
	case err != nil:
		return deltalog.Changed{}, err
	}
	return deltalog.Changed{Key: key, Revision: e.Position.Revision, Modified: e.Modified(), Deleted: e.Deleted()}, nil
}

// ErrClosed says that the server was closed: it ends live listings and subscriptions, and there are
// no new ones.
var ErrClosed = errors.New("server: it was closed")

// ListChange is a line of a live listing.
type ListChange = httpapi.ListChange

const (
	// tellEvery is how often a document is told of at most.
	tellEvery = 250 * time.Millisecond
	// lookEvery is how often the listing is made again, as news may be lost: not sooner
	// than this, nor than lookShare times as long as that took the last time. The first
	// time it is lookFirst: a node of a cluster may take a moment to hear who listens.
	lookEvery = 15 * time.Second
	lookShare = 50
	lookFirst = time.Second
	// aliveEvery is how long there is nothing to read at most.
	aliveEvery = 15 * time.Second
)

// WatchList yields the documents of a space, by id, then [httpapi.EventLive], and from
// there on what becomes of them: each change, creation and deletion within moments, but
// no document more than four times a second. What happened to a document while the
// reader did something else is told as one change, so nothing queues up. It takes the
// memory of the space's keys, about 300 bytes each. It ends with an error: that of ctx,
// or what keeps the log from being read when it begins, or [ErrClosed].
func (s *Server) WatchList(ctx context.Context, space string) iter.Seq2[ListChange, error] {
	return func(yield func(ListChange, error) bool) {
		w, err := s.log.WatchSpace(space)
		if err != nil {
			yield(ListChange{}, err)
			return
		}
		defer w.Close()
		l := listing{
			log: s.log, space: space, watch: w, yield: yield,
			known: make(map[record.Key]known), said: time.Now(),
		}
		if err := l.run(ctx); err != nil && !l.left {
			yield(ListChange{}, err)
		}
	}
}

// listing is a reader of WatchList.
type listing struct {
	log   *deltalog.Log
	space string
	watch *deltalog.SpaceWatch
	yield func(ListChange, error) bool
	left  bool // the reader has: yield must not be called again

	known map[record.Key]known // deleted ones too
	live  bool
	said  time.Time // when the reader was last told of something
}

// known is what is known of a document.
type known struct {
	revision record.Revision
	records  uint64 // when the listing was last made
	deleted  bool
}

// errLeft ends a listing whose reader has gone.
var errLeft = errors.New("the reader has gone")

func (l *listing) run(ctx context.Context) error {
	if err := l.look(ctx); err != nil {
		return fmt.Errorf("list %s: %w", l.space, err)
	}
	if err := l.say(ListChange{Event: httpapi.EventLive}); err != nil {
		return err
	}
	l.live = true
	look, tell, alive := time.NewTimer(lookFirst), time.NewTimer(0), time.NewTimer(aliveEvery)
	defer look.Stop()
	defer tell.Stop()
	defer alive.Stop()
	var told time.Time
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case status := <-l.watch.Status():
			if status == nats.CLOSED {
				return ErrClosed
			}
			look.Reset(0)
		case <-l.watch.Wake():
			tell.Reset(time.Until(told.Add(tellEvery)))
		case <-tell.C:
			changed, missed := l.watch.Take()
			for _, c := range changed {
				if err := l.tell(c, 0); err != nil {
					return err
				}
			}
			if told = time.Now(); missed {
				look.Reset(0)
			}
		case <-look.C:
			began := time.Now()
			err := l.look(ctx)
			switch {
			case err == nil:
				look.Reset(max(lookEvery, lookShare*time.Since(began)))
			case l.left || ctx.Err() != nil:
				return err
			default:
				look.Reset(lookFirst) // the log is not there at present
			}
		case <-alive.C:
			quiet := time.Since(l.said)
			if quiet >= aliveEvery {
				if err := l.say(ListChange{Event: httpapi.EventAlive}); err != nil {
					return err
				}
				quiet = 0
			}
			alive.Reset(aliveEvery - quiet)
		}
	}
}

// look tells of the documents of which the log has another number of records than when
// it was called last; at first that is all of them. What is not told for that reason is
// what was lost on its way and compacted since.
func (l *listing) look(ctx context.Context) error {
	list, err := l.log.List(ctx, l.space)
	if err != nil {
		return err
	}
	for _, d := range list {
		if l.known[d.Key].records == d.Records {
			continue
		}
		c, err := latest(ctx, l.log, d.Key)
		if errors.Is(err, deltalog.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if err := l.tell(c, d.Records); err != nil {
			return err
		}
		k := l.known[d.Key]
		k.records = d.Records
		l.known[d.Key] = k
	}
	return nil
}

// tell tells the reader of a document, unless it has heard of that or of something
// later.
func (l *listing) tell(c deltalog.Changed, records uint64) error {
	before, heard := l.known[c.Key]
	if heard && c.Revision <= before.revision {
		return nil
	}
	l.known[c.Key] = known{revision: c.Revision, records: before.records, deleted: c.Deleted}
	change := ListChange{Key: c.Key, Revision: c.Revision, Modified: c.Modified, Damaged: c.Damaged}
	switch there := heard && !before.deleted; {
	case c.Deleted && !there:
		return nil
	case c.Deleted:
		change.Event = httpapi.EventDeleted
	case !l.live:
		change.Event, change.Records = httpapi.EventListed, records
	case there:
		change.Event = httpapi.EventChanged
	default:
		change.Event = httpapi.EventCreated
	}
	return l.say(change)
}

func (l *listing) say(change ListChange) error {
	if l.left = !l.yield(change, nil); l.left {
		return errLeft
	}
	l.said = time.Now()
	return nil
}

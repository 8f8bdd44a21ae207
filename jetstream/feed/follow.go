package feed

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/order"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// maxFollowed is how many documents of a space a follower remembers. Of others the log is
// asked again when they change.
const maxFollowed = 10_000

// followPage is how many messages a follower reads at once.
const followPage = 250

// FollowOptions say what Follow reads.
type FollowOptions struct {
	Space string
	// From is the cursor after which it begins. From one of a log that was replaced it begins
	// anew.
	From Cursor
	// Once ends it when what is there was passed on.
	Once bool
	// Quiet is called with the cursor when events of other spaces have moved it, at most after
	// each reading; may be nil.
	Quiet func(Cursor) error
}

// Follow passes the events of a space to fn, in the order of the log, until the context ends or
// fn fails; it returns the context's cause, or what fn returned. If the log is replaced it
// begins anew, and if that loses its end, before what was lost.
func (f *Feed) Follow(ctx context.Context, o FollowOptions, fn func(Event) error) error {
	if _, err := record.ParseKey(o.Space + "/x"); err != nil {
		return fmt.Errorf("feed: space %.80q: %w", o.Space, err)
	}
	for {
		log := f.log.Load()
		err := f.follow(ctx, log, o, fn)
		if !replaced(err) {
			return err
		}
		f.cfg.Logger.Error("feed: the log was replaced, or has lost its end; a follower goes on with what takes its place", "space", o.Space, "error", err)
		cut := new(deltalog.CutError)
		if o.From = (Cursor{}); errors.As(err, &cut) {
			o.From = Cursor{Epoch: log.Epoch(record.Key{Space: o.Space}), Sequence: cut.Kept}
		}
		if errors.As(err, new(*deltalog.EpochError)) {
			for f.renew(ctx, log) != nil { // it may be in the making
				if err := pause(ctx, renewEvery); err != nil {
					return err
				}
			}
		}
	}
}

// renewEvery is how long a follower waits before it looks again for a log that is not there.
const renewEvery = time.Second

// follow follows a log.
func (f *Feed) follow(ctx context.Context, log *deltalog.Log, o FollowOptions, fn func(Event) error) error {
	scanner, err := log.Scanner(deltalog.ShardOf(o.Space), o.Space)
	if err != nil {
		return err
	}
	defer scanner.Close()
	first, last, err := scanner.Ends(ctx)
	if err != nil {
		return err
	}
	w := &follower{feed: f, log: log, scanner: scanner, states: map[record.Key]*state{}, fn: fn}
	if o.From.Epoch == scanner.Epoch() && o.From.Sequence <= last {
		w.at = o.From.Sequence
	}
	w.voids.begin(w.at, nil)
	scanner.Note(last)
	if w.at+1 >= first {
		w.read = w.at
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	told := w.at
	for {
		if err := w.readAll(ctx); err != nil {
			return err
		}
		if o.Quiet != nil && w.at != told && w.at != w.passed {
			if err := o.Quiet(Cursor{Epoch: scanner.Epoch(), Sequence: w.at}); err != nil {
				return err
			}
		}
		told = w.at
		if o.Once && w.at >= last {
			return nil
		}
		select {
		case <-scanner.Wake():
		case <-tick.C:
			_, last, err := scanner.Ends(ctx)
			if replaced(err) {
				return err
			}
			if err == nil {
				scanner.Note(last)
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// follower is one call of Follow.
type follower struct {
	feed    *Feed
	log     *deltalog.Log
	scanner *deltalog.Scanner
	states  map[record.Key]*state
	fn      func(Event) error
	at      uint64 // what was looked at
	read    uint64 // what had been read when this began
	voids   voids
	passed  uint64 // the last event
}

// readAll reads to where the shard ends. While the log cannot be read it waits for it.
func (w *follower) readAll(ctx context.Context) error {
	for failures := 0; ; {
		page, err := w.scanner.Read(ctx, w.at, followPage, 0)
		switch {
		case replaced(err):
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			failures++
			if err := pause(ctx, time.Duration(min(failures, 20))*100*time.Millisecond); err != nil {
				return err
			}
			continue
		}
		failures = 0
		for i := range page.Messages {
			if err := w.take(ctx, &message{Message: page.Messages[i]}); err != nil {
				return err
			}
		}
		if w.at = max(w.at, page.To); !page.More {
			return nil
		}
	}
}

func (w *follower) take(ctx context.Context, m *message) error {
	st, read := w.states[m.Key], w.read
	if st != nil && lacks(&m.Message, w.scanner.Epoch(), max(st.tail.Last, uint64(st.tail.Head.Revision))) {
		st, read = nil, max(read, uint64(st.tail.Head.Revision))
	}
	if st == nil {
		var err error
		delivered := reach{read: read}
		delivered.judged, delivered.void = w.voids.of(m.Key)
		if st, err = newState(ctx, w.log, w.scanner.Epoch(), delivered, &m.Message, func() { w.voids.add(m.Key) }); err != nil {
			return w.skip(m, err)
		}
		if len(w.states) >= maxFollowed {
			clear(w.states)
		}
		w.states[m.Key] = st
	}
	e := &ordered{Document: m.Key.String(), Position: m.Sequence, Payload: m}
	if st.Judge(e) != order.Next {
		return nil
	}
	st.Advance(e)
	out, err := event(w.feed.codec, w.scanner.Epoch(), m)
	if err != nil {
		return w.skip(m, err)
	}
	if err := w.fn(out); err != nil {
		return err
	}
	w.passed = m.Sequence
	return nil
}

// skip passes over a message that cannot be read, rather than hold up all documents of the
// space behind it; another error it returns.
func (w *follower) skip(m *message, err error) error {
	if damaged := new(deltalog.DamagedError); !errors.As(err, &damaged) {
		return err
	}
	w.feed.cfg.Logger.Error("feed: a document is damaged; its followers are not told of a revision", "doc", m.Key.String(), "sequence", m.Sequence, "error", err)
	return nil
}

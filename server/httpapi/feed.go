package httpapi

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/feed"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// Feeds is the feed of the server.
type Feeds interface {
	// Follow is [feed.Feed.Follow]; it ends when the server stops, too.
	Follow(ctx context.Context, o feed.FollowOptions, fn func(feed.Event) error) error
}

const (
	// maxFeeds bounds the feeds that are read at once.
	maxFeeds = 256
	// aliveEvery is how often a feed says that it is alive when it has nothing to tell.
	aliveEvery = 15 * time.Second
	// retryAfter is how long a browser is to wait before it connects anew.
	retryAfter = time.Second
	// maxWrite is how much of an event has to be read within Config.StallWithin, in bytes.
	maxWrite = 64 << 10
)

// FeedEvent is the data of an event of the feed.
type FeedEvent struct {
	Doc      record.Key      `json:"doc"`
	Revision record.Revision `json:"revision"`
	Prev     record.Revision `json:"prev,omitzero"`
	Time     time.Time       `json:"time"`
	// Mutations are those of a change or a deletion.
	Mutations []FeedMutation `json:"mutations,omitempty"`
	// Document is that of a reset; null if it is deleted.
	Document *json.RawMessage `json:"document,omitempty"`
}

// FeedMutation is a mutation of a record.
type FeedMutation struct {
	Client string          `json:"client"` // hexadecimal
	Number uint64          `json:"number"`
	Delta  json.RawMessage `json:"delta"`
}

// NewFeedEvent returns what is sent of an event.
func NewFeedEvent(e *feed.Event) FeedEvent {
	out := FeedEvent{Doc: e.Key, Revision: e.Revision, Prev: e.Prev, Time: e.Time}
	for _, m := range e.Mutations {
		out.Mutations = append(out.Mutations, FeedMutation{Client: hex.EncodeToString(m.Client[:]), Number: m.ID.Number, Delta: json.RawMessage(m.Delta)})
	}
	if e.Kind == feed.Reset {
		document := json.RawMessage("null")
		if e.Document != nil {
			document = e.Document
		}
		out.Document = &document
	}
	return out
}

// feeds adds the route of the feed.
func (cfg Config) feeds(mux *http.ServeMux) {
	if cfg.Feeds != nil {
		mux.HandleFunc("GET /v1/feed", cfg.feed)
	}
}

// feed answers with server-sent events (WHATWG HTML, section 9.2): those of a space after a
// cursor, and then those that happen, unless once=true. The id of an event is its cursor, so that a browser that
// connects anew goes on by itself.
func (cfg Config) feed(w http.ResponseWriter, r *http.Request) {
	space := r.URL.Query().Get("space")
	if _, err := record.ParseKey(space + "/x"); err != nil {
		http.Error(w, "space: "+err.Error()+"; ask for /v1/feed?space=NAME", http.StatusBadRequest)
		return
	}
	at := r.Header.Get("Last-Event-ID")
	if at == "" {
		at = r.URL.Query().Get("cursor")
	}
	from, err := feed.ParseCursor(at)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	once, err := strconv.ParseBool(cmp.Or(r.URL.Query().Get("once"), "false"))
	if err != nil {
		http.Error(w, "once is true or false", http.StatusBadRequest)
		return
	}
	select {
	case cfg.following <- struct{}{}:
		defer func() { <-cfg.following }()
	default:
		w.Header().Set("Retry-After", "5")
		http.Error(w, "too many feeds are read at once", http.StatusServiceUnavailable)
		return
	}
	out := &eventWriter{w: w, control: http.NewResponseController(w), stall: cfg.StallWithin}
	if err := out.begin(); err != nil {
		return
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	done := make(chan error, 1)
	events := make(chan func() error) // one goroutine writes
	hand := func(f func() error) error {
		select {
		case events <- f:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	go func() {
		o := feed.FollowOptions{
			Space: space, From: from, Once: once,
			Quiet: func(c feed.Cursor) error { return hand(func() error { return out.send("id: %s\n\n", c) }) },
		}
		done <- cfg.Feeds.Follow(ctx, o, func(e feed.Event) error { return hand(func() error { return out.event(&e) }) })
	}()
	err, ended := write(events, done, out)
	cancel(err)
	if !ended {
		<-done
	}
	if err == nil {
		err = out.send(": end\n\n") // nothing was lost
	}
	if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, errGone) {
		cfg.Logger.Warn("a feed has failed; its reader will connect anew", "space", space, "error", err)
	}
}

// write writes what comes until that ends, or cannot be written.
func write(events <-chan func() error, done <-chan error, out *eventWriter) (err error, ended bool) {
	alive := time.NewTicker(aliveEvery)
	defer alive.Stop()
	for {
		select {
		case f := <-events:
			err = f()
		case <-alive.C:
			err = out.send(": alive\n\n")
		case err := <-done:
			return err, true
		}
		if err != nil {
			return err, false
		}
	}
}

// errGone reports a reader who has gone, or does not read.
var errGone = errors.New("the reader has gone")

// eventWriter writes server-sent events.
type eventWriter struct {
	w       io.Writer
	control *http.ResponseController
	stall   time.Duration
}

func (o *eventWriter) begin() error {
	h := o.w.(http.ResponseWriter).Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // a proxy that holds events back
	h.Set("Connection", "close")     // it has a deadline from now on
	return o.send("retry: %d\n\n", retryAfter.Milliseconds())
}

func (o *eventWriter) event(e *feed.Event) error {
	data, err := json.Marshal(NewFeedEvent(e))
	if err != nil {
		return fmt.Errorf("%s at %d: %w", e.Key, e.Revision, err)
	}
	return o.send("id: %s\nevent: %s\ndata: %s\n\n", e.Cursor, e.Kind, data)
}

func (o *eventWriter) send(format string, args ...any) error {
	for rest := fmt.Appendf(nil, format, args...); len(rest) > 0; {
		// A reader may be slow with a large document, as long as it reads. It errs where a
		// connection has no deadlines, as in tests.
		_ = o.control.SetWriteDeadline(time.Now().Add(o.stall))
		n, err := o.w.Write(rest[:min(len(rest), maxWrite)])
		if err != nil {
			return errGone
		}
		rest = rest[n:]
	}
	if o.control.Flush() != nil {
		return errGone
	}
	return nil
}

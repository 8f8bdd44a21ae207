package httpapi

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// ListEvent says what a line of a live listing is about.
type ListEvent string

const (
	// EventListed is a document that is there when the listing begins.
	EventListed ListEvent = "listed"
	// EventLive comes once, without a document, after all that are there: what comes
	// after it happens.
	EventLive ListEvent = "live"
	// EventCreated is a document that was not there, or was deleted, before.
	EventCreated ListEvent = "created"
	// EventChanged is a document that has another revision than it was told of with.
	EventChanged ListEvent = "changed"
	// EventDeleted is a document that is not there any more.
	EventDeleted ListEvent = "deleted"
	// EventAlive comes, without a document, when there was nothing to tell for a while.
	EventAlive ListEvent = "alive"
)

// ListChange is a line of a live listing.
type ListChange struct {
	Event ListEvent `json:"event"`
	// Key, Revision and Modified are as in [Listed]; Records is set with EventListed only.
	Key      record.Key      `json:"key,omitzero"`
	Revision record.Revision `json:"revision,omitzero"`
	Records  uint64          `json:"records,omitzero"`
	Modified time.Time       `json:"modified,omitzero"`
	Damaged  bool            `json:"damaged,omitzero"`
}

const (
	// maxListings bounds the live listings that are read at once.
	maxListings = 64
	// stallWithin is how long the reader of one may leave what is sent unread before
	// the connection is closed, unless Config.StallWithin says otherwise.
	stallWithin = 30 * time.Second
	// flushEvery is how many documents of a listing are sent at once.
	flushEvery = 256
)

// watchList answers with a line of JSON for each document of a space, and goes on with
// one for each that is created, changed or deleted, until the server stops or the
// reader has gone.
func (cfg Config) watchList(w http.ResponseWriter, r *http.Request, space string) {
	select {
	case cfg.listings <- struct{}{}:
		defer func() { <-cfg.listings }()
	default:
		w.Header().Set("Retry-After", "5")
		http.Error(w, "too many live listings are read at once", http.StatusServiceUnavailable)
		return
	}
	control := http.NewResponseController(w)
	out := json.NewEncoder(w)
	listed := 0
	for change, err := range cfg.Store.WatchList(r.Context(), space) {
		if err != nil {
			if listed == 0 {
				cfg.fail(w, r, space, err)
			}
			return // that it ends says enough: it has no end of its own
		}
		if listed++; listed == 1 {
			w.Header().Set("Content-Type", ndjson)
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("Connection", "close") // it has a deadline from now on
		}
		// It errs where a connection has no deadlines, as in tests.
		_ = control.SetWriteDeadline(time.Now().Add(cfg.StallWithin))
		if out.Encode(change) != nil {
			return
		}
		if change.Event == EventListed && listed%flushEvery != 0 {
			continue
		}
		if control.Flush() != nil {
			return
		}
	}
}

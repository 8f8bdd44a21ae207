package httpapi

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/inbox"
	"github.com/rivulet-sync/rivulet/jetstream/order"
)

// Inbox is the inbox of the server.
type Inbox interface {
	// Put stores events; see [inbox.Inbox.Put].
	Put(ctx context.Context, name string, lines io.Reader) (inbox.Receipt, error)
	// Outcome says what has become of what was put under a name.
	Outcome(name string) inbox.Outcome
	// Inbox says what it is doing.
	Inbox() inbox.Status
	// Gaps returns documents of which events wait, Parked events that could not be applied, both
	// at most limit.
	Gaps(limit int) []order.Suspended
	Parked(ctx context.Context, limit int) ([]inbox.Parked, error)
}

// Put is the answer to a POST of events.
type Put struct {
	// Stored events are durable, Refused lines are no events. Errors are those of the first
	// 100 of them.
	Stored  int       `json:"stored"`
	Refused int       `json:"refused"`
	Errors  []PutLine `json:"errors,omitempty"`
	// Until is where the inbox is when it has looked at all of them: see Gaps.Positions.
	Until []uint64 `json:"until"`
	// Error is why the rest was not looked at; empty if all was.
	Error string `json:"error,omitempty"`
}

// PutLine says what is wrong with a line. Lines count from 1.
type PutLine struct {
	Line  int    `json:"line"`
	Error string `json:"error"`
}

// Gaps is the answer to GET /v1/gaps.
type Gaps struct {
	// Running is set if this server runs the inbox, Elsewhere if another one does, or is about
	// to: this one knows only Events then.
	Running   bool `json:"running"`
	Elsewhere bool `json:"elsewhere,omitempty"`
	// Applied and Parked events since the server was started, and ParkedTotal there are.
	Applied     uint64 `json:"applied"`
	Parked      uint64 `json:"parked"`
	ParkedTotal uint64 `json:"parkedTotal"`
	// Positions are up to where each partition was looked at. Settling documents have events
	// that are about to be applied nevertheless.
	Positions []uint64 `json:"positions"`
	Settling  int      `json:"settling"`
	// Waiting documents have events whose predecessor is missing, Failing ones are tried
	// again. Lag is how many events were not looked at.
	Waiting int    `json:"waiting"`
	Failing int    `json:"failing"`
	Lag     uint64 `json:"lag"`

	// Import is of the import that was asked for.
	Import *inbox.Outcome `json:"import,omitempty"`

	Gaps   []Gap          `json:"gaps"`
	Events []inbox.Parked `json:"events"` // that are parked
}

// Gap is a document that cannot go on.
type Gap struct {
	Doc   string `json:"doc"`
	Cause string `json:"cause"` // gap, failed, room or ready
	// Missing is an id that something waits for.
	Missing string    `json:"missing,omitempty"`
	Since   time.Time `json:"since"`
	Age     int64     `json:"age"` // in seconds
	// Attempts have failed, the last one with Error.
	Attempts int    `json:"attempts,omitempty"`
	Error    string `json:"error,omitempty"`
}

// Limits of how much is listed.
const (
	listGaps    = 100
	maxListGaps = 10_000
)

func (cfg Config) inboxes(mux *http.ServeMux) {
	if cfg.Inbox == nil {
		return
	}
	mux.HandleFunc("POST /v1/inbox", cfg.put)
	mux.HandleFunc("GET /v1/gaps", cfg.gaps)
}

// put stores events. Its media type keeps pages of other origins out.
func (cfg Config) put(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Content-Type") != ndjson {
		http.Error(w, "send events, a line of JSON each, with Content-Type: "+ndjson, http.StatusUnsupportedMediaType)
		return
	}
	var lines io.Reader = r.Body
	switch r.Header.Get("Content-Encoding") {
	case "", "identity":
	case "gzip":
		unzip, err := gzip.NewReader(r.Body)
		if err != nil {
			http.Error(w, "the body is no gzip: "+err.Error(), http.StatusBadRequest)
			return
		}
		lines = unzip
	default:
		http.Error(w, "Content-Encoding may be gzip", http.StatusUnsupportedMediaType)
		return
	}
	body := &reader{Reader: lines}
	receipt, err := cfg.Inbox.Put(r.Context(), r.URL.Query().Get("import"), body)
	answer := Put{Stored: receipt.Stored, Refused: receipt.Refused, Until: receipt.Until[:]}
	for _, e := range receipt.Errors {
		answer.Errors = append(answer.Errors, PutLine{Line: e.Line, Error: e.Err.Error()})
	}
	status := http.StatusOK
	switch {
	case err == nil:
	case r.Context().Err() != nil:
		return // nobody listens
	case errors.Is(err, inbox.ErrName):
		status, answer.Error = http.StatusBadRequest, err.Error()
	case errors.Is(err, inbox.ErrFull):
		status, answer.Error = http.StatusInsufficientStorage, "the inbox is full: put the rest again when events were put in order"
	case body.err != nil:
		status, answer.Error = http.StatusBadRequest, "the body cannot be read: "+body.err.Error()
	default:
		cfg.Logger.Error("events could not be stored", "error", err)
		status, answer.Error = http.StatusServiceUnavailable, "not available now: put the rest again later"
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(answer) //nolint:errcheck // the client is gone
}

// reader remembers why it could not be read.
type reader struct {
	io.Reader
	err error
}

// Read implements [io.Reader].
func (r *reader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}

// gaps says what waits in the inbox, and what could not be applied; ?limit=0 the numbers only,
// ?import= those of one import, too.
func (cfg Config) gaps(w http.ResponseWriter, r *http.Request) {
	limit := listGaps
	if text := r.URL.Query().Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > maxListGaps {
			http.Error(w, "limit is a number up to "+strconv.Itoa(maxListGaps), http.StatusBadRequest)
			return
		}
		limit = n
	}
	s := cfg.Inbox.Inbox()
	answer := Gaps{
		Running: s.Running, Elsewhere: s.Elsewhere, Applied: s.Applied, Parked: s.NowParked, ParkedTotal: s.Parked,
		Positions: s.Positions[:], Settling: s.NoRoom + s.Leaving, Waiting: s.Stats.Gaps, Failing: s.Failed, Lag: s.Lag,
		Gaps: []Gap{}, Events: []inbox.Parked{},
	}
	if name := r.URL.Query().Get("import"); name != "" {
		of := cfg.Inbox.Outcome(name)
		answer.Import = &of
	}
	if limit > 0 {
		now := time.Now()
		for _, g := range cfg.Inbox.Gaps(limit) {
			answer.Gaps = append(answer.Gaps, Gap{
				Doc: g.Document, Cause: g.Cause.String(), Missing: g.Missing, Since: g.Since,
				Age: int64(now.Sub(g.Since) / time.Second), Attempts: g.Attempts, Error: g.Err,
			})
		}
		parked, err := cfg.Inbox.Parked(r.Context(), limit)
		if err != nil {
			cfg.fail(w, r, "the inbox", err)
			return
		}
		answer.Events = append(answer.Events, parked...)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	json.NewEncoder(w).Encode(answer) //nolint:errcheck // the client is gone
}

package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// Documents is what the handler needs of documents.
type Documents interface {
	// Get returns the canonical JSON of a document as it is in the log.
	Get(ctx context.Context, key record.Key) ([]byte, record.Position, error)
	// At and AtTime return it as it was. The error is ErrNoRevision if it was not, as for
	// Get, and ErrForgotten if that is not known any more.
	At(ctx context.Context, key record.Key, rev record.Revision) ([]byte, record.Position, error)
	AtTime(ctx context.Context, key record.Key, t time.Time) ([]byte, record.Position, error)
	// Patch applies a merge patch and returns when it is durable.
	Patch(ctx context.Context, key record.Key, patch delta.Delta) (record.Revision, error)
	// Delete deletes a document, or erases it, and returns when that is durable.
	Delete(ctx context.Context, key record.Key, erase bool) (record.Revision, error)
	// Compact compacts the log.
	Compact(ctx context.Context) ([]Compacted, error)
	// List yields the documents of a space, by id.
	List(ctx context.Context, space string) iter.Seq2[Listed, error]
	// WatchList yields them, then EventLive, and then what becomes of them. It ends with
	// an error.
	WatchList(ctx context.Context, space string) iter.Seq2[ListChange, error]
	// Export writes an archive of a space, or with an empty one of all of them, Import
	// stores one; see package archive.
	Export(ctx context.Context, space string, w io.Writer) error
	Import(ctx context.Context, r io.Reader, progress func(key record.Key, records, stored int)) error
}

// Listed is a document of a listing.
type Listed struct {
	Key record.Key `json:"key"`
	// Revision and Modified are of the last record.
	Revision record.Revision `json:"revision"`
	// Records are in the log.
	Records  uint64    `json:"records"`
	Modified time.Time `json:"modified"`
	// Damaged is set when the last record cannot be read. Modified is not known then.
	Damaged bool `json:"damaged,omitempty"`
}

// Compacted says what was done to a stream of the log.
type Compacted struct {
	Stream    string `json:"stream"`
	Documents int    `json:"documents"` // that were copied
	Messages  uint64 `json:"messages"`  // that were dropped
	Bytes     uint64 `json:"bytes"`
}

var (
	// ErrNoRevision says that a document had no such revision.
	ErrNoRevision = errors.New("the document was not there then")
	// ErrForgotten says that the log does not have the first revisions of a document any
	// more.
	ErrForgotten = errors.New("the log does not go back so far")
	// ErrTooLarge says that a document would grow past its bound.
	ErrTooLarge = errors.New("the document would be too large")
)

// aheadError says that a revision is asked for that a document has not reached.
type aheadError struct {
	key       record.Key
	rev, head record.Revision
}

func (e *aheadError) Error() string {
	return fmt.Sprintf("document %s is at revision %d, it has no %d yet", e.key, e.head, e.rev)
}

// maxPatch bounds the body of a PATCH, as a frame does that of an edit.
const maxPatch = wire.MaxDelta

// patchWithin bounds how long the body of a PATCH may take.
const patchWithin = 30 * time.Second

// revisionHeader has the revision of what an answer is about.
const revisionHeader = "Rivulet-Revision"

const mergePatch = "application/merge-patch+json"

func (cfg Config) documents(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/docs/{space}", cfg.list)
	mux.HandleFunc("GET /v1/docs/{space}/{id}", cfg.get)
	mux.HandleFunc("PATCH /v1/docs/{space}/{id}", cfg.patch)
	mux.HandleFunc("DELETE /v1/docs/{space}/{id}", cfg.delete)
	mux.HandleFunc("POST /v1/compact", cfg.compact)
}

func keyOf(w http.ResponseWriter, r *http.Request) (record.Key, bool) {
	key, err := record.ParseKey(r.PathValue("space") + "/" + r.PathValue("id"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
	return key, err == nil
}

// get answers with a document: now, at ?rev=17, or at ?at=2026-11-21T10:00:00Z.
func (cfg Config) get(w http.ResponseWriter, r *http.Request) {
	key, ok := keyOf(w, r)
	if !ok {
		return
	}
	query := r.URL.Query()
	var text []byte
	var at record.Position
	var err error
	switch {
	case query.Get("rev") != "":
		rev, bad := strconv.ParseUint(query.Get("rev"), 10, 64)
		if bad != nil {
			http.Error(w, "rev is a revision, such as 17", http.StatusBadRequest)
			return
		}
		text, at, err = cfg.at(r.Context(), key, record.Revision(rev))
	case query.Get("at") != "":
		t, bad := time.Parse(time.RFC3339, query.Get("at"))
		if bad != nil {
			http.Error(w, "at is a time as in RFC 3339, such as 2026-11-21T10:00:00Z", http.StatusBadRequest)
			return
		}
		text, at, err = cfg.Store.AtTime(r.Context(), key, t)
	default:
		text, at, err = cfg.Store.Get(r.Context(), key)
	}
	if err != nil {
		cfg.fail(w, r, key.String(), err)
		return
	}
	etag := `"` + at.String() + `"`
	header := w.Header()
	header.Set("ETag", etag)
	header.Set("Cache-Control", "no-cache")
	header.Set(revisionHeader, strconv.FormatUint(uint64(at.Revision), 10))
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	header.Set("Content-Type", "application/json")
	header.Set("X-Content-Type-Options", "nosniff")
	w.Write(text) //nolint:errcheck // the client is gone
}

// at returns a document as it was at a revision that it has reached.
func (cfg Config) at(ctx context.Context, key record.Key, rev record.Revision) ([]byte, record.Position, error) {
	text, at, err := cfg.Store.At(ctx, key, rev)
	if err != nil || at.Revision >= rev {
		return text, at, err
	}
	// It is one between two records of the document, or above the last one.
	_, head, err := cfg.Store.Get(ctx, key)
	switch {
	case errors.Is(err, ErrNoRevision): // it was deleted later than that
		return text, at, nil
	case err == nil && head.Revision < rev:
		return nil, at, &aheadError{key: key, rev: rev, head: head.Revision}
	}
	return text, at, err
}

// patch takes a merge patch. Its media type keeps pages of other origins out, which
// may not send it without being asked.
func (cfg Config) patch(w http.ResponseWriter, r *http.Request) {
	key, ok := keyOf(w, r)
	if !ok {
		return
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != mergePatch {
		http.Error(w, "send a JSON merge patch (RFC 7386) with Content-Type: "+mergePatch, http.StatusUnsupportedMediaType)
		return
	}
	// It errs where a connection has no deadlines, as in tests.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(patchWithin))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPatch))
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			http.Error(w, fmt.Sprintf("a patch has at most %d bytes: send it in parts, some members of the document in each; "+
				"a document of another server comes with GET /v1/export there and POST /v1/import here", large.Limit),
				http.StatusRequestEntityTooLarge)
		}
		return // else the client is gone
	}
	patch, err := delta.Parse(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	rev, err := cfg.Store.Patch(r.Context(), key, patch)
	if err != nil {
		cfg.fail(w, r, key.String(), err)
		return
	}
	w.Header().Set(revisionHeader, strconv.FormatUint(uint64(rev), 10))
	w.WriteHeader(http.StatusNoContent)
}

// delete deletes a document, with ?erase=true its history, too. A page of another origin
// has to ask before it may, and nobody answers.
func (cfg Config) delete(w http.ResponseWriter, r *http.Request) {
	key, ok := keyOf(w, r)
	if !ok {
		return
	}
	erase := r.URL.Query().Get("erase")
	if erase != "" && erase != "true" && erase != "false" {
		http.Error(w, "erase is true or false", http.StatusBadRequest)
		return
	}
	rev, err := cfg.Store.Delete(r.Context(), key, erase == "true")
	if err != nil {
		cfg.fail(w, r, key.String(), err)
		return
	}
	if rev > 0 {
		w.Header().Set(revisionHeader, strconv.FormatUint(uint64(rev), 10))
	}
	w.WriteHeader(http.StatusNoContent)
}

// compact compacts the log and answers with a line of JSON for each stream of it that
// had something to do.
func (cfg Config) compact(w http.ResponseWriter, r *http.Request) {
	if kind := r.Header.Get("Content-Type"); kind != "application/json" && kind != ndjson {
		http.Error(w, "send Content-Type: application/json", http.StatusUnsupportedMediaType) // which other origins may not
		return
	}
	done, err := cfg.Store.Compact(r.Context())
	if err != nil {
		if r.Context().Err() == nil {
			cfg.Logger.Error("compaction failed", "error", err)
			http.Error(w, "the log was not compacted, or not all of it: "+err.Error(), http.StatusServiceUnavailable)
		}
		return
	}
	w.Header().Set("Content-Type", ndjson)
	out := json.NewEncoder(w)
	for _, d := range done {
		if out.Encode(d) != nil {
			return
		}
	}
}

// list answers with a line of JSON for each document of a space; with ?watch=true it
// goes on.
func (cfg Config) list(w http.ResponseWriter, r *http.Request) {
	space := r.PathValue("space")
	if _, err := record.ParseKey(space + "/x"); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	switch r.URL.Query().Get("watch") {
	case "true":
		cfg.watchList(w, r, space)
		return
	case "", "false":
	default:
		http.Error(w, "watch is true or false", http.StatusBadRequest)
		return
	}
	out := json.NewEncoder(w)
	w.Header().Set("Cache-Control", "no-store")
	begun := false
	for listed, err := range cfg.Store.List(r.Context(), space) {
		switch {
		case err != nil && !begun:
			cfg.fail(w, r, space, err)
			return
		case err != nil:
			panic(http.ErrAbortHandler) // the answer must not look whole
		case !begun:
			w.Header().Set("Content-Type", "application/x-ndjson")
			begun = true
		}
		if out.Encode(listed) != nil {
			return
		}
	}
}

// fail answers with an error.
func (cfg Config) fail(w http.ResponseWriter, r *http.Request, what string, err error) {
	var ahead *aheadError
	switch {
	case r.Context().Err() != nil: // nobody listens
	case errors.As(err, &ahead):
		answer(w, problem{
			Type: "about:blank", Title: http.StatusText(http.StatusNotFound), Status: http.StatusNotFound,
			Detail: ahead.Error(), Head: ahead.head,
		})
	case errors.Is(err, ErrNoRevision):
		http.Error(w, what+": "+ErrNoRevision.Error(), http.StatusNotFound)
	case errors.Is(err, ErrForgotten):
		http.Error(w, what+": "+ErrForgotten.Error(), http.StatusGone)
	case errors.Is(err, ErrTooLarge):
		http.Error(w, what+": "+ErrTooLarge.Error()+": make several documents of it", http.StatusRequestEntityTooLarge)
	default:
		cfg.Logger.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err)
		http.Error(w, what+": not available now", http.StatusServiceUnavailable)
	}
}

// problem is an error with something in it for programs, as in RFC 9457.
type problem struct {
	Type   string          `json:"type"`
	Title  string          `json:"title"`
	Status int             `json:"status"`
	Detail string          `json:"detail"`
	Head   record.Revision `json:"head"` // of the document
}

// answer answers with a problem.
func answer(w http.ResponseWriter, p problem) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(p.Status)
	json.NewEncoder(w).Encode(p) //nolint:errcheck // the client is gone
}

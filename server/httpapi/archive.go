package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// Moved is a line of the answer to an import: a document that is done, or the end, with
// the error if there is one.
type Moved struct {
	Key     string `json:"key,omitempty"`
	Records int    `json:"records,omitempty"`
	Stored  int    `json:"stored,omitempty"`
	Done    bool   `json:"done,omitempty"`
	Error   string `json:"error,omitempty"`
}

const ndjson = "application/x-ndjson"

func (cfg Config) archives(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/export/{space}", cfg.export)
	mux.HandleFunc("GET /v1/export", cfg.export)
	mux.HandleFunc("POST /v1/import", cfg.imports)
}

// export answers with an archive of a space, or of all of them.
func (cfg Config) export(w http.ResponseWriter, r *http.Request) {
	space := r.PathValue("space")
	if _, err := record.ParseKey(space + "/x"); space != "" && err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", ndjson)
	w.Header().Set("Cache-Control", "no-store")
	if err := cfg.Store.Export(r.Context(), space, w); err != nil {
		if r.Context().Err() == nil {
			cfg.Logger.Error("export failed", "space", space, "error", err)
		}
		panic(http.ErrAbortHandler) // the answer must not look whole
	}
}

// imports stores the archive in the body, and says so document by document.
func (cfg Config) imports(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Content-Type") != ndjson {
		http.Error(w, "send an archive, as GET /v1/export/<space> makes it, with Content-Type: "+ndjson, http.StatusUnsupportedMediaType)
		return
	}
	control := http.NewResponseController(w)
	// It errs with HTTP/2, where it is so anyway.
	_ = control.EnableFullDuplex()
	w.Header().Set("Content-Type", ndjson)
	out := json.NewEncoder(w)
	err := cfg.Store.Import(r.Context(), r.Body, func(key record.Key, records, stored int) {
		_ = out.Encode(Moved{Key: key.String(), Records: records, Stored: stored}) // a client that is gone ends the request
		_ = control.Flush()
	})
	end := Moved{Done: true}
	if err != nil {
		if end.Error = err.Error(); !errors.Is(err, r.Context().Err()) {
			cfg.Logger.Warn("import failed", "error", err)
		}
	}
	_ = out.Encode(end)
}

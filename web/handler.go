package web

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
)

// pages are the addresses that people type.
var pages = map[string]string{
	"/":          "index.html",
	"/languages": "languages.html",
	"/notes":     "notes.html",
}

// hashedDir holds the files whose names change with their content.
const hashedDir = "assets/"

var contentTypes = map[string]string{
	".css":  "text/css; charset=utf-8",
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".wasm": "application/wasm", // WebAssembly.instantiateStreaming takes no other
}

// policy lets pages run their own scripts and WebAssembly, and talk to their own
// server, nothing else.
const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Handler serves the files that the asset build wrote: the board at "/", the
// language table at "/languages", notes at "/notes", the client for other pages at "/rivulet.js".
// Compressed variants (name.br, name.gz) are served to clients that take them.
// Files named by their content may be cached for ever, all others are
// revalidated by their ETag. Without an index.html every page says that the
// assets are missing.
func Handler(assets fs.FS) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			header.Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		name, isPage := pages[r.URL.Path]
		if !isPage {
			name = strings.TrimPrefix(path.Clean(r.URL.Path), "/")
		}
		f, err := open(assets, name, r.Header.Get("Accept-Encoding"))
		switch {
		case err == nil:
			f.serve(w, r)
		case !errors.Is(err, fs.ErrNotExist):
			http.Error(w, "the file cannot be read", http.StatusInternalServerError)
		case isPage:
			header.Set("Content-Type", contentTypes[".html"])
			header.Set("Cache-Control", "no-store")
			w.WriteHeader(http.StatusServiceUnavailable)
			if r.Method == http.MethodGet {
				_, _ = w.Write([]byte(missingPage)) // a client that went away
			}
		default:
			http.Error(w, "404: there is no such page; there are "+pageList, http.StatusNotFound)
		}
	})
}

// pageList names the pages to who mistyped one.
var pageList = strings.Join(slices.Sorted(maps.Keys(pages)), ", ")

const missingPage = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Rivulet</title>
<h1>The web pages are not in this build</h1>
<p>The server runs. To have its pages, run <code>make build</code> in the repository and start the binary that it makes.</p>
</html>
`

// file is a file in the best encoding for one request.
type file struct {
	name     string
	encoding string // of data: "br", "gzip" or "" for none
	varies   bool   // there are variants
	data     []byte
}

// open reads a file of a known type in the best encoding that the client takes.
// Variants and files of other types are not there: fs.ErrNotExist.
func open(assets fs.FS, name, accepted string) (file, error) {
	if _, known := contentTypes[path.Ext(name)]; !known || !fs.ValidPath(name) {
		return file{}, fs.ErrNotExist
	}
	f := file{name: name}
	for _, variant := range []struct{ encoding, suffix string }{{"br", ".br"}, {"gzip", ".gz"}} {
		if _, err := fs.Stat(assets, name+variant.suffix); err != nil {
			continue
		}
		f.varies = true
		if f.encoding == "" && accepts(accepted, variant.encoding) {
			f.encoding = variant.encoding
			name = f.name + variant.suffix
		}
	}
	data, err := fs.ReadFile(assets, name)
	f.data = data
	return f, err
}

func (f file) serve(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", contentTypes[path.Ext(f.name)])
	if path.Ext(f.name) == ".html" {
		header.Set("Content-Security-Policy", policy)
	}
	if f.varies {
		header.Set("Vary", "Accept-Encoding")
	}
	if strings.HasPrefix(f.name, hashedDir) {
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		header.Set("Cache-Control", "no-cache")
		etag := f.etag()
		header.Set("ETag", etag)
		if matches(r.Header.Get("If-None-Match"), etag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	if f.encoding != "" {
		header.Set("Content-Encoding", f.encoding)
	}
	header.Set("Content-Length", strconv.Itoa(len(f.data)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(f.data) // a client that went away
	}
}

// etag differs between the encodings of a file, as it must.
func (f file) etag() string {
	sum := sha256.Sum256(f.data)
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}

// matches reports whether an If-None-Match header names the tag. Proxies that
// compress make a tag weak.
func matches(header, etag string) bool {
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" || strings.TrimPrefix(tag, "W/") == etag {
			return true
		}
	}
	return false
}

// accepts reports whether an Accept-Encoding header takes the encoding.
func accepts(header, encoding string) bool {
	any := false
	for item := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(item, ";")
		weight, isWeight := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
		q, err := strconv.ParseFloat(weight, 64)
		wanted := !isWeight || err == nil && q > 0
		switch strings.ToLower(strings.TrimSpace(name)) {
		case encoding:
			return wanted
		case "*":
			any = wanted
		}
	}
	return any
}

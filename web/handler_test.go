package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rivulet-sync/rivulet/web"
)

var built = fstest.MapFS{
	".keep":                       {},
	"index.html":                  {Data: []byte("<p>board")},
	"index.html.br":               {Data: []byte("br board")},
	"index.html.gz":               {Data: []byte("gz board")},
	"languages.html":              {Data: []byte("<p>languages")},
	"notes.html":                  {Data: []byte("<p>notes")},
	"rivulet.js":                  {Data: []byte("client")},
	"assets/rivulet.0123.wasm":    {Data: []byte("module")},
	"assets/rivulet.0123.wasm.br": {Data: []byte("br module")},
	"assets/rivulet.0123.wasm.gz": {Data: []byte("gz module")},
	"assets/board.4567.js":        {Data: []byte("script")},
}

func get(t *testing.T, handler http.Handler, target string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

func TestHandlerNegotiatesEncoding(t *testing.T) {
	handler := web.Handler(built)
	for _, tt := range []struct{ accept, encoding, body string }{
		{"", "", "module"},
		{"gzip, deflate, br, zstd", "br", "br module"},
		{"gzip", "gzip", "gz module"},
		{"BR;q=0.5", "br", "br module"},
		{"br;q=0, gzip;q=1.0", "gzip", "gz module"},
		{"br; q=0, *", "gzip", "gz module"},
		{"*", "br", "br module"},
		{"*;q=0", "", "module"},
		{"identity", "", "module"},
		{"br;q=x", "", "module"},
	} {
		w := get(t, handler, "/assets/rivulet.0123.wasm", "Accept-Encoding", tt.accept)
		h := w.Result().Header
		if w.Code != http.StatusOK || w.Body.String() != tt.body || h.Get("Content-Encoding") != tt.encoding {
			t.Errorf("%q: %d %q in %q", tt.accept, w.Code, w.Body, h.Get("Content-Encoding"))
		}
		if h.Get("Vary") != "Accept-Encoding" || h.Get("Content-Type") != "application/wasm" {
			t.Errorf("%q: %v", tt.accept, h)
		}
	}
	if vary := get(t, handler, "/assets/board.4567.js").Result().Header.Get("Vary"); vary != "" {
		t.Errorf("a file without variants has Vary: %s", vary)
	}
}

func TestHandlerCaching(t *testing.T) {
	handler := web.Handler(built)
	for _, path := range []string{"/assets/rivulet.0123.wasm", "/assets/board.4567.js"} {
		h := get(t, handler, path).Result().Header
		if h.Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%s: %v", path, h)
		}
	}
	for _, path := range []string{"/", "/languages", "/notes", "/rivulet.js"} {
		h := get(t, handler, path).Result().Header
		tag := h.Get("ETag")
		if h.Get("Cache-Control") != "no-cache" || tag == "" {
			t.Errorf("%s: %v", path, h)
		}
		for _, same := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
			if w := get(t, handler, path, "If-None-Match", same); w.Code != http.StatusNotModified || w.Body.Len() > 0 {
				t.Errorf("%s with If-None-Match %s: %d %q", path, same, w.Code, w.Body)
			}
		}
		if w := get(t, handler, path, "If-None-Match", `"other"`); w.Code != http.StatusOK {
			t.Errorf("%s with another tag: %d", path, w.Code)
		}
	}
	plain := get(t, handler, "/").Result().Header.Get("ETag")
	if br := get(t, handler, "/", "Accept-Encoding", "br").Result().Header.Get("ETag"); br == plain {
		t.Error("two encodings have one ETag")
	}
}

func TestHandlerPages(t *testing.T) {
	handler := web.Handler(built)
	for path, body := range map[string]string{"/": "<p>board", "/languages": "<p>languages", "/notes": "<p>notes"} {
		w := get(t, handler, path)
		h := w.Result().Header
		if w.Body.String() != body || h.Get("Content-Type") != "text/html; charset=utf-8" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %q %v", path, w.Body, h)
		}
		for _, rule := range []string{"default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "connect-src 'self'"} {
			if !strings.Contains(h.Get("Content-Security-Policy"), rule) {
				t.Errorf("%s: no %s in the policy", path, rule)
			}
		}
	}
}

func TestHandlerServesNothingElse(t *testing.T) {
	handler := web.Handler(built)
	for _, path := range []string{"/nothing", "/.keep", "/index.html.br", "/assets/", "/assets", "/assets/rivulet.0123.wasm.gz", "//assets", "/../web.go", "/languages/"} {
		if w := get(t, handler, path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d %q", path, w.Code, w.Body)
		}
	}
	if w := get(t, handler, "/note"); !strings.Contains(w.Body.String(), "there are /, /languages, /notes") {
		t.Errorf("a page that was mistyped: %q", w.Body)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
	w = httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodHead, "/", nil))
	if w.Code != http.StatusOK || w.Body.Len() != 0 || w.Result().Header.Get("Content-Length") != "8" {
		t.Errorf("HEAD: %d %q %v", w.Code, w.Body, w.Result().Header)
	}
}

func TestHandlerWithoutAssets(t *testing.T) {
	handler := web.Handler(fstest.MapFS{".keep": {}})
	for _, path := range []string{"/", "/languages", "/notes"} {
		if w := get(t, handler, path); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "make build") {
			t.Errorf("%s: %d %q", path, w.Code, w.Body)
		}
	}
	if w := get(t, handler, "/rivulet.js"); w.Code != http.StatusNotFound {
		t.Errorf("/rivulet.js: %d", w.Code)
	}
}

// The embedded directory always opens, with assets in it or without.
func TestEmbedded(t *testing.T) {
	if w := get(t, web.Handler(web.Assets()), "/"); w.Code != http.StatusOK && w.Code != http.StatusServiceUnavailable {
		t.Errorf("/: %d", w.Code)
	}
}

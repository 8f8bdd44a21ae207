package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
)

func TestSite(t *testing.T) {
	module := []byte("\x00asm")
	files, err := site("..", module)
	if err != nil {
		t.Fatal(err)
	}
	again, err := site("..", module)
	if err != nil {
		t.Fatal(err)
	}
	if !maps.EqualFunc(files, again, bytes.Equal) {
		t.Error("two builds of the same sources differ")
	}
	for _, name := range []string{"index.html", "languages.html", "notes.html", "rivulet.js"} {
		if len(files[name]) == 0 {
			t.Fatalf("no %s among %v", name, slices.Sorted(maps.Keys(files)))
		}
	}
	wasm := "/assets/" + contentName("rivulet.wasm", module)
	for name, bundle := range map[string]string{"index.html": "board.", "languages.html": "languages.", "notes.html": "notes."} {
		html := string(files[name])
		for asset := range files {
			used := strings.Contains(html, `"/`+asset+`"`)
			mine := strings.HasPrefix(asset, "assets/") && (strings.Contains(asset, "rivulet.") || strings.Contains(asset, bundle))
			if used != mine {
				t.Errorf("%s names %s: %v", name, asset, used)
			}
		}
	}
	if !bytes.Contains(files["rivulet.js"], []byte(wasm)) {
		t.Errorf("rivulet.js does not know %s", wasm)
	}
}

func TestCompressedVariantsUnpackToTheFile(t *testing.T) {
	text := []byte(strings.Repeat("the same again and again, ", 400))
	files, err := withCompressed(map[string][]byte{"a.js": text, "b.js": []byte("short")}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if names := slices.Sorted(maps.Keys(files)); !slices.Equal(names, []string{"a.js", "a.js.br", "a.js.gz", "b.js"}) {
		t.Fatalf("files: %v", names)
	}
	unzip, err := gzip.NewReader(bytes.NewReader(files["a.js.gz"]))
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]io.Reader{"br": brotli.NewReader(bytes.NewReader(files["a.js.br"])), "gz": unzip} {
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

func TestCached(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "file")
	runs := 0
	work := func() ([]byte, error) { runs++; return []byte("result"), nil }
	for range 2 {
		if data, err := cached(path, work); err != nil || string(data) != "result" {
			t.Fatalf("%q, %v", data, err)
		}
	}
	if runs != 1 {
		t.Errorf("made %d times", runs)
	}
	failure := errors.New("no")
	if _, err := cached(path+"2", func() ([]byte, error) { return nil, failure }); !errors.Is(err, failure) {
		t.Errorf("error: %v", err)
	}
}

func TestReplaceAll(t *testing.T) {
	dir := t.TempDir()
	write := func(name string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	exists := func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	}
	write(".keep")
	write("index.html.br")
	write("assets/old.js")
	if err := replaceAll(dir, map[string][]byte{"index.html": nil, "assets/new.js": nil}); err != nil {
		t.Fatal(err)
	}
	if !exists(".keep") || !exists("index.html") || !exists("assets/new.js") || exists("assets/old.js") || exists("index.html.br") {
		t.Error("the files were not replaced")
	}
	write("thesis.txt")
	if err := replaceAll(dir, nil); err == nil || !exists("thesis.txt") || !exists("index.html") {
		t.Errorf("a directory with foreign files was touched: %v", err)
	}
}

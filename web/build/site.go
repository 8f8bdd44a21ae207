package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html/template"
	"path"
	"path/filepath"
	"strings"
)

// pages are the demos: the name is that of the directory, of the entry point in
// it, and of the bundle. The board is the front page.
var pages = []struct{ name, file string }{
	{"board", "index.html"},
	{"languages", "languages.html"},
	{"notes", "notes.html"},
}

// site returns every file of the web site by its slash-separated path, without
// compressed variants. Files below assets/ are named by their content; what a
// browser asks for by a fixed name is not.
func site(webDir string, module []byte) (map[string][]byte, error) {
	files := map[string][]byte{}
	asset := func(name string, data []byte) string {
		hashed := "assets/" + contentName(name, data)
		files[hashed] = data
		return "/" + hashed
	}
	wasmURL := asset("rivulet.wasm", module)

	client, _, err := bundle(filepath.Join(webDir, "src", "index.ts"), wasmURL)
	if err != nil {
		return nil, err
	}
	files["rivulet.js"] = client

	for _, page := range pages {
		dir := filepath.Join(webDir, "demos", page.name)
		script, style, err := bundle(filepath.Join(dir, page.name+".ts"), wasmURL)
		if err != nil {
			return nil, err
		}
		tmpl, err := template.ParseFiles(filepath.Join(dir, "page.html"), filepath.Join(webDir, "demos", "ui", "head.html"))
		if err != nil {
			return nil, err
		}
		var html bytes.Buffer
		err = tmpl.Execute(&html, struct{ Script, Style, Wasm string }{
			Script: asset(page.name+".js", script),
			Style:  asset(page.name+".css", style),
			Wasm:   wasmURL,
		})
		if err != nil {
			return nil, fmt.Errorf("page %s: %w", page.name, err)
		}
		files[page.file] = html.Bytes()
	}
	return files, nil
}

// contentName puts a hash of the content before the extension.
func contentName(name string, data []byte) string {
	sum := sha256.Sum256(data)
	ext := path.Ext(name)
	return strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:8]) + ext
}

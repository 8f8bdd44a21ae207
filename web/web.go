// Package web is the browser side of Rivulet as the server hands it out: the
// WebAssembly replica, the TypeScript client and the demo pages.
//
// The files are made by `go run ./web/build` (part of `make build`) and embedded
// when the server is compiled. A server that was compiled without them works;
// its pages say what to do.
package web

import (
	"embed"
	"io/fs"
)

// dist has a .keep file in git, so that a clean clone compiles.
//
//go:embed all:dist
var dist embed.FS

// Assets returns the embedded files, for [Handler].
func Assets() fs.FS {
	assets, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // only for an invalid path
	}
	return assets
}

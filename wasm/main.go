//go:build js

// Command wasm is the browser's module: the replica engine behind the interface
// that web/src/engine.ts describes.
package main

import "github.com/rivulet-sync/rivulet/wasm/bridge"

// version is set by the linker.
var version = "development"

func main() { bridge.Serve(version) }

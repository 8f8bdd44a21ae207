//go:build js

// Command wasm is the browser's module: the replica engine behind the interface
// that web/src/engine.ts describes.
package main

import "github.com/rivulet-sync/rivulet/wasm/bridge"

func main() { bridge.Serve() }

//go:build js

// Command wasm is the browser's module: the replica engine behind the interface
// that web/src/engine.ts describes. It has no functions for named mutations: a module
// with those is a program of their own, see examples/mutators.
package main

import "github.com/rivulet-sync/rivulet/wasm/bridge"

func main() { bridge.Serve(nil) }

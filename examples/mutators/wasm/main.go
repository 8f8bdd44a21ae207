//go:build js

// Command wasm is the module of the shop's pages: the engine, with the functions of the
// shop compiled in.
package main

import (
	"github.com/rivulet-sync/rivulet/examples/mutators/shop"
	"github.com/rivulet-sync/rivulet/wasm/bridge"
)

func main() { bridge.Serve(shop.Mutators()) }

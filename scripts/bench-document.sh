#!/usr/bin/env bash
# Measures the document, its text and its tables with the inputs that
# bench/peers takes, natively and as WebAssembly under Node. COUNT is the number
# of runs of each, all of which are printed.
set -euo pipefail
cd "$(dirname "$0")/.."

run() {
  go test "$@" -run '^$' -count "${COUNT:-3}" -bench '^BenchmarkPaperDocument$' ./shared/text
  go test "$@" -run '^$' -count "${COUNT:-3}" -bench '^Benchmark(OpenReadOne|RemoteField|Memory)$' ./shared/doc
  go test "$@" -run '^$' -count "${COUNT:-3}" -bench '^BenchmarkRemoteRow$' ./shared/table
}

echo "== native"
run | grep '^Benchmark'
echo "== WebAssembly, Node"
# GOGC as in web/src/wasm.ts.
GOGC=400 GOOS=js GOARCH=wasm run -exec "$(go env GOROOT)/lib/wasm/go_js_wasm_exec" | grep '^Benchmark'

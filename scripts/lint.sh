#!/usr/bin/env bash
# Checks what a machine can: format, vet and staticcheck natively and as WebAssembly, generated files,
# TypeScript. Runs all checks, then fails if one did.
set -uo pipefail

failed=0
wasm=(./shared/... ./wasm/...)

check() { # name, command...
  local name=$1 out
  shift
  if out=$("$@" 2>&1); then
    echo "ok    $name"
  else
    echo "FAIL  $name"
    sed 's/^/      /' <<<"$out"
    failed=1
  fi
}

formatted() {
  local files
  files=$(git ls-files -co --exclude-standard -z '*.go' | xargs -0r gofmt -l 2>&1)
  [[ -z $files ]] || {
    echo "gofmt -w $files"
    return 1
  }
}

# sums prints a line for each generated file.
sums() {
  git ls-files -co --exclude-standard -z '*.go' '*.ts' | xargs -0r grep -lZE '^// Code generated .* DO NOT EDIT' | xargs -0r sha256sum
}

generated() {
  local before after
  before=$(sums)
  go generate ./... || return 1
  after=$(sums)
  [[ $before == "$after" ]] || {
    echo "these files were out of date and have been generated again:"
    diff <(echo "$before") <(echo "$after") | sed -n 's/^[<>] [0-9a-f]*  //p' | sort -u
    return 1
  }
}

typescript() {
  command -v npm >/dev/null || {
    echo "the TypeScript checks need Node.js and npm"
    return 1
  }
  cd web && npm ci --silent --no-audit --no-fund && npm run --silent check
}

as_wasm() { GOOS=js GOARCH=wasm "$@"; }

# staticcheck is built for this machine and looks at the packages as WebAssembly has them.
staticcheck=$(mktemp)
trap 'rm -f "$staticcheck"' EXIT
check "go build staticcheck" go build -o "$staticcheck" honnef.co/go/tools/cmd/staticcheck

check gofmt formatted
check "go vet" go vet ./...
check "go vet, GOOS=js" as_wasm go vet "${wasm[@]}"
check staticcheck "$staticcheck" ./...
check "staticcheck, GOOS=js" as_wasm "$staticcheck" "${wasm[@]}"
check "generated files" generated
[[ ! -f web/package-lock.json ]] || check typescript typescript
exit $failed

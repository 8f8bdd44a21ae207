#!/usr/bin/env bash
# Runs every fuzz target of the module, one after the other, each for FUZZTIME.
set -euo pipefail

found=0
for package in $(go list ./...); do
  for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
    found=$((found + 1))
    echo "== $target ($package)"
    go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-10s}" "$package"
  done
done
echo "$found fuzz targets"

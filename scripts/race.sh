#!/usr/bin/env bash
# Prints -race where the race detector can be built, else nothing and a line on standard error.
set -euo pipefail

if [[ $(go env CGO_ENABLED) == 1 ]] && command -v "$(go env CC)" >/dev/null; then
  echo -race
else
  echo "race.sh: no C compiler: the tests run without the race detector" >&2
fi

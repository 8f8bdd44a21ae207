#!/usr/bin/env bash
# Makes sure that there is a Node.js to run the TypeScript tests: where there is none and this is root
# on a Debian or Ubuntu, it is installed with apt-get; otherwise one line says what to do.
set -euo pipefail

command -v node >/dev/null && exit

if [[ $(id -u) == 0 && -f /etc/debian_version ]] && command -v apt-get >/dev/null; then
  echo "node.sh: no Node.js found: installing it with apt-get (once)" >&2
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  if {
    apt-get -o DPkg::Lock::Timeout=300 update &&
      DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends nodejs
  } >"$log" 2>&1 </dev/null; then
    exit
  fi
  tail -n 5 "$log" >&2
fi
echo "node.sh: the TypeScript tests need Node.js 20.10 or newer in PATH; install it from https://nodejs.org" >&2
exit 1

#!/usr/bin/env bash
# Makes sure that there is a Node.js that can run the TypeScript tests. Where there is none, or an older
# one, and this is root on a Debian or Ubuntu, it is installed: with apt-get where that has one which is
# new enough, else npm's package `node`, into /usr/local. Otherwise one line says what to do.
set -euo pipefail

needed=20.10 # the first with --experimental-websocket
package=node@22

say() { echo "node.sh: $*" >&2; }

enough() { # version: is it what is needed, or newer?
  [[ $1 == [0-9]* && $(printf '%s\n' "$needed" "$1" | sort -V | head -n 1) == "$needed" ]]
}

runs() { # is there one in PATH?
  hash -r
  local version
  version=$(node --version 2>/dev/null) && enough "${version#v}"
}

apt() { DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 "$@"; }

install_node() {
  apt update || return
  local candidate
  candidate=$(apt-cache policy nodejs | sed -n 's/^ *Candidate: //p')
  if enough "${candidate#*:}"; then
    apt install -y --no-install-recommends nodejs
    return
  fi
  command -v npm >/dev/null || apt install -y --no-install-recommends npm || return
  npm install --global --prefix /usr/local --no-audit --no-fund "$package"
}

runs && exit
found=$(node --version 2>/dev/null || echo none)
if [[ $(id -u) == 0 && -f /etc/debian_version ]] && command -v apt-get >/dev/null; then
  say "Node.js $needed or newer is needed, found: $found; installing it (once)"
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  if install_node >"$log" 2>&1 </dev/null && runs; then
    exit
  fi
  tail -n 5 "$log" >&2
fi
say "the TypeScript tests need Node.js $needed or newer in PATH, found: $found; install it from https://nodejs.org, or with npm: npm install --global $package"
exit 1

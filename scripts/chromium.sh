#!/usr/bin/env bash
# Prints the path of a Chromium or Chrome that the browser tests can drive.
#
# It looks at $RIVULET_CHROME, then at the usual names and places. Where there is none and this is
# root on a Debian or Ubuntu, it installs Chromium with apt-get; --find only looks. When there is no
# browser in the end it says in one line what to do, and exits 1.
set -euo pipefail

say() { echo "chromium.sh: $*" >&2; }

die() {
  say "$*; install Chromium or Chrome, or set RIVULET_CHROME to the path of one"
  exit 1
}

works() { "$1" --version >/dev/null 2>&1; } # Ubuntu's stand-in for the snap exists and does not run

find_browser() {
  local name path
  for name in chromium chromium-browser google-chrome google-chrome-stable chrome headless-shell \
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" \
    "/Applications/Chromium.app/Contents/MacOS/Chromium"; do
    if path=$(command -v "$name") && works "$path"; then
      echo "$path"
      return 0
    fi
  done
  return 1
}

install_browser() {
  local log
  log=$(mktemp)
  say "no browser found: installing Chromium with apt-get (once, about 100 MB)"
  if ! {
    apt-get -o DPkg::Lock::Timeout=300 update &&
      DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends \
        chromium fonts-inter fonts-noto-core fonts-noto-mono
  } >"$log" 2>&1 </dev/null; then
    tail -n 5 "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

if [[ -n ${RIVULET_CHROME:-} ]]; then
  path=$(command -v "$RIVULET_CHROME") || die "RIVULET_CHROME=$RIVULET_CHROME is not a program"
  works "$path" || die "RIVULET_CHROME=$RIVULET_CHROME does not run"
  echo "$path"
  exit
fi
find_browser && exit
[[ ${1:-} == --find ]] && die "no browser found"
[[ $(id -u) == 0 && -f /etc/debian_version ]] && command -v apt-get >/dev/null || die "no browser found"
install_browser || die "apt-get could not install Chromium"
find_browser || die "apt-get installed a Chromium that does not run"

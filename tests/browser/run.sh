#!/bin/sh
# The browser test: Russet's demo in headless Chromium.
#
#   tests/browser/run.sh          installs what is missing, then runs everything
#   RUSSET_BIN=path  the program to test (default: target/debug/russet, built if it is not there)
#   CHROMIUM=path    the browser (default: chromium, else chromium-browser or google-chrome)
#
# A thing that is missing and cannot be installed is a failure: nothing is skipped.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

fail() {
    echo "tests/browser: $1" >&2
    exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

browser() {
    if [ -n "${CHROMIUM:-}" ]; then
        command -v "$CHROMIUM"
    else
        command -v chromium || command -v chromium-browser || command -v google-chrome || true
    fi
}

[ -z "${CHROMIUM:-}" ] || has "$CHROMIUM" || fail "CHROMIUM=$CHROMIUM is not a program"

missing=
[ -n "$(browser)" ] || missing="$missing chromium"
has node || missing="$missing nodejs"
has npm || missing="$missing npm"

if [ -n "$missing" ]; then
    echo "tests/browser: installing Debian packages:$missing (the browser, and what drives it)"
    has apt-get || fail "there is no apt-get; install$missing by hand, then run this again"
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        has sudo || fail "neither root nor sudo; install$missing by hand, then run this again"
        as_root=sudo
    fi
    export DEBIAN_FRONTEND=noninteractive
    $as_root apt-get update -q || fail "apt-get update failed; see above"
    # shellcheck disable=SC2086 # a list of packages
    $as_root apt-get install -q -y --no-install-recommends $missing ||
        fail "$missing could not be installed; see above"
fi

CHROMIUM=$(browser)
[ -n "$CHROMIUM" ] || fail "no browser, though chromium is installed; set CHROMIUM to its path"

if [ -z "${RUSSET_BIN:-}" ]; then
    RUSSET_BIN=${CARGO_TARGET_DIR:-$root/target}/debug/russet
    [ -x "$RUSSET_BIN" ] || (cd "$root" && cargo build --locked)
fi
[ -x "$RUSSET_BIN" ] || fail "$RUSSET_BIN is not a program; build it with: cargo build"
# The test runs in its own folder; a relative path means the caller's.
case $RUSSET_BIN in /*) ;; *) RUSSET_BIN=$PWD/$RUSSET_BIN ;; esac

export CHROMIUM RUSSET_BIN
cd "$here"
npm ci --no-audit --no-fund --ignore-scripts --prefer-offline --loglevel=error
exec npm test --silent

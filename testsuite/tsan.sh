#!/bin/sh
# Builds the library with ThreadSanitizer and runs a hundred machines at once, forks among them; on
# demand (a small number of them runs with every change, in the library test).
#
# usage: sh testsuite/tsan.sh [MACHINES]
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
build=$here/build-tests/tsan

[ -e "$build/build.ninja" ] ||
	meson setup "$build" "$here" -Db_sanitize=thread -Db_lundef=false -Dbuildtype=debugoptimized >/dev/null
ninja -C "$build" testsuite/api/test_library
TSAN_OPTIONS="halt_on_error=1 exitcode=66" CLEARBOX_THREADS=${1:-100} CLEARBOX_MACHINES=200 \
	"$build/testsuite/api/test_library"

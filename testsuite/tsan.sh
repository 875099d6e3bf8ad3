#!/bin/sh
# Builds the library with ThreadSanitizer and runs a hundred machines at once on threads: devices, hooks,
# saved states, forks that run beside their machines, stops asked for from other threads
# (testsuite/api/test_threads.c).  The last line is "N passed, N failed".
#
# usage: sh testsuite/tsan.sh [MACHINES]
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
build=${CLEARBOX_TSAN:-$here/build-tests/tsan}

mkdir -p "$build"
[ -e "$build/build.ninja" ] ||
	meson setup "$build" "$here" -Db_sanitize=thread -Db_lundef=false -Ddebug=true -Doptimization=1 \
		--auto-features=disabled >"$build.log" 2>&1 || { tail -n 20 "$build.log"; exit 1; }
ninja -C "$build" ${CLEARBOX_JOBS:+-j "$CLEARBOX_JOBS"} testsuite/api/test_threads >"$build.log" 2>&1 || {
	tail -n 30 "$build.log"
	exit 1
}
if TSAN_OPTIONS="halt_on_error=1 exitcode=66" CLEARBOX_THREADS="${1:-100}" \
	"$build/testsuite/api/test_threads" >"$build.log" 2>&1; then
	echo "1 passed, 0 failed"
else
	tail -n 60 "$build.log"
	echo "0 passed, 1 failed"
	exit 1
fi

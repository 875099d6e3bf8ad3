#!/bin/sh
# How much of the library the tests reach: builds apart with gcc's counters, runs the meson suites and two
# boots, and says which share of the lines of core and devices ran, which files have least, and which
# public functions nobody called.
#
# usage: sh testsuite/coverage.sh [report|quick]     report: only looks at what was counted before;
#                                                    quick: without boots
# The build is in build-tests/coverage; CLEARBOX_JOBS says how many things to do at once.  The last line is
# "N passed, N failed": all public functions called, and over 85 per cent of the lines.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
build=${CLEARBOX_COVERAGE:-$here/build-tests/coverage}
jobs=${CLEARBOX_JOBS:-$(nproc)}
if [ "${1:-}" != report ]; then
	mkdir -p "$build"
	[ -e "$build/build.ninja" ] || CC=gcc meson setup "$build" "$here" -Db_coverage=true -Dbuildtype=debug -Doptimization=1 \
		-Dc_args=-fprofile-update=prefer-atomic >"$build.log" 2>&1 || { tail -n 20 "$build.log"; exit 1; }
	ninja -C "$build" -j "$jobs" >"$build.log" 2>&1 || { tail -n 30 "$build.log"; exit 1; }
	find "$build" -name '*.gcda' -delete
	meson test -C "$build" --no-rebuild --num-processes "$jobs" --timeout-multiplier 10 --quiet --no-suite boot \
		2>&1 | tail -n 40
	if [ "${1:-}" != quick ]; then
		guests=$(sh "$here/testsuite/boot/guests.sh" 686)
		timeout 1200 "$build/testsuite/state/replay" -m 128 -n 1500000000 -rounds 2 -only save \
			-kernel "$guests/vmlinuz-686" -initrd "$guests/initrd-686" -append console=ttyS0
		guests=$(sh "$here/testsuite/boot/guests.sh" amd64)
		timeout 1200 "$build/testsuite/state/replay" -cpu max -m 256 -n 1500000000 -rounds 2 -only save \
			-kernel "$guests/vmlinuz-amd64" -initrd "$guests/initrd-amd64" -append console=ttyS0
	fi
fi
exec python3 "$here/testsuite/coverage.py" "$build" "$here"

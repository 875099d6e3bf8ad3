#!/bin/sh
# Runs the tests under MemorySanitizer, which knows what reads memory that nobody has written. On demand:
# all that the library calls must be instrumented too, so zlib and cmocka are built from Debian's sources.
#
# usage: sh testsuite/msan.sh [FOLDER]      the folder (build-tests/msan) holds the builds
#
# The last line is "N passed, N failed"; the exit status is 0 if none failed.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
builds=${1:-$here/build-tests/msan}
mkdir -p "$builds"
builds=$(cd "$builds" && pwd)
flags="-O1 -g -fPIC -fno-omit-frame-pointer -fsanitize=memory -fsanitize-memory-track-origins"
jobs=${CLEARBOX_JOBS:-$(nproc)}

prefix=$builds/prefix
CC=clang CFLAGS="$flags" sh "$here/testsuite/libraries.sh" "$builds/sources" "$prefix"

echo "== building clearbox"
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
[ -e "$builds/build/build.ninja" ] ||
	CC=clang CXX=clang++ meson setup "$builds/build" "$here" -Dbuildtype=debugoptimized -Db_sanitize=memory -Db_lundef=false \
		-Dpng=disabled -Dc_args=-fsanitize-memory-track-origins >"$builds/meson.log" 2>&1 ||
	{ tail "$builds/meson.log"; exit 1; }
ninja -C "$builds/build" -j "$jobs" >"$builds/build.log" 2>&1 || { tail -n 30 "$builds/build.log"; exit 1; }

# Not under this sanitizer: what calls other libraries (MPFR, Zydis) or runs code on the host that no compiler has seen.
echo "== testing"
meson test -C "$builds/build" --no-rebuild --list 2>/dev/null |
	sed -n 's/^.* \/ //p' |
	grep -vE '^(silicon|decoder|headers|header |symbols|tail calls|test_fpu_transcendental|test_fpu_arithmetic|test_ieee|docs|boot)' | sort -u >"$builds/tests"
status=0
export CLEARBOX_TEST_SLOWNESS=10
tr '\n' '\0' <"$builds/tests" | MSAN_OPTIONS=halt_on_error=1:exitcode=86 xargs -0 meson test -C "$builds/build" \
	--no-rebuild --num-processes "$jobs" --timeout-multiplier 10 --quiet --print-errorlogs || status=$?
python3 - "$builds/build/meson-logs/testlog.json" <<'PYTHON'
import json, sys
results = [json.loads(line)["result"] for line in open(sys.argv[1])]
good = sum(result in ("OK", "EXPECTEDFAIL") for result in results)
skipped = results.count("SKIP")
print(f"{good} passed, {len(results) - good - skipped} failed" + (f", {skipped} skipped" if skipped else ""))
PYTHON
exit $status

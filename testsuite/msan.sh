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

# sources PACKAGE: unpacks its source below $builds; the host's own package lists are left alone
sources()
{
	[ -z "$(find "$builds/$1"-* -maxdepth 0 -type d 2>/dev/null)" ] || return 0
	apt=$builds/apt
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
	codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
	echo "deb-src http://deb.debian.org/debian $codename main" >"$apt/sources.list"
	set -- "$1" -q -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::lists="$apt/lists" -o Dir::Cache="$apt/cache" -o APT::Sandbox::User=root
	package=$1
	shift
	[ -e "$apt/updated" ] || apt-get "$@" update >"$builds/apt.log" 2>&1
	touch "$apt/updated"
	(cd "$builds" && apt-get "$@" --download-only source "$package" >>"$builds/apt.log" 2>&1)
	mkdir -p "$builds/$package-source"
	tar -xf "$(find "$builds" -maxdepth 1 -name "${package}_*.orig.tar.*" ! -name '*.asc' | head -n 1)" \
		-C "$builds/$package-source" --strip-components=1
}

prefix=$builds/prefix
mkdir -p "$prefix/lib/pkgconfig" "$prefix/include"
if [ ! -e "$prefix/lib/libz.a" ]; then
	echo "== building zlib"
	sources zlib
	(cd "$builds/zlib-source" && CC=clang CFLAGS="$flags" ./configure --static --prefix="$prefix" &&
		make -j "$jobs" libz.a && make install) >"$builds/zlib.log" 2>&1 || { tail "$builds/zlib.log"; exit 1; }
fi
if [ ! -e "$prefix/lib/libcmocka.a" ]; then
	echo "== building cmocka"
	sources cmocka
	cd "$builds/cmocka-source"
	for header in ASSERT INTTYPES IO MALLOC MEMORY SETJMP SIGNAL STDARG STDDEF STDINT STDIO STDLIB STRINGS \
		STRING SYS_STAT SYS_TYPES TIME UNISTD; do
		echo "#define HAVE_${header}_H 1"
	done >config.h
	for function in CLOCK_GETTIME SNPRINTF VSNPRINTF STRSIGNAL STRUCT_TIMESPEC STRCMP STRCPY MEMCPY MEMSET \
		LONGJMP SIGLONGJMP SETJMP PRINTF FPRINTF FREE MALLOC CALLOC EXIT SIGNAL GCC_THREAD_LOCAL_STORAGE \
		CLOCK_REALTIME; do
		echo "#define HAVE_$function 1"
	done >>config.h
	clang $flags -D_GNU_SOURCE -DHAVE_CONFIG_H -I. -Iinclude -c src/cmocka.c -o cmocka.o >"$builds/cmocka.log" 2>&1 ||
		{ tail "$builds/cmocka.log"; exit 1; }
	ar rc "$prefix/lib/libcmocka.a" cmocka.o
	cp include/*.h "$prefix/include/"
	printf '%s\n' 'Name: cmocka' 'Description: instrumented' 'Version: 1.1.7' "Libs: -L$prefix/lib -lcmocka" \
		"Cflags: -I$prefix/include" >"$prefix/lib/pkgconfig/cmocka.pc"
	cd "$here"
fi

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

#!/bin/sh
# Builds library, program and tests for another host and runs them there: by qemu's user-mode emulators,
# or directly where the processor can.
#
# usage: sh testsuite/hosts/run.sh HOST [ci|build]
# HOST: x86_64 i386 aarch64 armhf riscv64 ppc64 s390x.  Without more, all tests that can
# run there (a quarter of an hour in an emulator); ci: those that take a minute; build: none.
#
# Builds live in build-tests/hosts/ (or CLEARBOX_HOSTS); CLEARBOX_JOBS says how many things to do at once.
# The last line is "N passed, N failed"; the exit status is 0 if none failed.  What was skipped is named before it.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
host=${1:-}
what=${2:-all}
builds=${CLEARBOX_HOSTS:-$here/build-tests/hosts}
jobs=${CLEARBOX_JOBS:-$(nproc)}
case $host in
x86_64) compiler=gcc ;;
i386) compiler="gcc -m32" ;;
*)
	[ -n "$host" ] && [ -e "$here/testsuite/hosts/$host.ini" ] || {
		echo "usage: run.sh HOST [ci|build]; HOST is x86_64, i386, aarch64, armhf, riscv64, ppc64 or s390x" >&2
		exit 2
	}
	compiler=$(sed -n "s/^c = '\(.*\)'/\1/p" "$here/testsuite/hosts/$host.ini")
	;;
esac
[ ! -d /usr/lib/ccache ] || PATH=/usr/lib/ccache:$PATH
{ command -v ${compiler% *} && command -v bzip2 && command -v xz; } >/dev/null ||
	sh "$here/testsuite/install.sh" build hosts
mkdir -p "$builds"
builds=$(cd "$builds" && pwd)
build=$builds/$host
prefix=$builds/$host-libraries

# -m32 finds the kernel's headers where no package puts them in its way
flags=
[ $host != i386 ] || flags="-isystem /usr/include/$(gcc -print-multiarch)"
CC=$compiler CFLAGS="-fPIC $flags" sh "$here/testsuite/libraries.sh" "$builds/sources" "$prefix"
cat >"$builds/$host.ini" <<INI
[properties]
pkg_config_libdir = '$prefix/lib/pkgconfig'

[built-in options]
c_args = [$(for flag in $flags; do printf "'%s', " "$flag"; done)'-isystem', '$prefix/include']
INI

echo "== building for $host"
if [ ! -e "$build/build.ninja" ]; then
	rm -rf "$build"
	if [ $host = x86_64 ]; then
		machine="--native-file $builds/$host.ini"
	else
		machine="--cross-file $here/testsuite/hosts/$host.ini --cross-file $builds/$host.ini"
	fi
	meson setup "$build" "$here" --werror --auto-features=disabled -Ddefault_library=both $machine \
		>"$builds/$host.log" 2>&1 || { tail -n 30 "$builds/$host.log"; exit 1; }
fi
ninja -k 0 -C "$build" -j "$jobs" >"$builds/$host.log" 2>&1 || {
	grep -E -A5 'error:|warning:|FAILED:' "$builds/$host.log" | head -n 60
	echo "0 passed, 1 failed"
	exit 1
}
passed=1
failed=0
failures=
skipped=
# result N WHAT
result()
{
	if [ "$1" = 0 ]; then
		passed=$((passed + 1))
		echo "ok: $2"
	else
		failed=$((failed + 1))
		failures="$failures; $2"
		echo "FAILED: $2"
	fi
}
finish()
{
	[ -z "$skipped" ] || echo "Skipped on $host:${skipped#;}"
	[ -z "$failures" ] || echo "What failed on $host:${failures#;}"
	echo "$passed passed, $failed failed"
	[ $failed = 0 ]
	exit
}
[ "$what" != build ] || finish

# Programs as scripts meet them: by themselves.
programs=$build/programs
mkdir -p "$programs"
emulator=$(sed -n "s/^exe_wrapper = \[\(.*\)\]/\1/p" "$here/testsuite/hosts/$host.ini" 2>/dev/null | tr -d "',")
for program in frontend/clearbox testsuite/hosts/golden testsuite/state/replay; do
	printf '#!/bin/sh\nexec %s "%s" "$@"\n' "$emulator" "$build/$program" >"$programs/${program##*/}"
	chmod +x "$programs/${program##*/}"
done

# Smaller numbers of random cases where an emulator makes all ten times as slow: other seeds say nothing about a
# host, and each kind of case is still met.
[ -z "$emulator" ] ||
	export GDB_FUZZ=4000 CLEARBOX_STALE_CASES=4 CLEARBOX_STATE_CASES=100 CLEARBOX_MACHINES=1000 CLEARBOX_THREADS=20 \
		CLEARBOX_HITS=8

echo "== the program for $host"
printf '%s\n' 'expect "type help" 10' 'type "help\n"' 'expect "switch off" 5' 'type "off\n"' >"$build/demo.script"
status=0
timeout 300 "$programs/clearbox" -display none -script "$build/demo.script" -screen-text "$build/demo.txt" \
	>"$builds/$host.log" 2>&1 || status=$?
grep -q 'There was nothing to boot' "$build/demo.txt" || status=1
[ $status = 0 ] || cat "$builds/$host.log"
result $status "the program boots its demo, which answers and switches off"

echo "== a machine that moves between $host and the host that this runs on"
sh "$here/testsuite/hosts/travel.sh" "$programs/golden" "$build/testsuite/hosts/guest.rom"
result $? "a machine saved on either goes on the same on the other"

# The tests that are programs (scripts would start programs without the emulator), but for those that look
# at the host that builds; for ci without what takes long in an emulator.
without='header '
[ "$what" != ci ] ||
	without="$without|hostile|replay|system_stale|system_garbage|.* small|.* single|uart|chips|growth|vectors|fork|history|tap"
echo "== testing for $host"
meson introspect "$build" --tests | python3 -c '
import json, sys
tests = json.load(sys.stdin)
programs = {test["name"] for test in tests if test["cmd"][0].startswith(sys.argv[1])}
scripts = {test["name"] for test in tests} - programs | {
    test["name"] for test in tests if not test["cmd"][0].startswith(sys.argv[1])}
print("\n".join(sorted(programs - scripts | ({"tail calls"} & scripts))))' "$build/" |
	grep -vE "^($without)" >"$builds/$host.tests"
tr '\n' '\0' <"$builds/$host.tests" | CLEARBOX_TEST_SLOWNESS=10 xargs -0 meson test -C "$build" --no-rebuild \
	--num-processes "$jobs" --timeout-multiplier 10 --quiet --print-errorlogs 2>&1 |
	grep -vE '^$|^Full log|^(Expected Fail|Unexpected Pass):  *0' | tail -n 200
set -- $(python3 - "$build/meson-logs/testlog.json" <<'PYTHON'
import json, sys
results = [json.loads(line) for line in open(sys.argv[1])]
def named(*kinds):
    return ",".join(entry["name"].replace(" ", "") for entry in results if entry["result"] in kinds) or "-"
good = sum(entry["result"] in ("OK", "EXPECTEDFAIL") for entry in results)
absent = sum(entry["result"] == "SKIP" for entry in results)
print(good, len(results) - good - absent, named("FAIL", "ERROR", "TIMEOUT", "INTERRUPT", "UNEXPECTEDPASS"), named("SKIP"))
PYTHON
)
passed=$((passed + ${1:-0}))
failed=$((failed + ${2:-1}))
[ "${2:-1}" = 0 ] || failures="$failures; ${3:-no tests ran}"
[ "${4:--}" = - ] || skipped="$skipped; $4"
[ "$what" != ci ] || finish

# The tests that are scripts: the BIOS's, the program's command line, the monitor, gdb, the examples and so on.
python3 "$here/testsuite/hosts/scripts.py" "$build" $emulator | tee "$builds/$host.log"
for word in ok FAILED skipped; do
	list=$(sed -n "s/^$word: //p" "$builds/$host.log")
	count=$(printf '%s' "$list" | grep -c . || true)
	list=$(echo "$list" | paste -s -d ,)
	case $word in
	ok) passed=$((passed + count)) ;;
	FAILED) failed=$((failed + count)); [ $count = 0 ] || failures="$failures; $list" ;;
	skipped) [ $count = 0 ] || skipped="$skipped; $list" ;;
	esac
done
finish

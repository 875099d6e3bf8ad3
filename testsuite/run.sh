#!/bin/sh
# Installs what the tests need, builds with gcc and clang without a warning, and runs all tests that
# are quick enough for every change: the meson suites, the same under sanitizers, and the boots.
# The last line is "N passed, N failed"; the exit status is 0 if none failed.
#
# usage: sh testsuite/run.sh [STEP...]      steps: gcc clang sanitizers threads hosts boot (default: all, in that order)
#
# Builds live in build-tests/; CLEARBOX_JOBS says how many things to do at once (default: all cores).
set -u
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here" || exit 1
builds=$here/build-tests
jobs=${CLEARBOX_JOBS:-$(nproc)}
steps=${*:-gcc clang sanitizers threads hosts boot}
passed=0
failed=0
skipped=0
failures=

say() { echo "== $* ($(date +%H:%M:%S))"; }

# result N WHAT: one check of the script's own
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

# compile NAME CC MESON_OPTION... [TARGET...]: sets up build-tests/NAME and builds it, or the targets
compile()
{
	name=$1
	compiler=$2
	shift 2
	setup=
	targets=
	for word; do
		case $word in
		-*) setup="$setup $word" ;;
		*) targets="$targets $word" ;;
		esac
	done
	mkdir -p "$builds"
	say "building with $name"
	if [ ! -e "$builds/$name/build.ninja" ]; then
		rm -rf "${builds:?}/$name"
		CC=$compiler meson setup "$builds/$name" "$here" --werror $setup >"$builds/$name.log" 2>&1 || {
			tail -n 30 "$builds/$name.log"
			result 1 "meson setup with $name"
			return 1
		}
	fi
	if ninja -C "$builds/$name" -j "$jobs" $targets >"$builds/$name.log" 2>&1; then
		result 0 "$name build without warnings"
	else
		grep -E -A5 'error:|FAILED:' "$builds/$name.log" | head -n 60
		result 1 "$name build"
		return 1
	fi
}

# suites NAME MESON_OPTION...: runs meson's tests in build-tests/NAME and adds up what they say
suites()
{
	name=$1
	shift
	say "tests with $name"
	# one more than there are cores: some of them mostly wait
	meson test -C "$builds/$name" --no-rebuild --num-processes $((jobs + 1)) --quiet --print-errorlogs "$@" 2>&1 |
		grep -vE '^$|^Full log|^(Expected Fail|Unexpected Pass):  *0' | tail -n 300
	counts=$(python3 - "$builds/$name/meson-logs/testlog.json" <<'PYTHON'
import json, sys
good = bad = skip = 0
names = []
try:
    for line in open(sys.argv[1]):
        entry = json.loads(line)
        if entry["result"] in ("OK", "EXPECTEDFAIL"):
            good += 1
        elif entry["result"] == "SKIP":
            skip += 1
        else:
            bad += 1
            names.append(entry["name"].replace(" ", ""))
except OSError:
    bad = 1
print(good, bad, skip, ",".join(names) or "-")
PYTHON
	)
	set -- $counts
	passed=$((passed + $1))
	failed=$((failed + $2))
	skipped=$((skipped + $3))
	[ "$2" = 0 ] || failures="$failures; $name: $4"
}

finish()
{
	[ -z "$failures" ] || echo "What failed:${failures#;}"
	if [ $skipped = 0 ]; then
		echo "$passed passed, $failed failed"
	else
		echo "$passed passed, $failed failed, $skipped skipped"
	fi
	[ $failed = 0 ] && [ $passed -gt 0 ]
	exit
}

sh testsuite/install.sh build guests tests
result $? "packages are installed"

# Guests are fetched while the compilers run; what is missing in spite of it, the boots make (and say so).
guests=
case " $steps " in
*" boot "*)
	mkdir -p "$builds"
	sh testsuite/boot/guests.sh all >"$builds/guests.log" 2>&1 </dev/null &
	guests=$!
	;;
esac

for step in $steps; do
	case $step in
	gcc)
		compile gcc gcc && suites gcc --no-suite boot
		;;
	clang)
		# a second compiler's opinion on the code; the tests of what compilers may differ in
		compile clang clang && suites clang --suite unit --suite devices --suite instructions --suite hosts
		;;
	sanitizers)
		# -g1: what a report's lines need, and a sixth less time for the compiler
		compile sanitizers gcc -Db_sanitize=address,undefined -Db_lundef=false -Dbuildtype=debugoptimized \
			-Dc_args=-g1 &&
			CLEARBOX_HITS=16 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 ASAN_OPTIONS=detect_leaks=1 \
				suites sanitizers --no-suite boot --timeout-multiplier 10
		;;
	threads)
		say "a hundred machines under ThreadSanitizer"
		CLEARBOX_JOBS=$jobs sh testsuite/tsan.sh
		result $? "a hundred machines on threads, without a data race"
		;;
	hosts)
		# the same states without optimisation, on ARM, and on a big-endian host; and a program without
		# SDL2, libslirp, libedit and libpng
		compile unoptimised gcc -Dbuildtype=debug --auto-features=disabled testsuite/hosts/golden \
			testsuite/hosts/guest.rom frontend/clearbox frontend/clearbox.1 testsuite/api/test_options \
			testsuite/api/test_pacing testsuite/window/test_window && suites unoptimised --suite hosts &&
			suites unoptimised --timeout-multiplier 4 options pacing window script monitor program 'state files'
		for host in aarch64 s390x; do
			say "building and testing for $host"
			sh testsuite/hosts/run.sh $host ci 2>&1 | tee "$builds/$host.log"
			set -- $(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$builds/$host.log" | tail -n 1)
			passed=$((passed + ${1:-0}))
			failed=$((failed + ${2:-1}))
			[ "${2:-1}" = 0 ] || failures="$failures; $host: see above"
		done
		;;
	boot)
		[ -e "$builds/gcc/frontend/clearbox" ] || compile gcc gcc
		wait $guests
		say "booting guests"
		sh testsuite/state/linux.sh "$builds/gcc/testsuite/state/replay"
		result $? "a Linux boot that was saved and loaded ends in the same state"
		python3 testsuite/gdb/run.py "$builds/gcc/frontend/clearbox" linux
		result $? "gdb debugs a Linux kernel by its symbols"
		EMULATOR=$builds/gcc/frontend/clearbox CLEARBOX_WINDOW_PICTURES=$builds/window \
			python3 testsuite/window/run.py
		status=$?
		[ $status != 77 ] || status=0
		result $status "Linux in a window: keys, mouse, menu, clipboard, sizes"
		EMULATOR=$builds/gcc/frontend/clearbox CLEARBOX_WINDOW_PICTURES=$builds/window \
			python3 testsuite/window/menu.py
		status=$?
		[ $status != 77 ] || status=0
		result $status "a window's menu, and files dropped on it: states, media, buttons"
		EMULATOR=$builds/gcc/frontend/clearbox CLEARBOX_WINDOW_PICTURES=$builds/window \
			python3 testsuite/window/hidpi.py
		status=$?
		[ $status != 77 ] || status=0
		result $status "a window on a screen of twice the dots"
		EMULATOR=$builds/gcc/frontend/clearbox CLEARBOX_BOOT_LOGS=$builds/boot-logs \
			python3 testsuite/boot/run.py --ci | tee "$builds/boot.log"
		counts=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed\(, \([0-9]*\) skipped\)*$/\1 \2 \4/p' \
			"$builds/boot.log" | tail -n 1)
		set -- ${counts:-0 1}
		passed=$((passed + $1))
		failed=$((failed + $2))
		skipped=$((skipped + ${3:-0}))
		[ "$2" = 0 ] || failures="$failures; boot: $(sed -n 's/^boot: \([^:]*\): FAILED.*/\1/p' \
			"$builds/boot.log" | tr '\n' ' ')"
		;;
	*)
		result 1 "there is no step $step: gcc, clang, sanitizers, threads, hosts or boot"
		;;
	esac
done
finish

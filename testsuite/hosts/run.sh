#!/bin/sh
# Builds library, program and tests for another host and runs them there: by qemu's user-mode emulators,
# or directly where the processor can.
#
# usage: sh testsuite/hosts/run.sh HOST [full|ci|build]
# HOST: x86_64 i386 aarch64 armhf riscv64 ppc64 s390x.  Without more, the tests that take a few minutes;
# full: all of them; ci: few, quick ones; build: none.
#
# Builds live in build-tests/hosts/ (or CLEARBOX_HOSTS); CLEARBOX_JOBS says how many things to do at once.
# The last line is "N passed, N failed"; the exit status is 0 if none failed.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
host=${1:-}
what=${2:-usual}
builds=${CLEARBOX_HOSTS:-$here/build-tests/hosts}
jobs=${CLEARBOX_JOBS:-$(nproc)}
case $host in
x86_64) compiler=gcc ;;
i386) compiler="gcc -m32" ;;
*)
	[ -n "$host" ] && [ -e "$here/testsuite/hosts/$host.ini" ] || {
		echo "usage: run.sh HOST [full|ci|build]; HOST is x86_64, i386, aarch64, armhf, riscv64, ppc64 or s390x" >&2
		exit 2
	}
	compiler=$(sed -n "s/^c = '\(.*\)'/\1/p" "$here/testsuite/hosts/$host.ini")
	;;
esac
[ ! -d /usr/lib/ccache ] || PATH=/usr/lib/ccache:$PATH
command -v ${compiler% *} >/dev/null || sh "$here/testsuite/install.sh" build hosts
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
c_args = [$(for flag in $flags; do printf "'%s', " "$flag"; done)'-I$prefix/include']
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
ninja -C "$build" -j "$jobs" >"$builds/$host.log" 2>&1 || {
	grep -E -A5 'error:|warning:|FAILED:' "$builds/$host.log" | head -n 60
	exit 1
}
[ "$what" != build ] || { echo "1 passed, 0 failed"; exit; }

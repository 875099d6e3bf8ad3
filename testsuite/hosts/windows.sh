#!/bin/sh
# Compiles the library for 64-bit Windows with Debian's mingw-w64 (gcc-mingw-w64-x86-64-win32), without a
# warning, and links testsuite/hosts/golden.exe, which wine or Windows can run: golden.exe GUEST.ROM check
# testsuite/hosts/golden.txt.  The program clearbox is for POSIX hosts (docs/hosts.md says what it would need).
#
# usage: sh testsuite/hosts/windows.sh [BUILD]      BUILD: a build folder that has the BIOS; build-tests/gcc
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "${1:-$here/build-tests/gcc}" && pwd)
cc=x86_64-w64-mingw32-gcc
command -v $cc >/dev/null || {
	echo "windows.sh: there is no $cc: apt-get install gcc-mingw-w64-x86-64-win32" >&2
	exit 2
}
out=$here/build-tests/hosts/windows
mkdir -p "$out/objects"
CC=$cc AR=x86_64-w64-mingw32-ar LIBRARIES=zlib sh "$here/testsuite/libraries.sh" "$here/build-tests/hosts/sources" \
	"$out/libraries"
cd "$here"
flags="-std=c11 -O2 -Wall -Wextra -Wpedantic -Wconversion -Wno-sign-conversion -Wshadow -Werror -DCBX_BUILDING
	-Iinclude -Icore -Icore/cpu -Icore/fpu -Idevices -isystem $out/libraries/include"
ls core/*.c core/*/*.c devices/*.c "$build"/bios/*_image.c testsuite/hosts/golden.c |
	xargs -P "${CLEARBOX_JOBS:-$(nproc)}" -I FILE sh -c \
		"$cc $(echo $flags) -c FILE -o $out/objects/\$(echo FILE | sed 's/.*\///; s/\.c$//')-\$(echo FILE | cksum | cut -d' ' -f1).o"
$cc -o "$out/golden.exe" "$out"/objects/*.o "$out/libraries/lib/libz.a"
echo "ok: $out/golden.exe"

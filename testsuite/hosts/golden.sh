#!/bin/sh
# Renews testsuite/hosts/golden.txt, where the form of saved states or what the machine does was changed on
# purpose: say in the commit what changed.
#
# usage: sh testsuite/hosts/golden.sh record [BUILD]      BUILD: a build folder; build-tests/gcc
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
build=${2:-$here/build-tests/gcc}
[ "${1:-}" = record ] || { sed -n 's/^# usage: //p' "$0" >&2; exit 2; }
[ -e "$build/build.ninja" ] || CC=gcc meson setup "$build" "$here" >/dev/null
ninja -C "$build" testsuite/hosts/golden testsuite/hosts/guest.rom >/dev/null
{
	echo "# Instructions and the state hash after them: made by testsuite/hosts/golden.sh"
	timeout 100 "$build/testsuite/hosts/golden" "$build/testsuite/hosts/guest.rom" record
} >"$build/golden.txt"
mv "$build/golden.txt" "$here/testsuite/hosts/golden.txt"
cat "$here/testsuite/hosts/golden.txt"

#!/bin/sh
# Builds a small project that has Clearbox as a meson subproject.  usage: subproject.sh SOURCE
set -eu
source=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/embedder/subprojects"
cp "$source/testsuite/api/embed/meson.build.txt" "$work/embedder/meson.build"
cp "$source/examples/device.c" "$work/embedder/"
ln -s "$source" "$work/embedder/subprojects/clearbox"
{ meson setup "$work/build" "$work/embedder" -Doptimization=0 -Ddebug=false -Ddefault_library=static &&
	ninja -C "$work/build" device; } >"$work/log" 2>&1 || { tail -n 40 "$work/log"; exit 1; }
"$work/build/device" | cmp - "$source/examples/device.txt"
[ ! -e "$work/build/subprojects/clearbox/frontend/clearbox" ]
echo "a subproject, without the program and the tests"

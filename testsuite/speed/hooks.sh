#!/bin/sh
# What a hook on every instruction costs, beside Unicorn 2 in the same run; on demand.
#
# usage: sh testsuite/speed/hooks.sh [MILLIONS OF INSTRUCTIONS]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
out=$top/build-speed

sh "$top/testsuite/install.sh" build speed
[ -e "$out/clearbox/build.ninja" ] || meson setup "$out/clearbox" "$top" --buildtype=release >/dev/null
ninja -C "$out/clearbox" core/libclearbox.a >/dev/null
cc -std=c11 -O2 -Wall -I"$top/include" -o "$out/hooks" "$here/hooks.c" "$out/clearbox/core/libclearbox.a" \
	-lunicorn -lz -lm
exec "$out/hooks" "$@"

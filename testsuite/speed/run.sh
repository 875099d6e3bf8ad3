#!/bin/sh
# Speed of Clearbox beside Debian's Bochs, QEMU TCG and the bare CPU, in one run; on demand.
#
# usage: sh testsuite/speed/run.sh [--repeat N] [--json FILE] [--no-linux] [WORKLOAD or CLASS...]
#        CLEARBOX=path/to/clearbox     instead of building one in build-speed/
#        BOCHS= QEMU=                  another one, or none: BOCHS=none
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
out=$top/build-speed

linux=yes
arguments=
for word; do
	case $word in
	--no-linux) linux= ;;
	*) arguments="$arguments $word" ;;
	esac
done

sh "$top/testsuite/install.sh" build guests speed
if [ -z "${CLEARBOX:-}" ]; then
	[ -e "$out/clearbox/build.ninja" ] || meson setup "$out/clearbox" "$top" --buildtype=release >/dev/null
	ninja -C "$out/clearbox" frontend/clearbox >/dev/null
	CLEARBOX=$out/clearbox/frontend/clearbox
fi
sh "$here/build.sh" "$out"
if [ -n "$linux" ]; then
	store=$(sh "$top/testsuite/boot/guests.sh" disk disk-amd64)
	linux="--linux $store/disk.img --linux64 $store/disk-amd64.img"
fi
exec python3 "$here/measure.py" "$out" --clearbox "$CLEARBOX" --bochs "${BOCHS:-bochs}" \
	--qemu "${QEMU:-qemu-system-i386}" $linux $arguments

#!/bin/sh
# A machine that is saved on one host and loaded on another goes on to the same states there: both ways,
# at several moments.
#
# usage: sh testsuite/hosts/travel.sh GOLDEN GUEST.ROM [GOLDEN_HERE]
# GOLDEN runs the other host's testsuite/hosts/golden; GOLDEN_HERE is one of this host's: build-tests/gcc's,
# or it is built.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
there=$1
rom=$2
near=${3:-$here/build-tests/gcc/testsuite/hosts/golden}
if [ ! -x "$near" ]; then
	native=${CLEARBOX_HOSTS:-$here/build-tests/hosts}/native
	[ -e "$native/build.ninja" ] || meson setup "$native" "$here" --auto-features=disabled >/dev/null
	ninja -C "$native" testsuite/hosts/golden >/dev/null
	near=$native/testsuite/hosts/golden
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# from real mode, ring 3, 64-bit mode, in the middle of disk transfers: odd moments
for count in 7777 1015931 1056789 1077000 2500001 4999999; do
	end=$((count + 3000000))
	timeout 300 "$near" "$rom" save "$folder/near" $count
	timeout 300 "$there" "$rom" save "$folder/there" $count
	want=$("$near" "$rom" load "$folder/near" $((count + 1)) $end)
	[ "$(timeout 300 "$there" "$rom" load "$folder/near" $((count + 1)) $end)" = "$want" ] || {
		echo "saved at $count on this host, it goes on otherwise on the other"
		exit 1
	}
	[ "$(timeout 300 "$near" "$rom" load "$folder/there" $((count + 1)) $end)" = "$want" ] || {
		echo "saved at $count on the other host, it goes on otherwise on this"
		exit 1
	}
	cmp -s "$folder/near" "$folder/there" || echo "note: the files of $count differ in their bytes (another zlib does that)"
done

#!/bin/sh
# Linux from its disk to its prompt is in the same states after the same number of instructions on another
# host as here.  There it is saved; what either host saved the other loads, and runs programs that compute with
# x87 and SSE, pack and hash, again to the same states.
#
# usage: sh testsuite/hosts/linux.sh CLEARBOX [CLEARBOX_HERE [686|amd64...]]
# CLEARBOX runs the other host's program (build-tests/hosts/HOST/programs/clearbox, which run.sh makes);
# CLEARBOX_HERE is this host's: build-tests/gcc's.  686 is four thousand million instructions, amd64 seven: ten
# seconds here, some minutes in an emulator.  Without names: both.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
there=$1
near=${2:-$here/build-tests/gcc/frontend/clearbox}
shift
[ $# = 0 ] || shift
[ $# -gt 0 ] || set -- 686 amd64
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
look="info status
info hash"

for seconds in 0.5 0.5 4 5 5 10; do
	printf 'wait %s\n%s\n' $seconds "$look"
done >"$work/boot"
printf 'expect "clearbox#" 300\n%s\nsavevm SAVED\nquit 0\n' "$look" >>"$work/boot"

# what busybox computes with: i386's code uses x87, amd64's SSE2; %.17g takes long double, which is x87 on both
sums='awk "BEGIN { for (i = 1; i < 30000; i++) s += (i % 7) / (i * 1.25 + s / 3); printf \"%s %.17g\n\", \"su\" \"m\", s }"'
packed="dd if=/dev/sda bs=1M skip=1 count=1 2>/dev/null | bzip2 -1 | sha256sum; echo pack''ed"
{
	printf 'type "%s\\n"\nexpect "sum " 100\n%s\n' "$(printf '%s' "$sums" | sed 's/[\\"]/\\&/g')" "$look"
	printf 'type "%s\\n"\nexpect "packed" 100\n%s\nquit 0\n' "$packed" "$look"
} >"$work/programs"

# run PROGRAM SCRIPT STATE HASHES [OPTION...]: SCRIPT's hashes, in which SAVED is STATE, into HASHES
run()
{
	sed "s|SAVED|$3|" "$work/$2" >"$work/script"
	program=$1
	hashes=$4
	shift 4
	timeout 7000 "$program" -display none -cpu max -m 256 -snapshot -hda "$disk" -rtc base=2026-01-01T00:00:00 \
		-script "$work/script" -screen-text "$work/screen" "$@" >"$work/out" 2>&1 || {
		echo "$program failed:"
		tail -n 3 "$work/out" "$work/screen"
	}
	sed -n 's/^\([0-9]*\) instructions.*/\1/p; /^[0-9a-f]\{16\}$/p' "$work/out" | paste -d ' ' - - >"$work/$hashes"
	sed -n 's/^sum /the sum &/p' "$work/screen" >>"$work/$hashes"
}

# same WHAT: compares what both gave
same()
{
	cat "$work/hashes.near"
	if [ -s "$work/hashes.near" ] && cmp -s "$work/hashes.near" "$work/hashes.there"; then
		echo "ok: $1"
	else
		echo "FAILED: $1; on the other side:"
		cat "$work/hashes.there"
		failed=1
	fi
}

failed=0
for system; do
	case $system in
	686) name=disk ;;
	amd64) name=disk-amd64 ;;
	*) echo "linux.sh: $system is neither 686 nor amd64" >&2; exit 2 ;;
	esac
	disk=$(sh "$here/testsuite/boot/guests.sh" $name)/$name.img
	run "$near" boot "$work/saved.near" hashes.near
	run "$there" boot "$work/saved.there" hashes.there
	same "$system boots to its prompt through the same states on both hosts"
	run "$near" programs '' hashes.near -loadvm "$work/saved.there"
	run "$there" programs '' hashes.there -loadvm "$work/saved.near"
	same "$system, saved on either and loaded on the other, goes on to the same states"
	grep -q '^the sum' "$work/hashes.near" || failed=1
done
exit $failed

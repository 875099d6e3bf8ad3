#!/bin/sh
# Boots of Linux, 32-bit and 64-bit, are in the same state after the same number of instructions on another
# host as here.
#
# usage: sh testsuite/hosts/linux.sh REPLAY [INSTRUCTIONS [REPLAY_HERE]]
# REPLAY runs the other host's testsuite/state/replay; REPLAY_HERE is this host's: build-tests/gcc's.
# The default, 400 million, ends amid the drivers' start; a whole boot takes 4400000000.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
there=$1
instructions=${2:-400000000}
near=${3:-$here/build-tests/gcc/testsuite/state/replay}
failed=0
for system in 686 amd64; do
	guests=$(sh "$here/testsuite/boot/guests.sh" $system)
	memory=128
	[ $system = 686 ] || memory=256
	hashes=$(for replay in "$near" "$there"; do
		timeout 3000 "$replay" -cpu max -m $memory -n "$instructions" -rounds 4 -only slices \
			-kernel "$guests/vmlinuz-$system" -initrd "$guests/initrd-$system" -append console=ttyS0 || echo "failed: $replay"
	done)
	echo "$hashes"
	[ "$(echo "$hashes" | uniq | wc -l)" = 1 ] || failed=1
done
exit $failed

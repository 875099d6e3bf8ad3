#!/bin/sh
# A Linux boot that is saved at random points and loaded into fresh machines, one with tiny caches,
# and one that hooks, breakpoints and watchpoints look into, must end in the state of a boot that
# ran straight through.
#
# usage: linux.sh REPLAY [INSTRUCTIONS]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
replay=$1
instructions=${2:-4400000000}

guests=$(sh "$here/../boot/guests.sh" 686 amd64)
ended=0
# 64-bit, with PCIDs, SMEP and SMAP: what its TLB holds goes along.
"$replay" -cpu max -m 256 -n "$instructions" -rounds 8 -only save,caches -kernel "$guests/vmlinuz-amd64" \
	-initrd "$guests/initrd-amd64" -append console=ttyS0 &
"$replay" -m 128 -n "$instructions" -rounds 8 -only save,caches -kernel "$guests/vmlinuz-686" \
	-initrd "$guests/initrd-686" -append console=ttyS0 || ended=1
# One instruction a block is slow, and hooks are: the firmware and the kernel's first steps have to do.
"$replay" -m 128 -n 300000000 -rounds 8 -only single,hooks -kernel "$guests/vmlinuz-686" \
	-initrd "$guests/initrd-686" -append console=ttyS0 || ended=1
wait $! || ended=1
exit $ended

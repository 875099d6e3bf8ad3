#!/bin/sh
# A Linux boot that is saved at random points and loaded into fresh machines, and one with tiny
# caches, must end in the state of a boot that ran straight through.
#
# usage: linux.sh REPLAY [INSTRUCTIONS]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
replay=$1
instructions=${2:-4400000000}

guests=$(sh "$here/../boot/guests.sh" 686)
for variant in save caches; do
	"$replay" -m 128 -n "$instructions" -rounds 8 -only $variant -kernel "$guests/vmlinuz-686" \
		-initrd "$guests/initrd-686" -append console=ttyS0
done
# One instruction a block is slow: the firmware and the kernel's first steps have to do.
"$replay" -m 128 -n 300000000 -rounds 8 -only single -kernel "$guests/vmlinuz-686" \
	-initrd "$guests/initrd-686" -append console=ttyS0
# 64-bit, with PCIDs, SMEP and SMAP: what its TLB holds goes along.
guests=$(sh "$here/../boot/guests.sh" amd64)
for variant in save caches; do
	"$replay" -cpu max -m 256 -n "$instructions" -rounds 8 -only $variant -kernel "$guests/vmlinuz-amd64" \
		-initrd "$guests/initrd-amd64" -append console=ttyS0
done

#!/bin/sh
# A Linux boot that is saved at random points and loaded into fresh machines, one with tiny caches, one with
# blocks of one instruction, and one that hooks, breakpoints and watchpoints look into, must end in the state
# of a boot that ran straight through.
#
# usage: linux.sh REPLAY [all]
# All begin where the kernel has nearly unpacked itself, and go on to the prompt; all: from power on, with the
# kernel's tests of its ciphers, which takes five times as long.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
replay=$1
guests=$(sh "$here/../boot/guests.sh" 686 amd64)

# run FLAVOUR OPTION...
run()
{
	flavour=$1
	shift
	"$replay" -rounds 8 -kernel "$guests/vmlinuz-$flavour" -initrd "$guests/initrd-$flavour" \
		-append "console=ttyS0,115200 $quiet" "$@"
}

ended=0
# amd64: with PCIDs, SMEP and SMAP; what its TLB holds goes along. One instruction a block is slow, and hooks are:
# a smaller part has to do.
if [ "${2:-}" = all ]; then
	quiet=
	run amd64 -cpu max -m 256 -n 9000000000 -only save,caches &
	run 686 -m 128 -n 6000000000 -only save,caches || ended=1
	run 686 -m 128 -n 300000000 -only single,hooks || ended=1
else
	quiet="cryptomgr.notests modules=none"
	run amd64 -cpu max -m 256 -from 4600000000 -n 900000000 -only save,caches &
	run 686 -m 128 -from 2300000000 -n 700000000 -only save,caches || ended=1
	run 686 -m 128 -from 2300000000 -n 150000000 -only single,hooks || ended=1
fi
wait $! || ended=1
exit $ended

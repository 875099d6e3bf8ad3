#!/bin/sh
# Builds the speed guest's disk image, and the same workloads as a program for 32-bit Linux.
# usage: sh testsuite/speed/build.sh FOLDER     makes FOLDER/speed.img and FOLDER/native
#        CC32="i686-linux-gnu-gcc" where gcc -m32 does not make 32-bit x86 code
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$1
cc=${CC32:-gcc -m32}
mkdir -p "$out"
flags="-march=i686 -O2 -std=gnu11 -ffreestanding -fno-pic -fno-pie -fno-stack-protector -fcf-protection=none
	-fno-asynchronous-unwind-tables -fno-tree-loop-distribute-patterns -mno-sse -mno-mmx -mfpmath=387
	-Wall -Wextra -Wno-array-bounds"

nasm -f bin -o "$out/real16.bin" "$here/real16.asm"
nasm -f elf32 -DREAL16="'$out/real16.bin'" -o "$out/start.o" "$here/start.asm"
for part in integer memory x87 support system guest native; do
	$cc $flags -c -o "$out/$part.o" "$here/$part.c"
done
$cc $flags -msse2 -mfpmath=sse -mstackrealign -Wno-psabi -c -o "$out/sse.o" "$here/sse.c"
common="$out/integer.o $out/memory.o $out/x87.o $out/sse.o $out/support.o"
$cc -static -nostdlib -no-pie -Wl,--build-id=none -Wl,-z,noexecstack -Wl,--no-warn-rwx-segments -T "$here/guest.ld" -o "$out/guest.elf" \
	"$out/start.o" "$out/guest.o" "$out/system.o" $common -lgcc
objcopy -O binary -j .load "$out/guest.elf" "$out/guest.bin"
$cc -static -nostdlib -no-pie -Wl,-z,noexecstack -o "$out/native" "$out/native.o" $common -lgcc

sectors=$((($(stat -c %s "$out/guest.bin") + 511) / 512))
[ $sectors -lt 640 ] || { echo "build.sh: the guest is too big: $sectors sectors" >&2; exit 1; }
nasm -f bin -DSECTORS=$sectors -o "$out/boot.bin" "$here/boot.asm"
# 20 cylinders of 16 heads and 63 sectors, a geometry that every emulator takes
rm -f "$out/speed.img"
truncate -s $((20 * 16 * 63 * 512)) "$out/speed.img"
dd if="$out/boot.bin" of="$out/speed.img" conv=notrunc status=none
dd if="$out/guest.bin" of="$out/speed.img" bs=512 seek=1 conv=notrunc status=none

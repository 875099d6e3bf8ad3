#!/bin/sh
# Builds the speed guests' disk images, and the same workloads as programs for Linux.
# usage: sh testsuite/speed/build.sh FOLDER     makes FOLDER/speed.img, speed64.img, native and native64
#        CC32="i686-linux-gnu-gcc" CC64=...     where gcc -m32 and -m64 do not make x86 code
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$1
mkdir -p "$out/32" "$out/64"
flags="-O2 -std=gnu11 -ffreestanding -fno-pic -fno-pie -fno-stack-protector -fcf-protection=none
	-fno-asynchronous-unwind-tables -fno-tree-loop-distribute-patterns -fno-math-errno -Wno-psabi
	-Wall -Wextra -Wno-array-bounds"
link="-static -nostdlib -no-pie -Wl,--build-id=none -Wl,-z,noexecstack -Wl,--no-warn-rwx-segments"

# compile BITS "COMPILER AND FLAGS" OBJECT SOURCE
compile() {
	$2 $flags -c -o "$out/$1/$3.o" "$here/$4.c"
}

# image BITS NAME: boot sector and guest on a disk of 20 cylinders of 16 heads and 63 sectors, a
# geometry that every emulator takes
image() {
	objcopy -O binary -j .load "$out/$1/guest.elf" "$out/$1/guest.bin"
	sectors=$((($(stat -c %s "$out/$1/guest.bin") + 511) / 512))
	[ $sectors -lt 640 ] || { echo "build.sh: the guest is too big: $sectors sectors" >&2; exit 1; }
	nasm -f bin -DSECTORS=$sectors -o "$out/$1/boot.bin" "$here/boot.asm"
	rm -f "$out/$2.img"
	truncate -s $((20 * 16 * 63 * 512)) "$out/$2.img"
	dd if="$out/$1/boot.bin" of="$out/$2.img" conv=notrunc status=none
	dd if="$out/$1/guest.bin" of="$out/$2.img" bs=512 seek=1 conv=notrunc status=none
}

cc="${CC32:-gcc -m32} -march=i686 -mno-sse -mno-mmx -mfpmath=387"
nasm -f bin -o "$out/real16.bin" "$here/real16.asm"
nasm -f elf32 -DREAL16="'$out/real16.bin'" -o "$out/32/start.o" "$here/start.asm"
for part in integer memory x87 support lists system system32 guest native; do
	compile 32 "$cc" $part $part
done
compile 32 "$cc -msse2 -mfpmath=sse -mstackrealign" sse sse
common=
for part in integer memory x87 sse support lists; do
	common="$common $out/32/$part.o"
done
$cc $link -Wl,-T "$here/guest.ld" -o "$out/32/guest.elf" "$out/32/start.o" "$out/32/guest.o" \
	"$out/32/system.o" "$out/32/system32.o" $common -lgcc
$cc $link -o "$out/native" "$out/32/native.o" $common -lgcc
image 32 speed

cc="${CC64:-gcc -m64} -march=x86-64 -mno-red-zone"
nasm -f elf64 -o "$out/64/start.o" "$here/start64.asm"
for part in integer memory support lists sse; do
	compile 64 "$cc" $part $part
done
for part in system system64 guest native; do
	compile 64 "$cc -mgeneral-regs-only" $part $part
done
compile 64 "$cc -O3" simd simd
compile 64 "$cc -mavx2 -mfma -DSSE_WORKS=avx_sse_works" avx-sse sse
compile 64 "$cc -O3 -mavx2 -DSIMD_WORKS=avx_simd_works" avx-simd simd
common=
for part in integer memory support lists sse simd avx-sse avx-simd; do
	common="$common $out/64/$part.o"
done
$cc $link -Wl,-T "$here/guest.ld" -o "$out/64/guest.elf" "$out/64/start.o" "$out/64/guest.o" \
	"$out/64/system.o" "$out/64/system64.o" $common
$cc $link -o "$out/native64" "$out/64/native.o" $common
image 64 speed64

#!/bin/sh
# Tests of the BIOS on a machine: its services, Multiboot, INT 18h, option ROMs; and of its build.
#
# usage: sh bios/test/run.sh CLEARBOX BUILD      the program, and the folder with bios.elf
set -eu
here=$(cd "$(dirname "$0")" && pwd)
clearbox=$1
build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
failed=0

say() { printf '%s: %s\n' "$1" "$2"; }
fail() { say "$1" "FAILED: $2"; failed=1; }

machine()
{
	log=$1
	shift
	"$clearbox" -display none -serial "file:$work/$log" -rtc base=2026-11-22T10:20:30 \
		-device isa-debug-exit,iobase=0xf4,iosize=1 -timeout $((120 * ${CLEARBOX_TEST_SLOWNESS:-1})) "$@" >"$work/$log.out" 2>&1 || :
}

nasm -f bin "$here/services.asm" -o "$work/services.img"
truncate -s 20M "$work/disk.img"
machine services -fda "$work/services.img" -hda "$work/disk.img" -boot a
if grep -q '^services: [1-9][0-9]* checks, 0 failures' "$work/services"; then
	say services "$(sed -n 's/^services: //p' "$work/services" | tr -d '\r')"
else
	fail services "$(cat "$work/services" "$work/services.out")"
fi

nasm -f elf32 "$here/multiboot.asm" -o "$work/multiboot.o"
ld.lld -m elf_i386 -Ttext 0x100000 -o "$work/multiboot.elf" "$work/multiboot.o"
echo 'text of the module' >"$work/module"
machine multiboot -kernel "$work/multiboot.elf" -initrd "$work/module" -append 'one two'
if grep -q '^multiboot: ok' "$work/multiboot" && grep -q '^command line one two' "$work/multiboot" &&
		grep -q '^module text of the module' "$work/multiboot"; then
	say multiboot ok
else
	fail multiboot "$(cat "$work/multiboot" "$work/multiboot.out")"
fi

# a floppy that gives up is followed by the next device, and at last by the demo
printf '\315\030' >"$work/giveup.img"
truncate -s 1474560 "$work/giveup.img"
printf '\125\252' | dd of="$work/giveup.img" bs=1 seek=510 conv=notrunc status=none
machine giveup -fda "$work/giveup.img" -boot ac -max-insns 50000000
if grep -q 'Drive 00h: its boot program gave up' "$work/giveup" &&
		grep -q 'Hard disk: there is no hard disk' "$work/giveup" &&
		grep -q 'built-in demo' "$work/giveup"; then
	say 'INT 18h' ok
else
	fail 'INT 18h' "$(cat "$work/giveup" "$work/giveup.out")"
fi

nasm -f bin "$here/again.asm" -o "$work/again.img"
machine again -fda "$work/again.img" -boot a
if [ "$(grep -c again "$work/again")" = 3 ]; then
	say 'INT 19h' ok
else
	fail 'INT 19h' "$(cat "$work/again" "$work/again.out")"
fi

nasm -f bin "$here/dense.asm" -o "$work/dense.img"
status=0
"$clearbox" -display none -device isa-debug-exit,iobase=0xf4,iosize=1 -max-insns 500000000 "$work/dense.img" \
	>"$work/dense.out" 2>&1 || status=$?
if [ "$status" = 3 ]; then
	say 'floppy of 1680 KiB' ok
else
	fail 'floppy of 1680 KiB' "ended with $status: $(cat "$work/dense.out")"
fi

nasm -f bin "$here/apic.asm" -o "$work/apic.img"
truncate -s 1474560 "$work/apic.img"
status=0
"$clearbox" -display none -device isa-debug-exit,iobase=0xf4,iosize=1 -max-insns 1000000000 -fda "$work/apic.img" \
	-boot a >"$work/apic.out" 2>&1 || status=$?
if [ "$status" = 1 ]; then
	say 'interrupts by the APICs' ok
else
	fail 'interrupts by the APICs' "ended with $status (1 is good, 3 and up twice the step, plus 1): $(cat "$work/apic.out")"
fi

# whatever clock a guest reads, it reads the same time: within a hundredth of a per cent
nasm -f bin "$here/clocks.asm" -o "$work/clocks.img"
truncate -s 1474560 "$work/clocks.img"
machine clocks -fda "$work/clocks.img" -boot a -max-insns 1000000000
if python3 - "$work/clocks" <<'END'
import sys
hertz = {"tsc": 1e9, "hpet": 1e8, "apic": 1e8, "pm": 3579545, "pit": 1193182}
words = open(sys.argv[1]).read().split()
ticks = {name: int(value, 16) & (0xffff if name == "pit" else 0xffffffff) for name, value in zip(words[::2], words[1::2])}
seconds = [ticks[name] / hertz[name] for name in hertz]
sys.exit(max(seconds) - min(seconds) > 1e-4 * 0.05 or abs(ticks["rtc"] / 1e9 - 1) > 1e-4 or seconds[0] < 0.05)
END
then
	say 'clocks' ok
else
	fail 'clocks' "$(cat "$work/clocks" "$work/clocks.out")"
fi

# an option ROM starts in "big real mode"; SeaBIOS's VGA BIOS makes use of that
nasm -f bin "$here/option.asm" -o "$work/option.rom"
sum=$(od -An -v -tu1 "$work/option.rom" | tr -s ' ' '\n' | awk '{ n += $1 } END { print (256 - n % 256) % 256 }')
printf "\\$(printf %o "$sum")" | dd of="$work/option.rom" bs=1 seek=511 conv=notrunc status=none
status=0
"$clearbox" -display none -vgabios "$work/option.rom" -device isa-debug-exit,iobase=0xf4,iosize=1 \
	-max-insns 50000000 >"$work/option.out" 2>&1 || status=$?
if [ "$status" = 3 ]; then
	say 'option ROM' ok
else
	fail 'option ROM' "ended with $status: $(cat "$work/option.out")"
fi
if [ -r /usr/share/seabios/vgabios-stdvga.bin ]; then
	machine stdvga -vgabios /usr/share/seabios/vgabios-stdvga.bin -max-insns 100000000 -screen-text -
	if grep -q 'built-in demo' "$work/stdvga.out"; then
		say "SeaBIOS's VGA BIOS" ok
	else
		fail "SeaBIOS's VGA BIOS" "$(cat "$work/stdvga.out")"
	fi
fi

# real-mode C code runs with DS apart from SS: the address of a local variable would be wrong
if command -v llvm-objdump >/dev/null && [ -n "$(ls "$build"/*.16.o "$build"/*.vga.o 2>/dev/null)" ]; then
	found=$(for object in "$build"/*.16.o "$build"/*.vga.o; do
		llvm-objdump -d --no-show-raw-insn --triple=i386-pc-none-code16 "$object" |
			grep -E 'lea.*\(%e[sb]p' | grep -vE 'leal[[:space:]]+-?[0-9]+\(%ebp\), %esp' |
			sed "s|^|$(basename "$object"):|"
	done || :)
	if [ -z "$found" ]; then
		say 'stack addresses' none
	else
		fail 'stack addresses' "$found"
	fi
fi

acpi=$here/../../devices/acpi
# dsdt.h is dsdt.asl compiled
acpi=$here/../../devices/acpi
if command -v iasl >/dev/null; then
	iasl -tc -p "$work/dsdt" "$acpi/dsdt.asl" >"$work/iasl" 2>&1 || cat "$work/iasl"
	if python3 "$acpi/mkdsdt.py" "$work/dsdt.aml" | cmp -s - "$acpi/dsdt.h"; then
		say 'DSDT' 'source and table agree'
	else
		fail 'DSDT' 'dsdt.h is not what iasl makes of dsdt.asl'
	fi
fi
exit $failed

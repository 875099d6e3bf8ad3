#!/bin/sh
# The program on hostile and ordinary input: what it says, how it ends.
# usage: test_cli.sh path/to/clearbox       (prints TAP)
set -u
# no windows
unset DISPLAY WAYLAND_DISPLAY
clearbox=$(realpath "$1")
work=$(mktemp -d)
trap 'chmod -R u+rw "$work"; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work" || exit 1
number=0
failed=0
# How much longer a guest has that does not end by itself.
patience=$((1 + ${CLEARBOX_TEST_SLOWNESS:-1} / 3))

result()
{
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		printf "ok %s - %s\n" "$number" "$2"
	else
		printf "not ok %s - %s\n" "$number" "$2"
		sed 's/^/# /' out err 2>/dev/null
		failed=$((failed + 1))
	fi
}

# refuses CODE "WORDS" ARGUMENTS...: ends at once with CODE, says one line with WORDS
refuses()
{
	code=$1
	words=$2
	shift 2
	timeout $((10 * ${CLEARBOX_TEST_SLOWNESS:-1})) "$clearbox" -display none "$@" >out 2>err </dev/null
	status=$?
	[ $status = "$code" ] && [ "$(wc -l <err)" = 1 ] && grep -q -e "$words" err &&
		grep -q '^clearbox: .*[;?]' err
	result $? "refused: $*"
}

# ends CODE ARGUMENTS...
ends()
{
	code=$1
	shift
	timeout $((100 * ${CLEARBOX_TEST_SLOWNESS:-1})) "$clearbox" -display none "$@" >out 2>err </dev/null
	status=$?
	[ $status = "$code" ]
	result $? "ends with $code (got $status): $*"
}

says()
{
	grep -q -e "$1" "$2"
	result $? "$2 says: $1"
}

# bytes FILE OCTAL...: a boot sector with this code
bytes()
{
	file=$1
	shift
	printf "$1" >code
	{ cat code; head -c $((510 - $(wc -c <code))) /dev/zero; printf '\125\252'; } >"$file"
}

truncate -s 1440K floppy.img
truncate -s 8M disk.img

# ---- Options ----
refuses 2 'did you mean -cdrom' -cdrmo x
refuses 2 'not a size' -m lots
refuses 2 'already' disk.img disk.img

# ---- Images ----
refuses 4 'No such file' missing.img
refuses 4 'No such file' -cdrom missing.iso
refuses 4 'No such file' -kernel missing
refuses 4 'folder' "$work"
refuses 4 'folder' -fda /
refuses 4 'no file' -kernel /
refuses 4 'neither a file' -hda /dev/null
: >empty
refuses 4 'is empty' empty
refuses 4 'is empty' -cdrom empty
refuses 4 'is empty' -fda empty
refuses 4 'is empty' -kernel empty
refuses 4 'is empty' -bios empty
head -c 100000 /dev/zero >odd
refuses 4 '512' odd
refuses 4 'larger than any floppy' -fda disk.img
printf 'QFI\373%0600d' 0 >q.img
truncate -s 64K q.img
refuses 4 'qcow2.*qemu-img convert' q.img
printf '\037\213\010%0600d' 0 >z.img
truncate -s 64K z.img
refuses 4 'gunzip' z.img
printf '\177ELF%0600d' 0 >e.img
truncate -s 64K e.img
refuses 4 '-kernel' e.img
refuses 4 'already\|another' -hda disk.img -hdb disk.img
if [ "$(id -u)" != 0 ]; then
	cp disk.img locked.img
	chmod 400 locked.img
	refuses 4 '-snapshot' locked.img
	chmod 0 locked.img
	refuses 4 'Permission denied' locked.img
fi
mkfifo pipe
refuses 4 'neither a file' pipe
truncate -s 5M big.rom
refuses 4 'larger' -bios big.rom
refuses 4 'multiple of 4096' -bios odd
refuses 4 'more memory' -m 4 -kernel big.rom
refuses 4 'No such file' -serial file:/nowhere/at/all
refuses 4 'listening' -serial unix:"$work"/nobody
refuses 2 'no character or key' -type '1:\q'
refuses 4 'no terminal' -display terminal

# ---- Kernels that are none ----
head -c 70000 /dev/urandom >noise
refuses 4 'neither' -kernel noise
# a header that promises 1 + 5 sectors and 64 KiB
head -c 4096 /dev/zero >short
printf '\005' | dd of=short bs=1 seek=497 conv=notrunc 2>/dev/null
printf '\000\020' | dd of=short bs=1 seek=500 conv=notrunc 2>/dev/null
printf 'HdrS\014\002' | dd of=short bs=1 seek=514 conv=notrunc 2>/dev/null
refuses 4 'ends after 4096 of 68608' -kernel short
cp short long
truncate -s 68608 long
truncate -s 3M ramdisk
refuses 4 'does not fit into the memory above the kernel' -m 4 -kernel long -initrd ramdisk
ends 8 -m 5 -kernel long -initrd ramdisk -timeout 0.1

# ---- Guests that end in every way; nothing but our BIOS runs before them ----
bytes hang.img '\353\376'
ends 10 -max-insns 50000000 hang.img
ends 8 -timeout 1 hang.img
bytes halt.img '\372\364\353\375'
ends 14 -timeout 60 halt.img
says 'halted for ever' err
# out 0f4h, 21: (21 << 1) | 1
bytes exit.img '\260\025\346\364\353\376'
ends 43 -device isa-debug-exit,iobase=0xf4,iosize=4 -timeout 60 exit.img
# lidt of nothing, then int3
bytes triple.img '\372\017\001\036\020\174\017\040\300\014\001\017\042\300\314\000\000\000\000\000\000\000'
ends 12 -no-reboot -timeout 60 triple.img
# the reset control register: mov dx, 0cf9h; mov al, 6; out dx, al
bytes reset.img '\272\371\014\260\006\356\353\376'
ends 0 -no-reboot -timeout 60 reset.img
# the 8042's reset line, which resets the processor alone: our BIOS makes it a whole one
bytes reset.img '\260\376\346\144\353\376'
ends 0 -no-reboot -timeout 60 reset.img
head -c 512 /dev/urandom >garbage.img
truncate -s 1M garbage.img
printf '\125\252' | dd of=garbage.img bs=1 seek=510 conv=notrunc 2>/dev/null
timeout $((60 * ${CLEARBOX_TEST_SLOWNESS:-1})) "$clearbox" -display none -snapshot -max-insns 30000000 garbage.img >out 2>err </dev/null
status=$?
[ $status -lt 124 ]
result $? "garbage as a boot sector ends with $status"

# ---- Results ----
# mov ax, 0e48h; int 10h; then 'i'
bytes hi.img '\270\110\016\315\020\270\151\016\315\020\364\353\375'
ends 8 -timeout $((3 * patience)) -screen-text screen.txt -screenshot screen.ppm hi.img
says 'Hi' screen.txt
[ "$(head -c 2 screen.ppm)" = P6 ]
result $? 'screenshot'
ends 8 -timeout 0.2 -pace real hang.img
ends 8 -timeout 0.2 -screen-text /nowhere/x hang.img
says 'not saved' err
# mov dx, 3f8h; out dx, al; jmp $
bytes say.img '\272\370\003\356\353\376'
if [ -e /dev/full ]; then
	ends 8 -timeout $((2 * patience)) -serial file:/dev/full say.img
	says 'serial0: /dev/full: .*; what follows is lost' err
fi
ends 0 -version
ends 0 -help
says 'Exit codes' out

# mov dx, 3fbh; mov al, 3 (8 bits); out dx, al; in al, 3fdh until data is ready; echo it
bytes echo.img '\272\373\003\260\003\356\262\375\354\250\001\164\373\262\370\354\356\353\363'
{ sleep 3; printf 'Hello'; sleep 1; } | timeout $((60 * patience)) "$clearbox" -display none -serial stdio -timeout $((8 * patience)) echo.img >out 2>err
says 'Hello' out
# int 16h, then teletype what was typed
bytes type.img '\061\300\315\026\264\016\315\020\353\366'
ends 8 -timeout $((4 * patience)) -type '3:Ab\n' -type '2:x' -screen-text screen.txt type.img
says 'xAb' screen.txt

# ---- Writing: int 13h writes sector 2 from 7C00 ----
bytes write.img '\270\001\003\271\002\000\272\200\000\273\000\174\315\023\364\353\375'
truncate -s 1M write.img
cp write.img before.img
ends 8 -timeout $((3 * patience)) -snapshot write.img
cmp -s write.img before.img
result $? '-snapshot leaves the image alone'
ends 8 -timeout $((3 * patience)) write.img
if cmp -s write.img before.img; then false; else true; fi
result $? 'without it the image is written'
head -c 512 write.img >a
dd if=write.img bs=512 skip=1 count=1 of=b 2>/dev/null
cmp -s a b
result $? 'and has what the guest wrote'


# ---- Instructions that make the host work hard: VBE's largest mode on and off, which clears it ----
# (An emulator of the host clears ten times as slowly, so has a tenth of the lines.)
lines=$((1500 / ${CLEARBOX_TEST_SLOWNESS:-1}))
lines=$(printf '\\%03o\\%03o' $((lines % 256)) $((lines / 256)))
bytes slow.img '\272\316\001\270\001\000\273\000\012\350\046\000\270\002\000\273'"$lines"'\350\035\000\270\003\000\273\040\000\350\024\000\270\004\000\273\001\000\350\013\000\270\004\000\273\000\000\350\002\000\353\354\272\316\001\357\102\211\330\357\303'
start=$(date +%s)
ends 8 -timeout 2 slow.img
[ $(($(date +%s) - start)) -lt $((10 * ${CLEARBOX_TEST_SLOWNESS:-1})) ]
result $? '-timeout comes in time'

# ---- A disk that shrinks while it is in use: waits for a key, reads sector 3, says K or E ----
bytes shrink.img '\061\300\315\026\270\001\002\271\003\000\272\200\000\273\000\200\315\023\270\113\016\163\002\260\105\315\020\364\353\375'
truncate -s 1M shrink.img
ends 8 -timeout $((4 * patience)) -type '2:x' -screen-text screen.txt shrink.img
says 'K' screen.txt
timeout $((60 * patience)) "$clearbox" -display none -pace real -timeout $((8 * patience)) -type '4:x' -screen-text screen.txt shrink.img >out 2>err &
sleep 2
truncate -s 512 shrink.img
wait
says 'E' screen.txt

echo "1..$number"
[ $failed = 0 ]

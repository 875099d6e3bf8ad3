#!/usr/bin/env python3
"""Boots unchanged operating systems and checks what they do.

usage: EMULATOR=path/to/clearbox python3 testsuite/boot/run.py [--ci | --all | --list] [TEST...]

--ci (the default) runs the tests that are quick enough for every change, --all the rest too; one or
more names run just those. Each test prints one line; logs are kept in $CLEARBOX_BOOT_LOGS (default
build-boot-logs in the current folder). CLEARBOX_JOBS says how many run at once (default: as many as there
are cores). The last line is "N passed, N failed"; the exit status is 0 if none failed. EMULATOR may be a
qemu-system-i386, which shows whether a test or Clearbox is wrong.
"""

import hashlib
import multiprocessing
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zlib

import sound
import states
from guest import EMULATOR, SLOWNESS, Failure, ScreenGuest, SerialGuest, emulator_is_clearbox

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, os.pardir, "network"))

import guests           # noqa: E402

LOGS = os.path.abspath(os.environ.get("CLEARBOX_BOOT_LOGS", "build-boot-logs"))
SEABIOS = "/usr/share/seabios/bios.bin"
BOOT = 300      # seconds that a boot to the prompt may take
PROMPT = r"clearbox# "
SCREEN_PROMPT = r"(?m)^ *clearbox#"
TESTS = []


class Skip(Exception):
    """Why a test says nothing here."""


def test(guests, ci=True):
    """Marks a test, which guests.sh builds it needs, and whether it runs on every change."""
    def mark(function):
        TESTS.append((function.__name__.replace("_", "-"), function, guests.split(), ci))
        return function
    return mark


def store(name):
    return os.path.join(store.folder, name)


def check(condition, what):
    if not condition:
        raise Failure(what)


def kernel(flavour, append, extra=(), memory="128"):
    return ["-m", memory, "-kernel", store(f"vmlinuz-{flavour}"), "-initrd", store(f"initrd-{flavour}"),
            "-append", append, *extra]


# the kernel tests its ciphers for some three thousand million instructions; once is enough
SERIAL = "console=ttyS0,115200 cryptomgr.notests"
THOROUGH = "console=ttyS0,115200"


def look_around(guest, release):
    """What every booted Linux must be able to do at its prompt."""
    known = open(store("known.md5")).read().strip()
    check(release in guest.command("uname -r"), f"uname -r does not say {release}")
    check(re.search("x86_64" if release == "-amd64" else "i[56]86", guest.command("uname -m")), "uname -m is no PC")
    check("fpu" in guest.command("cat /proc/cpuinfo"), "/proc/cpuinfo shows no fpu")
    check(known in guest.command("md5sum /etc/known"), "md5sum of /etc/known differs from the host's")
    check(known in guest.command("gzip -c /etc/known | gunzip -c | md5sum"), "gzip and gunzip change bytes")
    check(guest.command("echo $((6 * 7)); expr 1000000007 % 97").split() == ["42", str(1000000007 % 97)],
          "arithmetic is wrong")
    check(guest.command("awk 'BEGIN { printf \"%.12g %.12g\", 2000 / 7 / 3, 1e300 * 1e-290 / 3 }'") ==
          f"{2000 / 7 / 3:.12g} {1e300 * 1e-290 / 3:.12g}", "floating point is wrong")
    interrupts = guest.command("cat /proc/interrupts")
    check("timer" in interrupts, "no timer interrupt")
    check(re.search(r"IO-APIC +4-edge +ttyS0", interrupts), "the serial port does not interrupt through the I/O APIC")
    check(not guest.command("dmesg | grep -E 'ACPI (BIOS )?(Error|Warning)|TSC unstable|MP-BIOS bug' || true"),
          "the kernel is not content with the tables, or with the clocks")


def power_off(guest):
    guest.send("poweroff\n")
    guest.finish(60)


@test("686")
def linux_686_serial(log):
    """Debian's 686 kernel from -kernel: prompt on serial, commands, poweroff."""
    with SerialGuest(kernel("686", SERIAL), log) as guest:
        guest.expect(PROMPT, BOOT)
        look_around(guest, "-686")
        power_off(guest)


@test("686-pae")
def linux_686_pae_serial(log):
    """Debian's 686-pae kernel from -kernel, with all its self-tests: prompt on serial, commands, poweroff."""
    with SerialGuest(kernel("686-pae", THOROUGH), log) as guest:
        guest.expect(PROMPT, BOOT)
        check("failed" not in guest.command("dmesg | grep -E 'alg: self-tests|PKCS' || true"), "a self-test failed")
        look_around(guest, "-686-pae")
        power_off(guest)


@test("amd64")
def linux_amd64_serial(log):
    """Debian's amd64 kernel from -kernel, with all its self-tests: prompt on serial, commands, poweroff."""
    with SerialGuest(kernel("amd64", THOROUGH), log) as guest:
        guest.expect(PROMPT, BOOT)
        check("failed" not in guest.command("dmesg | grep -E 'alg: self-tests|PKCS' || true"), "a self-test failed")
        look_around(guest, "-amd64")
        power_off(guest)


def in_six_gibibytes(log, flavour):
    with SerialGuest(kernel(flavour, SERIAL, memory="6144"), log) as guest:
        guest.expect(PROMPT, BOOT)
        total = int(re.search(r"MemTotal: +(\d+) kB", guest.command("cat /proc/meminfo"))[1])
        check(total > 5600 << 10, f"the guest sees {total >> 10} MiB")
        check(re.search(r"(?m)^100000000-[0-9a-f]{9} : System RAM", guest.command("cat /proc/iomem")),
              "no RAM from 4 GiB on")
        # more than fits under 4 GiB where the machine's RAM is split, whichever the kernel takes first
        guest.command("mount -t tmpfs -o size=5g tmpfs /mnt; mkdir /mnt/d; for i in 1 2 3 4 5 6 7 8; do "
                      "cp /etc/known /mnt/d/$i; done; cat /mnt/d/* /mnt/d/* /mnt/d/* /mnt/d/* >/mnt/big", 120)
        guest.command("dd if=/dev/zero of=/mnt/zeros bs=1M count=3900 && rm /mnt/zeros; "
                      "cp /mnt/big /mnt/again", 600)
        check(len(set(re.findall(r"(?m)^\w{32}", guest.command("md5sum /mnt/big /mnt/again", 120)))) == 1,
              "a copy in memory reads differently")
        power_off(guest)


@test("amd64", ci=False)
def linux_amd64_6g(log):
    """A machine of 6 GiB: the amd64 kernel finds and uses what lies above 4 GiB."""
    in_six_gibibytes(log, "amd64")


@test("686-pae", ci=False)
def linux_686_pae_6g(log):
    """A machine of 6 GiB: the 686-pae kernel finds and uses what lies above 4 GiB."""
    in_six_gibibytes(log, "686-pae")


@test("686")
def linux_686_run(log):
    """run= on the kernel command line: no key is typed, and the guest ends the program itself."""
    with SerialGuest(kernel("686", f'{SERIAL} modules=none run="uname -s; md5sum /etc/known"'), log) as guest:
        guest.expect("run: begin\n", BOOT)
        known = open(store("known.md5")).read().strip()
        guest.expect(rf"Linux\n{known}  /etc/known\nrun: status 0\n", 60)
        guest.finish(60)


@test("686 amd64", ci=False)
def linux_interrupts(log):
    """Linux without this or that interrupt controller, timer or table, and on other processors."""
    show = "grep ttyS0 /proc/interrupts; grep LOC: /proc/interrupts; cat /sys/devices/system/clocksource/*/current_clocksource"
    for flavour, append, arguments, controller, apic_timer in (
            ("686", "nolapic", (), "XT-PIC", False),
            ("686", "noapic", (), "XT-PIC", True),
            ("686", "acpi=off", (), "IO-APIC", True),
            ("686", "acpi=off noapic", (), "XT-PIC", True),
            ("686", "hpet=disable lapic=notscdeadline", (), "IO-APIC", True),
            ("686", "", ("-cpu", "pentium3"), "IO-APIC", True),
            ("686", "", ("-cpu", "max,-apic"), "XT-PIC", False),
            ("686", "acpi=off", ("-bios", SEABIOS), "IO-APIC", True),
            ("amd64", "noapic", (), "XT-PIC", True),
            ("amd64", "acpi=off", (), "IO-APIC", True)):
        # switched off or halted for ever: without ACPI it cannot do the former
        with SerialGuest(kernel(flavour, f"{SERIAL} {append}", arguments), log) as guest:
            guest.expect(PROMPT, BOOT)
            shown = guest.command(show)
            what = f"{flavour} {append} {' '.join(arguments)}: {shown}"
            check(re.search(controller + r".* ttyS0", shown), f"not through {controller}: {what}")
            check(bool(re.search(r"LOC: +[1-9]", shown)) == apic_timer, f"the local APIC's timer: {what}")
            check(re.search(r"^tsc", shown, re.M), f"the clock is not the TSC: {what}")


def has_user_network():
    return not emulator_is_clearbox() or b"libslirp" not in subprocess.run(
        [EMULATOR, "-nic", "user", "-nic", "?"], capture_output=True).stderr


def needs_user_network():
    if not has_user_network():
        raise Skip("built without libslirp")


@test("686")
def network_pxe(log):
    """iPXE boots Linux over HTTP; ne2k-pci: DHCP, ping, DNS, 20 MB from the host, back, and by hostfwd."""
    needs_user_network()
    guests.pxe(store.folder, log, 20)


@test("686")
def network_isa(log):
    """The same with ne and an ISA card, a kernel from -kernel, and less to fetch."""
    needs_user_network()
    guests.direct(store.folder, log, "ne2k_isa", 2)


@test("686")
def network_cable(log):
    """Two guests in two processes, one with ne and one with ne2k-pci, on a cable over a Unix socket."""
    guests.cable(store.folder, log, 2, "unix")


@test("686", ci=False)
def network_cables(log):
    """The same over TCP, and over UDP."""
    guests.cable(store.folder, log, 5, "tcp")
    guests.cable(store.folder, log, 5, "udp")


@test("686", ci=False)
def network_tap(log):
    """Linux on a tap interface of a network namespace: pings, and a file to the host."""
    if not guests.tap(store.folder, log, 3):
        raise Skip("only root can make network namespaces and interfaces")


@test("686", ci=False)
def network_pxe_tftp(log):
    """iPXE boots Linux over TFTP."""
    needs_user_network()
    guests.pxe(store.folder, log, 1, protocol="tftp")


@test("686", ci=False)
def network_pxe_seabios(log):
    """iPXE boots Linux over HTTP under SeaBIOS; and as an option ROM under our BIOS."""
    needs_user_network()
    guests.pxe(store.folder, log, 1, extra=("-bios", guests.SEABIOS))
    guests.pxe(store.folder, log, 1, extra=("-optionrom", guests.ROM), rom=False)


@test("686")
def sound_sb16(log):
    """Linux and its snd-sb16 play a tone, another one on each side, that is measured in the WAV file."""
    if not emulator_is_clearbox():
        raise Skip("the sound goes to a file by Clearbox's option")
    with tempfile.TemporaryDirectory() as folder:
        initrd, wav = os.path.join(folder, "initrd"), os.path.join(folder, "sound.wav")
        sound.make_initrd(store.folder, "686", initrd)
        arguments = kernel("686", f'{SERIAL} modules=none run="{sound.PLAY}"', ["-audio", f"wav={wav}"])
        arguments[arguments.index("-initrd") + 1] = initrd
        with SerialGuest(arguments, log) as guest:
            guest.expect("Sound Blaster 16 at 0x220, irq 5, dma 1&5", BOOT)
            guest.expect("played 0\nrun: status 0\n", 60)
            guest.finish(60)
        for tone, heard in zip(sound.TONES, sound.measure.read(wav)):
            check(abs(heard.frequency() - tone) < 0.5, f"{heard.frequency():.2f} Hz instead of {tone}")
            # the driver stops a few samples into the next period, at whatever its buffer has there: a click
            check(abs(heard.seconds - 1) < 0.03, f"{heard.seconds:.3f} seconds instead of 1")


@test("686")
def linux_686_vga(log):
    """Prompt on the VGA text screen, commands typed on the keyboard, poweroff."""
    with ScreenGuest(kernel("686", "console=tty0 cryptomgr.notests"), log) as guest:
        guest.expect(SCREEN_PROMPT, BOOT)
        guest.send("echo $((111 * 9)) 'Mixed: CASE_$#'\n")
        guest.expect(r"(?m)^ *999 Mixed: CASE_\$#", 30)
        guest.send("cat /proc/fb; cat /sys/class/tty/console/active\n")
        guest.expect(r"(?m)^ *tty0", 30)
        guest.send("poweroff\n")
        guest.finish(60)


def from_medium(log, arguments, release):
    with SerialGuest(["-m", "128", *arguments], log) as guest:
        guest.expect(PROMPT, BOOT)
        look_around(guest, release)
        power_off(guest)


@test("686")
def disk_killed(log):
    """kill -9 during the guest's fsyncs: all that it was told is safe is in the image, also after a restart."""
    states.killed(log, kernel("686", SERIAL), BOOT)


@test("686")
def state_loaded(log):
    """A Linux at work with a disk under -snapshot is saved and goes on in another process."""
    if not emulator_is_clearbox():
        raise Skip("it is a monitor of Clearbox's")
    states.continued(log, kernel("686", SERIAL), BOOT)


@test("disk")
def linux_disk(log):
    """From an IDE disk: MBR, FAT, syslinux, 686. The guest sees the disk it came from."""
    with SerialGuest(["-m", "128", "-snapshot", store("disk.img")] if emulator_is_clearbox() else
                     ["-m", "128", "-snapshot", "-hda", store("disk.img")], log) as guest:
        guest.expect(PROMPT, BOOT)
        look_around(guest, "-686")
        check("sda1" in guest.command("cat /proc/partitions"), "no sda1")
        host = hashlib.md5(open(store("disk.img"), "rb").read(8 << 20)).hexdigest()
        check(host in guest.command("dd if=/dev/sda bs=64k count=128 2>/dev/null | md5sum"),
              "the first 8 MiB of the disk read differently")
        power_off(guest)


def from_mounted(log, arguments, flavour, device, kernel_file):
    """The guest mounts what it came from, and finds its kernel there."""
    with SerialGuest(["-m", "128", *arguments], log) as guest:
        guest.expect(PROMPT, BOOT)
        look_around(guest, "-" + flavour)
        guest.command(f"mount -o ro {device} /mnt")
        host = hashlib.md5(open(store(f"vmlinuz-{flavour}"), "rb").read()).hexdigest()
        check(host in guest.command(f"md5sum /mnt/{kernel_file}"), f"a file on {device} reads differently")
        power_off(guest)


@test("disk-pae")
def linux_disk_pae(log):
    """From an IDE disk: MBR, ext2, GRUB, 686-pae."""
    from_mounted(log, ["-snapshot", "-hda", store("disk-pae.img")], "686-pae", "/dev/sda1", "boot/vmlinuz")


@test("disk-amd64")
def linux_disk_amd64(log):
    """From an IDE disk: MBR, ext2, GRUB, amd64."""
    from_mounted(log, ["-snapshot", "-hda", store("disk-amd64.img")], "amd64", "/dev/sda1", "boot/vmlinuz")


@test("iso")
def linux_iso(log):
    """From an El Torito CD: isolinux, 686. The guest mounts the CD."""
    from_mounted(log, ["-cdrom", store("linux.iso"), "-boot", "d"], "686", "/dev/sr0", "isolinux/vmlinuz")


@test("iso-amd64")
def linux_iso_amd64(log):
    """From an El Torito CD: isolinux, amd64. The guest mounts the CD."""
    from_mounted(log, ["-cdrom", store("linux-amd64.iso"), "-boot", "d"], "amd64", "/dev/sr0", "isolinux/vmlinuz")


@test("disk")
def seabios_disk(log):
    """SeaBIOS on the same machine: IDE disk, syslinux, 686."""
    from_medium(log, ["-bios", SEABIOS, "-snapshot", "-hda", store("disk.img")], "-686")


@test("disk-pae")
def seabios_disk_pae(log):
    """SeaBIOS on the same machine: IDE disk, GRUB, 686-pae."""
    from_medium(log, ["-bios", SEABIOS, "-snapshot", "-hda", store("disk-pae.img")], "-686-pae")


@test("iso")
def seabios_iso(log):
    """SeaBIOS on the same machine: El Torito CD, isolinux, 686."""
    from_medium(log, ["-bios", SEABIOS, "-cdrom", store("linux.iso"), "-boot", "d"], "-686")


@test("686")
def seabios_kernel(log):
    """SeaBIOS on the same machine: -kernel."""
    from_medium(log, kernel("686", SERIAL, ["-bios", SEABIOS]), "-686")


def at_grub_prompt(log, device, arguments):
    with ScreenGuest(["-m", "64", *arguments], log) as guest:
        if "command-line" in guest.expect(r"grub>|for a command-line", BOOT)[0]:
            guest.key("c")
            guest.expect(r"grub>", 30)
        # not a bare ls: that would try the empty floppy drive, and not every BIOS gives that up soon
        guest.send(f"ls ({device})\n")
        guest.expect(rf"(?s)grub> ls.*{device}: .*grub>\s*$", 60)
        guest.send("echo clear''box ok\n")
        guest.expect(r"(?m)^ *clearbox ok", 60)


@test("rescue")
def grub_floppy(log):
    """GRUB's rescue floppy to its prompt; it obeys commands."""
    at_grub_prompt(log, "fd0", ["-snapshot", "-fda", store("grub-floppy.img"), "-boot", "a"])


@test("rescue")
def grub_cd(log):
    """GRUB's rescue CD to its prompt; it obeys commands."""
    at_grub_prompt(log, "cd", ["-cdrom", store("grub-cd.iso"), "-boot", "d"])


@test("disk-amd64", ci=False)
def seabios_disk_amd64(log):
    """SeaBIOS on the same machine: IDE disk, GRUB, amd64."""
    from_medium(log, ["-bios", SEABIOS, "-snapshot", "-hda", store("disk-amd64.img")], "-amd64")


@test("rescue")
def seabios_grub_floppy(log):
    """SeaBIOS: GRUB's rescue floppy."""
    at_grub_prompt(log, "fd0", ["-bios", SEABIOS, "-snapshot", "-fda", store("grub-floppy.img"), "-boot", "a"])


@test("rescue")
def seabios_grub_cd(log):
    """SeaBIOS: GRUB's rescue CD."""
    at_grub_prompt(log, "cd", ["-bios", SEABIOS, "-cdrom", store("grub-cd.iso"), "-boot", "d"])


def e2fsck(image):
    done = subprocess.run(["e2fsck", "-f", "-n", image], capture_output=True, text=True)
    check(done.returncode == 0, f"e2fsck: {done.stdout[-400:]}{done.stderr[-400:]}")


def cat_from(image, name):
    return subprocess.run(["debugfs", "-R", f"cat {name}", image], capture_output=True).stdout


def make_filesystem(guest):
    """In the guest: a filesystem on the empty disk, files in it, a reboot, and the files are there."""
    known = open(store("known.md5")).read().strip()
    guest.expect(PROMPT, BOOT)
    guest.command("mke2fs /dev/sda", 120)
    guest.command("mount -t ext2 /dev/sda /mnt")
    guest.command("mkdir /mnt/d; for i in 1 2 3 4 5 6 7 8; do cp /etc/known /mnt/d/$i; done; rm /mnt/d/3")
    guest.command("dd if=/etc/known of=/mnt/big bs=300000 count=3; cat /mnt/d/* >>/mnt/big; sync")
    big = guest.command("md5sum </mnt/big")
    guest.command("umount /mnt")
    guest.send("reboot\n")
    guest.expect(PROMPT, BOOT)
    guest.command("mount -t ext2 /dev/sda /mnt")
    check(known in guest.command("md5sum /mnt/d/8"), "a file is not what was written before the reboot")
    check(guest.command("md5sum </mnt/big") == big, "a big file is not what was written before the reboot")
    check(guest.command("ls /mnt/d | wc -l") == "7", "the directory is not what it was before the reboot")
    guest.command("umount /mnt")
    power_off(guest)
    return known


@test("686")
def filesystem(log):
    """The guest makes a filesystem on an empty disk and finds it after a reboot; e2fsck agrees."""
    with tempfile.TemporaryDirectory() as folder:
        image = os.path.join(folder, "empty.img")
        with open(image, "wb") as file:
            file.truncate(64 << 20)
        with SerialGuest(kernel("686", SERIAL, ["-hda", image]), log) as guest:
            known = make_filesystem(guest)
        e2fsck(image)
        check(hashlib.md5(cat_from(image, "d/8")).hexdigest() == known, "the host reads another file")


@test("686")
def filesystem_snapshot(log):
    """The same with -snapshot: the guest finds all it wrote, the image stays bit for bit."""
    with tempfile.TemporaryDirectory() as folder:
        image = os.path.join(folder, "empty.img")
        with open(image, "wb") as file:
            file.truncate(64 << 20)
            file.seek(12345)
            file.write(b"as it was")
        before = hashlib.md5(open(image, "rb").read()).hexdigest()
        with SerialGuest(kernel("686", SERIAL, ["-hda", image, "-snapshot"]), log) as guest:
            make_filesystem(guest)
        check(hashlib.md5(open(image, "rb").read()).hexdigest() == before, "the image was written to")


@test("686")
def idle_and_memory(log):
    """At the prompt the host has an idle CPU, and little more memory in use than the guest's."""
    if not emulator_is_clearbox():
        raise Skip("says nothing about another emulator")
    with SerialGuest(kernel("686", SERIAL), log) as guest:
        guest.expect(PROMPT, BOOT)
        guest.command("cat /proc/meminfo")
        time.sleep(2)
        start = guest.cpu_time()
        time.sleep(5)
        used = guest.cpu_time() - start
        memory = guest.memory() / 1024
        guest.note(f"idle for 5 s: {used:.2f} s of CPU; {memory:.0f} MiB")
        check(used < 0.5, f"an idle guest used {used:.2f} s of host CPU in 5 s")
        check(memory < 128 + 32, f"a 128 MiB machine takes {memory:.0f} MiB of the host")
        power_off(guest)


@test("686", ci=False)
def vga_of_both(log):
    """Both consoles at once: the kernel's messages on VGA, a shell on each."""
    with ScreenGuest(kernel("686", "console=ttyS0,115200 console=tty0 cryptomgr.notests"), log) as guest:
        guest.expect(SCREEN_PROMPT, BOOT)
        guest.send("dmesg | tail -n 3\n")
        guest.expect(r"\[ +\d+\.\d+\]", 30)
        guest.send("poweroff\n")
        guest.finish(60)


def installer_arguments(kind, append):
    # with less than 534 MiB the graphical one becomes a textual one, with less than 768 that for amd64 complains
    return ["-m", "1024", "-kernel", store(f"installer-{kind}-linux"),
            "-initrd", store(f"installer-{kind}-initrd.gz"), "-append", append]


def textual_installer(log, name):
    with ScreenGuest(installer_arguments(name, "vga=normal fb=false nomodeset cryptomgr.notests"), log) as guest:
        guest.expect(r"Select a language", 3 * BOOT)
        guest.expect(r"English", 10)
        guest.key("Enter")
        guest.expect(r"Select your location", 120)


@test("installer")
def installer_text(log):
    """Debian's installer in text mode to its first screen, and on to the second."""
    textual_installer(log, "text")


@test("installer-amd64")
def installer_amd64(log):
    """Debian's installer for amd64 in text mode to its first screen, and on to the second."""
    textual_installer(log, "amd64-text")


def png_pixels(path):
    """Decodes an 8-bit RGB or RGBA PNG: width, height, a list of rows of bytes, bytes per pixel."""
    data = open(path, "rb").read()
    check(data[:8] == b"\x89PNG\r\n\x1a\n", f"{path} is no PNG")
    position, packed = 8, b""
    while position < len(data):
        length, kind = struct.unpack(">I4s", data[position:position + 8])
        body = data[position + 8:position + 8 + length]
        position += 12 + length
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", body)
        elif kind == b"IDAT":
            packed += body
    check(depth == 8 and colour in (2, 6) and not interlace, f"{path} is not 8-bit RGB")
    size = 3 if colour == 2 else 4
    raw, rows, stride = zlib.decompress(packed), [], width * size
    above = bytearray(stride)
    for y in range(height):
        method = raw[y * (stride + 1)]
        row = bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for x in range(stride):
            left = row[x - size] if x >= size else 0
            up = above[x]
            corner = above[x - size] if x >= size else 0
            if method == 1:
                row[x] = (row[x] + left) & 255
            elif method == 2:
                row[x] = (row[x] + up) & 255
            elif method == 3:
                row[x] = (row[x] + (left + up) // 2) & 255
            elif method == 4:
                guess = left + up - corner
                distance = (abs(guess - left), abs(guess - up), abs(guess - corner))
                best = left if distance[0] <= min(distance[1:]) else up if distance[1] <= distance[2] else corner
                row[x] = (row[x] + best) & 255
        rows.append(bytes(row))
        above = row
    return width, height, rows, size


def light(dots):
    """The installer's list, with its banner above: bright, and many shades of colour."""
    return len(set(dots)) > 64 and sum(min(dot) > 200 for dot in dots) > 0.3 * len(dots)


def dark(dots):
    return dots and not any(map(any, dots))


@test("installer")
def installer_gtk(log):
    """Debian's graphical installer to its first screen, through its screen saver, and on to the second."""
    if not emulator_is_clearbox():
        raise Skip("no other emulator shows pictures in a terminal")
    with tempfile.TemporaryDirectory() as folder:
        picture = os.path.join(folder, "screen.png")
        # time that the guest idles away is skipped, so the ten minutes after which X darkens the screen are soon over
        with ScreenGuest([*installer_arguments("gtk", "vga=788 cryptomgr.notests"),
                          "-screenshot", picture, "-pace", "none"], log) as guest:
            guest.expect_picture("a list", light, 3 * BOOT)
            guest.expect_picture("nothing, to save itself", dark, BOOT)
            guest.key("Down")
            languages = guest.expect_picture("the list again", light, 60)
            guest.key("Enter")
            guest.expect_picture("another list", lambda dots: light(dots) and dots != languages and sum(
                a != b for a, b in zip(dots, languages)) > len(dots) / 50, 120)
            guest.key("C-a")
            guest.key("x")
            guest.finish(60)
        check(os.path.exists(picture), "no screenshot was written")
        shutil.copy(picture, os.path.join(LOGS, "installer-gtk.png"))
        width, height, rows, size = png_pixels(picture)
        check(width >= 640 and height >= 480, f"the screen is {width}x{height}")
        seen = [tuple(row[x:x + 3]) for row in rows[::2] for x in range(0, width * size, 2 * size)]
        check(light(seen), "the screenshot is not the installer's list")


LOGIN = r"clearbox login: "
SHELL = r"root@clearbox:~# "


def whole_system(log, architecture, machine, memory):
    """A Debian on a disk, from GRUB to systemd's last word. userland.sh makes the disk."""
    image = store(f"userland-{architecture}.img")
    if not os.path.exists(image):
        raise Skip("made and run by userland.sh")
    known = open(store("userland-known.sha256")).read().strip()
    with SerialGuest(["-m", memory, "-snapshot", "-hda", image], log) as guest:
        guest.prompt = SHELL
        guest.expect(LOGIN, 3 * BOOT)
        guest.send("root\n")
        guest.expect(r"Password: ", 60)
        guest.send("clearbox\n")
        guest.expect(SHELL, 120)
        guest.command("stty cols 200; bind 'set enable-bracketed-paste off'")
        check(guest.command("uname -m") == machine, "uname -m is another machine's")
        failed = guest.command("systemctl is-system-running --wait; systemctl --failed --no-legend", 300)
        check(failed == "running", f"systemd is not content: {failed}")
        check(known in guest.command("sha256sum known", 120), "sha256sum differs from the host's")
        check(known in guest.command("openssl sha256 known", 120), "openssl's digest differs from the host's")
        guest.note(guest.command("openssl speed -seconds 1 -bytes 1024 sha256 aes-128-cbc md5 2>&1", 120))
        guest.note(guest.command("openssl speed -seconds 1 rsa2048 2>&1", 120))
        perl = "perl -MDigest::SHA=sha1_hex -e 'printf \"%.12g %s %s\\n\", exp(1)**10/3, sha1_hex(join q(,), 1..1000), 2**53+1'"
        check(guest.command(perl) ==
              subprocess.run(perl, shell=True, capture_output=True, text=True).stdout.strip(), "perl computes otherwise")
        python = ("python3 -c 'import hashlib, math; print(3 ** 200 % 10 ** 40, hashlib.sha256(bytes(range(256)) * 99).hexdigest(), "
                  "\"%.12g %.12g %.12g\" % (math.sqrt(2) ** 9.5, math.sin(1e5), sum(1 / n for n in range(1, 50000))))'")
        check(guest.command(python, 120) ==
              subprocess.run(python, shell=True, capture_output=True, text=True).stdout.strip(), "python3 computes otherwise")
        guest.command("apt-get -y install ./hello_*.deb", 300)
        check(guest.command("hello") == "Hello, world!", "what apt installed does not run")
        guest.command("dpkg -l hello | grep ^ii; apt-get -y remove hello", 300)
        guest.send("poweroff\n")
        guest.finish(300)


@test("", ci=False)
def userland_i386(log):
    """A Debian 12 for i386 on an IDE disk: systemd, login, perl, python3, openssl, apt, poweroff."""
    whole_system(log, "i386", "i686", "512")


@test("", ci=False)
def userland_amd64(log):
    """A Debian 12 for amd64 on an IDE disk: systemd, login, perl, python3, openssl, apt, poweroff."""
    whole_system(log, "amd64", "x86_64", "512")


@test("", ci=False)
def userland_desktop(log):
    """X on the BIOS's framebuffer: windows, keys into a terminal, a pointer that goes where it is moved."""
    image = store("userland-desktop.img")
    if not os.path.exists(image):
        raise Skip("made and run by userland.sh")
    with tempfile.TemporaryDirectory() as folder:
        picture = os.path.join(folder, "desktop.png")
        place = os.path.join(folder, "monitor")
        with SerialGuest(["-m", "512", "-snapshot", "-hda", image, "-monitor", "unix:" + place], log) as guest:
            guest.prompt = SHELL
            guest.expect(r"desktop is up", 3 * BOOT)
            monitor = socket.socket(socket.AF_UNIX)
            monitor.connect(place)

            def tell(line):
                monitor.sendall(line.encode() + b"\n")

            guest.send("\n")
            guest.expect(LOGIN, BOOT)
            guest.send("root\n")
            guest.expect(r"Password: ", 60)
            guest.send("clearbox\n")
            guest.expect(SHELL, 120)
            guest.command("stty cols 200; bind 'set enable-bracketed-paste off'; export DISPLAY=:0")
            size = guest.command("xdotool getdisplaygeometry")
            check(size == "1024 768", f"X's screen is {size}")
            def move(dx, dy):
                """A packet's worth at a time, as a hand would."""
                while dx or dy:
                    x, y = max(-100, min(100, dx)), max(-100, min(100, dy))
                    tell(f"mouse_move {x} {y}")
                    guest.command("sleep 0.2")
                    dx, dy = dx - x, dy - y

            # from the corner, so that it does not matter where the pointer was
            for x, y in (300, 200), (700, 500), (15, 767):
                move(-1100, -800)
                move(x, y)
                guest.command("sleep 1")
                where = guest.command("xdotool getmouselocation")
                check(where.startswith(f"x:{x} y:{y} "), f"moved to {x}, {y} the pointer is at {where}")
            # over the terminal: keys go where the pointer is
            move(185, -567)
            for word in "echo", "$((6*7))", ">typed":
                for character in word:
                    names = {"$": "shift-4", "(": "shift-9", ")": "shift-0", "*": "shift-8", ">": "shift-dot"}
                    tell("sendkey " + names.get(character, character))
                    guest.command("sleep 0.2")
                tell("sendkey spc")
            tell("sendkey ret")
            guest.command("sleep 3")
            check(guest.command("cat /root/typed") == "42", "what was typed into the terminal is not there")
            tell("screendump " + picture)
            guest.command("sleep 1")
            guest.send("poweroff\n")
            guest.finish(300)
        shutil.copy(picture, os.path.join(LOGS, "desktop.png"))
        width, height, rows, size = png_pixels(picture)
        check((width, height) == (1024, 768), f"the picture is {width}x{height}")
        colours = {tuple(row[x:x + 3]) for row in rows[::4] for x in range(0, width * size, 4 * size)}
        check((0x4a, 0x70, 0x8b) in colours and (255, 255, 255) in colours and (0, 0, 0) in colours,
              "the picture has not the desktop's colours")


@test("memtest")
def memtest(log):
    """memtest86+ on a small machine: its first pass ends without errors."""
    with ScreenGuest(["-m", "8", "-kernel", store("memtest.bin")], log) as guest:
        guest.expect(r"Memtest86\+", BOOT)
        guest.expect(r"Pass: +[1-9]|Errors: +[1-9]", 7200)
        check(re.search(r"Errors: +0\b", guest.screen()), "memtest86+ found errors")


@test("memtest")
def memtest_starts(log):
    """memtest86+ from its CD shows its screen and gets through some of its first test."""
    with ScreenGuest(["-m", "16", "-cdrom", store("memtest.iso"), "-boot", "d"], log) as guest:
        guest.expect(r"Memtest86\+", BOOT)
        guest.expect(r"Time: +0:00:0[1-9]|Time: +0:00:[1-9]", BOOT)


def one_test(name):
    """Runs one test, in a process of its own; its name, what became of it, and how long it took."""
    function = next(entry[1] for entry in TESTS if entry[0] == name)
    path = os.path.join(LOGS, name + ".log")
    start = time.monotonic()
    with open(path, "wb") as log:
        try:
            function(log)
            word = "ok"
        except Skip as why:
            word = f"skipped: {why}"
        except (Failure, OSError) as why:
            word = f"FAILED: {why} (see {path})"
        except Exception as why:        # a mistake in a test is not to hide what the others say
            word = f"FAILED: the test itself: {why!r}"
    return name, word, time.monotonic() - start


def main():
    # so that a test run that is stopped stops its guests too
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    names = [word for word in sys.argv[1:] if not word.startswith("-")]
    flags = {word for word in sys.argv[1:] if word.startswith("-")}
    unknown = set(names) - {name for name, *_ in TESTS} | flags - {"--ci", "--all", "--list"}
    if unknown:
        sys.exit(f"run.py: no such test or option: {' '.join(sorted(unknown))}; --list lists the tests")
    if "--list" in flags:
        for name, function, _, ci in TESTS:
            print(f"{name:22} {'ci       ' if ci else 'on demand'}  {function.__doc__.splitlines()[0]}")
        return 0
    chosen = [entry for entry in TESTS if entry[0] in names or not names and (entry[3] or "--all" in flags)]
    # the longest ones first, so that none is left alone at the end
    chosen.sort(key=lambda entry: entry[0] not in ("installer-gtk", "memtest"))
    if not shutil.which(EMULATOR):
        sys.exit(f"run.py: there is no emulator {EMULATOR}: say EMULATOR=path/to/clearbox")
    os.makedirs(LOGS, exist_ok=True)
    needed = sorted({guest for entry in chosen for guest in entry[2]})
    built = subprocess.run(["sh", os.path.join(HERE, "guests.sh"), *needed], stdout=subprocess.PIPE, text=True)
    if built.returncode:
        print("0 passed, 1 failed")
        return 1
    store.folder = built.stdout.strip()
    count = {"ok": 0, "FAILED": 0, "skipped": 0}
    jobs = int(os.environ.get("CLEARBOX_JOBS") or os.cpu_count() or 1)
    with multiprocessing.get_context("fork").Pool(max(1, min(jobs, len(chosen)))) as pool:
        for name, word, seconds in pool.imap_unordered(one_test, [entry[0] for entry in chosen]):
            count[word.split(":")[0]] += 1
            print(f"boot: {name}: {word} ({seconds:.1f} s)", flush=True)
        # They end by themselves: a signal can come to one that is about to wait, and be seen too late.
        pool.close()
        pool.join()
    passed, failed, skipped = count.values()
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

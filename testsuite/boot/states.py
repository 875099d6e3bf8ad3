"""What must be there again: after kill -9 of the emulator, and from a saved state in a new process."""

import os
import re
import signal
import sys
import tempfile
import time

from guest import Failure, SerialGuest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "monitor"))
from clearbox import Monitor    # noqa: E402

SECTORS = 8192
PROMPT = r"clearbox# "


def sector(image, number):
    with open(image, "rb") as file:
        file.seek(number * 512)
        return file.read(8)


def killed(log, arguments, boot):
    """A guest writes numbered sectors and says each number after its fsync; the emulator is killed."""
    with tempfile.TemporaryDirectory() as folder:
        image = os.path.join(folder, "disk.img")
        with open(image, "wb") as file:
            file.truncate(SECTORS * 512)
        with SerialGuest([*arguments, "-hda", image], log) as guest:
            guest.expect(PROMPT, boot)
            guest.send("i=1; while :; do printf %08d $i | dd of=/dev/sda bs=512 seek=$i conv=sync,fsync "
                       "2>/dev/null && echo done $i.; i=$((i+1)); done\n")
            guest.expect(r"done 60\.", 60)
            os.kill(guest.pid, signal.SIGKILL)
            while guest.read(1):
                pass
            said = [int(number) for number in re.findall(r"done (\d+)\.", guest.text)]
        last = max(said, default=60)
        for number in range(1, last + 1):
            if sector(image, number) != b"%08d" % number:
                raise Failure(f"sector {number} of {last} that the guest was told are safe is not in the image")
        with SerialGuest([*arguments, "-hda", image], log) as guest:
            guest.expect(PROMPT, boot)
            seen = guest.command(f"dd if=/dev/sda bs=512 skip={last} count=1 2>/dev/null | head -c 8")
            if seen != f"{last:08d}":
                raise Failure(f"after a restart the guest reads {seen!r} in sector {last}")


def continued(log, arguments, boot):
    """A guest at work is saved, and goes on in another process: its memory, its disk over the image."""
    with tempfile.TemporaryDirectory() as folder:
        image, state = os.path.join(folder, "disk.img"), os.path.join(folder, "linux.state")
        with open(image, "wb") as file:
            file.truncate(16 << 20)
        arguments = [*arguments, "-hda", image, "-snapshot", "-monitor", "unix:" + os.path.join(folder, "m")]
        with SerialGuest(arguments, log) as guest:
            guest.expect(PROMPT, boot)
            guest.command("mke2fs /dev/sda && mount -t ext2 /dev/sda /mnt && echo before >/mnt/file && sync", 120)
            guest.command("echo in memory >/tmp/file; sleep 1000 & echo started")
            # counts until it is told to stop, so that it is at work whenever the state is saved
            guest.send("(n=0; until [ -e /tmp/enough ]; do n=$((n+1)); [ $((n%100)) != 0 ] || echo at $n.; done; "
                       "echo again >>/mnt/file; echo counted $n.) &\n")
            before = int(guest.expect(r"at (\d+)\.", 60)[1])
            monitor = Monitor(os.path.join(folder, "m"), 60)
            answer = monitor(f"savevm {state}")
            if answer:
                raise Failure(f"savevm says {answer!r}")
            monitor.close()
            while guest.read(0):
                pass
            guest.text = ""
            after = int(guest.expect(r"at (\d+)\.", 60)[1])
        began = time.monotonic()
        with SerialGuest([*arguments, "-loadvm", state], log) as guest:
            first, second = (int(guest.expect(r"at (\d+)\.", 120)[1]) for _ in range(2))
            log.write(f"\nthe loaded guest answers after {time.monotonic() - began:.1f} s\n".encode())
            # one line may be on its way to us, and another one have been half said
            if not before < first <= after + 200 or second != first + 100:
                raise Failure(f"saved when it had counted from {before} to {after}, it goes on at {first} and {second}")
            guest.send("touch /tmp/enough\n")
            counted = int(guest.expect(r"counted (\d+)\.", 60)[1])
            if counted < second:
                raise Failure(f"it counts back from {second} to {counted}")
            if guest.command("cat /tmp/file; cat /mnt/file; umount /mnt; pidof sleep >/dev/null && echo runs").split("\n") != \
                    ["in memory", "before", "again", "runs"]:
                raise Failure("files or programs differ in the loaded guest")
            # the disk itself, not the guest's cache
            guest.command("echo 3 >/proc/sys/vm/drop_caches; mount -t ext2 /dev/sda /mnt; grep again /mnt/file")
        if any(open(image, "rb").read()):
            raise Failure("-snapshot wrote to the image")

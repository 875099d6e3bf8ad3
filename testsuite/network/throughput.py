#!/usr/bin/env python3
"""How fast files come and go through an NE2000 on PCI, side by side with QEMU's TCG.

usage: EMULATOR=path/to/clearbox python3 testsuite/network/throughput.py [MEGABYTES [ROUNDS]]

Both run Debian's 686 kernel with its ne2k-pci driver behind a user network. In turns each fetches a
file by HTTP from a server on the host, and serves it to the host by HTTP through hostfwd, while the
other is halted. What counts is the best round, since other work on the host can only add. The last
lines say how many times QEMU's speed Clearbox has; the exit status is 0 if it is at least 1.5 by the
clock for each way alone, and in CPU time for the way there and back.
"""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, os.pardir, "boot"))

import guest            # noqa: E402
import network          # noqa: E402

WANTED = 1.5
QEMU = "qemu-system-i386"


def start(stack, emulator, store, initrd):
    """A guest with a network and a web server for its /tmp; the processors' flaws are not its concern."""
    guest.EMULATOR = emulator
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    arguments = ["-m", "128", "-kernel", os.path.join(store, "vmlinuz-686"), "-initrd", initrd,
                 "-append", "console=ttyS0,115200 cryptomgr.notests modules=none mitigations=off",
                 "-nic", f"user,model=ne2k_pci,hostfwd=tcp:127.0.0.1:{port}-:80"]
    log = stack.enter_context(open(os.devnull, "wb"))
    machine = stack.enter_context(guest.SerialGuest(arguments, log))
    machine.expect(r"clearbox# ", 300)
    machine.command(network.DRIVERS["ne2k_pci"])
    machine.command("ifconfig eth0 up; udhcpc -i eth0 -q -n -s /etc/udhcpc.script", 60)
    machine.command("httpd -h /tmp")
    machine.port = port
    return machine


def timed(machine, work):
    wall, cpu = time.monotonic(), machine.cpu_time()
    result = work()
    return (time.monotonic() - wall, machine.cpu_time() - cpu), result


def fetch(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/file", timeout=900) as answer:
        return answer.read()


def measure(machine, server, content):
    """(wall, CPU) seconds in, and out."""
    inward, _ = timed(machine, lambda: machine.command(
        f"wget -q -O /tmp/file http://10.0.2.2:{server.port}/file", 900))
    outward, answer = timed(machine, lambda: fetch(machine.port))
    if answer != content:
        raise guest.Failure("the file came back with other bytes")
    return inward, outward


def main():
    megabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 10
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    store = subprocess.run(["sh", os.path.join(HERE, "../boot/guests.sh"), "686"], stdout=subprocess.PIPE,
                           text=True, check=True).stdout.strip()
    content = os.urandom(int(megabytes * 1e6))
    emulators = {"Clearbox": guest.EMULATOR, "QEMU": QEMU}
    seconds = {name: [] for name in emulators}
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        initrd = os.path.join(folder, "initrd")
        network.make_initrd(store, "686", initrd)
        with open(os.path.join(folder, "file"), "wb") as file:
            file.write(content)
        server = stack.enter_context(network.Server(folder))
        machines = {name: start(stack, emulator, store, initrd) for name, emulator in emulators.items()}
        for _ in range(rounds):
            for name, machine in machines.items():
                seconds[name].append(measure(machine, server, content))
    slow = False
    best = {name: [[min(times[way][unit] for times in measured) for way in range(2)] for unit in range(2)]
            for name, measured in seconds.items()}
    for name, (wall, cpu) in best.items():
        for word, by_wall, by_cpu in zip(("in", "out"), wall, cpu):
            print(f"{name:9} {word:4} {megabytes / by_wall:7.2f} MB/s   {megabytes / max(by_cpu, .01):7.2f} "
                  "MB per CPU second")
    for unit, what in enumerate(("speed", "speed in CPU time")):
        ours, theirs = best["Clearbox"][unit], best["QEMU"][unit]
        ratio = sum(theirs) / sum(ours)
        print(f"Clearbox has {theirs[0] / ours[0]:.2f} times QEMU's {what} in, {theirs[1] / ours[1]:.2f} times out, "
              f"{ratio:.2f} times there and back")
        asked = [ratio] if unit else [theirs[0] / ours[0], theirs[1] / ours[1]]
        slow = slow or min(asked) < WANTED
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())

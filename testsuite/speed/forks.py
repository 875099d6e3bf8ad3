#!/usr/bin/env python3
"""How long the first fork of a process takes, with a PC in its BIOS and a 256 MiB Linux at its prompt; on demand.

usage: forks.py BUILD-FOLDER [--guests FOLDER] [--processes N]

BUILD-FOLDER is a build of the project (buildtype release), of which testsuite/history/fork_speed is run, once a
fork. Linux (Debian's 686 kernel and the initrd of testsuite/boot/guests.sh) is booted once and its state loaded in each
process. What counts is cbx_fork, then the fork's first 1000 instructions, in time and in page faults of the host.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ANSWER = r"first fork ([\d.]+) us, (\d+) page faults; its first 1000 instructions ([\d.]+) us, (\d+) page"


def run(*arguments):
    done = subprocess.run(arguments, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"forks.py: {arguments[0]}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def measure(name, processes, *arguments):
    rows = []
    for _ in range(processes):
        rows.append([float(value) for value in re.search(ANSWER, run(*arguments, "-forks", "1")).groups()])
    print(f"{name}, {processes} processes:")
    for what, values in (("the first fork", [row[0:2] for row in rows]),
                         ("its first 1000 instructions", [row[2:4] for row in rows]),
                         ("both", [[row[0] + row[2], row[1] + row[3]] for row in rows])):
        times, faults = sorted(row[0] for row in values), sorted(row[1] for row in values)
        print(f"  {what:28} {times[0]:6.1f} us at least, median {times[len(times) // 2]:6.1f}, nine in ten below "
              f"{times[len(times) * 9 // 10]:6.1f}; {faults[len(faults) // 2]:.0f} page faults", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--guests", default="")
    parser.add_argument("--processes", type=int, default=40)
    options = parser.parse_args()
    program = os.path.join(options.build, "testsuite", "history", "fork_speed")
    guests = options.guests or run("sh", os.path.join(HERE, "..", "boot", "guests.sh"), "686").strip()
    measure("A PC of 256 MiB in its BIOS", options.processes, program, "-m", "256", "-n", "20000000")
    with tempfile.TemporaryDirectory(prefix="clearbox-forks-") as folder:
        linux = [program, "-m", "256", "-kernel", os.path.join(guests, "vmlinuz-686"),
                 "-initrd", os.path.join(guests, "initrd-686"), "-append", "console=ttyS0,115200"]
        state = os.path.join(folder, "linux.state")
        run(*linux, "-n", "20000000000", "-until", "clearbox# ", "-save", state)
        measure("Linux at its prompt, 256 MiB, from a saved state", options.processes, *linux, "-load", state)


if __name__ == "__main__":
    main()

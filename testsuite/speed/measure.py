#!/usr/bin/env python3
"""Measures the speed guests on Clearbox, Debian's Bochs and QEMU TCG, and natively; called by run.sh.

usage: measure.py FOLDER [--clearbox FILE] [--bochs FILE] [--qemu FILE] [--repeat N] [--linux IMAGE] [--linux64 IMAGE]
                  [--json FILE] [WORKLOAD...]

FOLDER is what build.sh made. An emulator that is "" or not there is left out. Every workload is a boot
of its own of the 32-bit or the 64-bit guest's disk image, in which only the byte that chooses the
workload differs. The guest
says when it begins and when it ends; what is measured is the CPU time that all threads of the emulator
took between the two (/proc/PID/task/*/schedstat), so neither firmware nor start-up counts. Emulators
take turns within a workload, and the best of the repeats counts, because other work on the host can
only add. Guest instructions are Bochs's count; a REP iteration is one.
"""

import argparse
import glob
import json
import math
import os
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time

# the guests' sources in the order of lists.c, with what their workloads' names and classes end in
GUESTS = {
    "": [(file, "") for file in ("integer.c", "memory.c", "x87.c", "sse.c", "system.c", "system32.c")],
    "64": [(file, "64") for file in ("integer.c", "memory.c", "sse.c", "simd.c")] +
          [("sse.c", "-avx"), ("simd.c", "-avx"), ("system.c", "64"), ("system64.c", "64")],
}
CLASSES = ["integer", "branch", "memory", "string", "x87", "sse", "system", "integer64", "branch64",
           "memory64", "string64", "sse64", "simd64", "sse-avx", "simd-avx", "system64"]
PARAMETER = 0x1b0


def works():
    """All workloads: guest, number in it, name, class."""
    here = os.path.dirname(os.path.abspath(__file__))
    found = []
    for guest, files in GUESTS.items():
        number = 0
        for file, suffix in files:
            text = open(os.path.join(here, file)).read()
            for name, kind in re.findall(r'\{ "([\w-]+)", CLASS_(\w+),', text):
                found.append((guest, number, name + suffix, kind.lower() + suffix))
                number += 1
    return found


def cpu_nanoseconds(pid):
    """CPU time of all threads that the process has; 0 once it is gone."""
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        try:
            total += int(open(path).read().split()[0])
        except OSError:
            pass
    return total


def bochs_configuration(folder, image, memory, serial, cylinders, model="bx_generic"):
    path = os.path.join(folder, "bochsrc")
    with open(path, "w") as file:
        file.write(f"""megs: {memory}
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=disk, path={image}, mode=volatile, cylinders={cylinders}, heads=16, spt=63
boot: disk
display_library: rfb, options="timeout=0"
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
speaker: enabled=1, mode=none
port_e9_hack: enabled=1
com1: enabled=1, mode={serial}
clock: sync=none
cpu: model={model}, count=1, ips=100000000, reset_on_triple_fault=0
log: {folder}/bochs.log
panic: action=fatal
error: action=ignore
info: action=ignore
""")
    return path


def bochs_model(guest):
    """A processor that has what the guest's code uses; Bochs's own has no long mode here."""
    return "corei7_haswell_4770" if guest else "bx_generic"


def qemu_of(guest, program):
    return program.replace("system-i386", "system-x86_64") if guest else program


def command(emulator, program, folder, guest, image):
    if emulator == "bochs":
        return [program, "-q", "-f", bochs_configuration(folder, image, 64, "null", 20, bochs_model(guest))]
    if emulator == "qemu":
        program = qemu_of(guest, program)
    line = [program, "-m", "64", "-hda", image, "-snapshot", "-display", "none", "-serial", "null",
            "-debugcon", "stdio"]
    if emulator == "qemu":
        line += ["-accel", "tcg", "-cpu", "max", "-net", "none", "-monitor", "none"]
    else:
        line += ["-cpu", "max"]
    return line


class Run:
    """An emulator at work: what it prints, and its CPU time at the moments asked for."""

    def __init__(self, line, typed=b""):
        self.child = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL)
        if typed:
            self.child.stdin.write(typed)
            self.child.stdin.flush()
        self.text = ""

    def wait_for(self, pattern, seconds):
        """Returns the match and the CPU time when it came; None if it did not come."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            match = re.search(pattern, self.text)
            if match:
                return match, self.now
            if not select.select([self.child.stdout], [], [], 1.0)[0]:
                continue
            data = os.read(self.child.stdout.fileno(), 65536)
            self.now = cpu_nanoseconds(self.child.pid)
            if not data:
                break
            self.text += data.decode("latin-1")
        match = re.search(pattern, self.text)
        return (match, self.now) if match else None

    def stop(self):
        self.child.kill()
        self.child.wait()
        self.child.stdin.close()
        self.child.stdout.close()


def measure(emulator, program, folder, guest, number, seconds):
    """Runs one workload once: nanoseconds, checksum, ticks; or a word that says what went wrong."""
    image = os.path.join(folder, f"current{guest}.img")
    with open(image, "r+b") as file:
        file.seek(PARAMETER)
        file.write(bytes([number]))
    run = Run(command(emulator, program, folder, guest, image), b"c\n" if emulator == "bochs" else b"")
    try:
        begin = run.wait_for(r"begin [\w-]+\n", 60)
        if not begin:
            return "does not begin: " + run.text.strip()[-60:]
        end = run.wait_for(r"end [\w-]+ ([0-9a-f]{8}) ([0-9a-f]{16})\r?\n|failed: (.*)", seconds)
        if not end:
            return "does not end"
        if end[0][3]:
            return "failed: " + end[0][3]
        return end[1] - begin[1], end[0][1], int(end[0][2], 16)
    finally:
        run.stop()


def native(folder, guest, number):
    line = [os.path.join(folder, "native" + guest), str(number)]
    try:
        once = subprocess.run([*line, "1"], capture_output=True, text=True).stdout.split()
        if len(once) != 2:
            return None
        runs = max(1, int(2e8 / max(int(once[1]), 1)))
        best = min(int(subprocess.run([*line, str(runs)], capture_output=True, text=True).stdout.split()[1])
                   for _ in range(2))
        return best, once[0]
    except (OSError, IndexError, ValueError):
        return None


def mean(values):
    values = [value for value in values if value and value > 0]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def ratio(a, b):
    return a / b if a and b else None


def show(value, digits=2):
    return f"{value:.{digits}f}" if value is not None else "-"


def boot_linux(emulators, folder, guest, image, rounds):
    """CPU seconds from starting the emulator to Linux's prompt, the same disk image in each."""
    print(f"\nLinux {guest or 32} to its prompt, CPU seconds")
    results = {}
    memory = 256 if guest else 128
    copy = os.path.join(folder, "linux.img")
    shutil.copy(image, copy)
    for emulator, program in emulators.items():
        for _ in range(1 if emulator == "bochs" else rounds):
            if emulator == "bochs":
                configuration = bochs_configuration(folder, copy, memory, "file, dev=/dev/stdout",
                                                    os.path.getsize(copy) // (16 * 63 * 512),
                                                    bochs_model(guest))
                run = Run([program, "-q", "-f", configuration], b"c\n")
            else:
                line = [program, "-m", str(memory), "-hda", copy, "-snapshot", "-display", "none", "-serial", "stdio"]
                if guest:
                    line += ["-cpu", "max"]
                if emulator == "qemu":
                    line[0] = qemu_of(guest, program)
                    line += ["-accel", "tcg", "-net", "none", "-monitor", "none"]
                run = Run(line)
            try:
                end = run.wait_for(r"clearbox# ", 900)
            finally:
                run.stop()
            if end and end[1] < results.get(emulator, 1 << 62):
                results[emulator] = end[1]
            if not end:
                print(f"  {emulator}: no prompt: {run.text.strip()[-200:]!r}")
        if emulator in results:
            print(f"  {emulator:10} {results[emulator] / 1e9:.2f}", flush=True)
    if "clearbox" in results and "bochs" in results:
        print(f"  clearbox / bochs: {results['clearbox'] / results['bochs']:.2f} (to be at most 0.50)")
    return {name: value / 1e9 for name, value in results.items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--clearbox", default="")
    parser.add_argument("--bochs", default="bochs")
    parser.add_argument("--qemu", default="qemu-system-i386")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--linux", default="")
    parser.add_argument("--linux64", default="")
    parser.add_argument("--json", default="")
    parser.add_argument("works", nargs="*")
    options = parser.parse_intermixed_args()
    emulators = {name: getattr(options, name) for name in ("clearbox", "bochs", "qemu")
                 if getattr(options, name) and shutil.which(getattr(options, name))}
    wanted = [(guest, number, name, kind) for guest, number, name, kind in works()
              if not options.works or name in options.works or kind in options.works]
    if not wanted:
        sys.exit("measure.py: no such workload or class: " + " ".join(options.works))
    try:
        clock = int(subprocess.run([os.path.join(options.folder, "native"), "clock"],
                                   capture_output=True, text=True).stdout) / 1e9
    except (OSError, ValueError):
        clock = None
    rows, wrong = [], 0
    # image copies and Bochs's files belong to this run alone
    with tempfile.TemporaryDirectory(prefix="clearbox-speed-") as folder:
        for guest in GUESTS:
            shutil.copy(os.path.join(options.folder, f"speed{guest}.img"),
                        os.path.join(folder, f"current{guest}.img"))
        print(f"milliseconds of host CPU; host clock {show(clock)} GHz; c/i: host cycles per guest instruction")
        print(f"{'workload':21} {'class':9} {'clearbox':>9} {'bochs':>9} {'qemu':>9} {'native':>9} "
              f"{'Minsns':>8} {'c/i':>6} {'boc c/i':>7} {'tcg c/i':>7} {'x bochs':>8} {'x qemu':>8}  checksum")
        for guest, number, name, kind in wanted:
            best, sums, ticks = {}, {}, None
            for turn in range(options.repeat):
                for emulator, program in emulators.items():
                    if emulator == "bochs" and turn:
                        continue
                    got = measure(emulator, program, folder, guest, number, 300)
                    if isinstance(got, str):
                        sums[emulator] = got
                        continue
                    best[emulator] = min(got[0], best.get(emulator, 1 << 62))
                    sums[emulator] = got[1]
                    if emulator == "bochs":
                        ticks = got[2]
            alone = native(options.folder, guest, number) if "system" not in kind else None
            if alone:
                best["native"], sums["native"] = alone
            same = len(set(sums.values())) == 1
            wrong += not same
            def cycles(who):
                return best[who] * clock / ticks if clock and ticks and who in best else None
            row = {"name": name, "class": kind, "nanoseconds": best, "sums": sums, "instructions": ticks,
                   "cycles": cycles("clearbox"), "x_bochs": ratio(best.get("bochs"), best.get("clearbox")),
                   "x_qemu": ratio(best.get("qemu"), best.get("clearbox")),
                   "cycles_bochs": cycles("bochs"), "cycles_qemu": cycles("qemu")}
            rows.append(row)
            times = " ".join(f"{show(best[who] / 1e6 if who in best else None, 1):>9}"
                             for who in ("clearbox", "bochs", "qemu", "native"))
            print(f"{name:21} {kind:9} {times} {show(ticks / 1e6 if ticks else None, 1):>8} "
                  f"{show(row['cycles']):>6} {show(row['cycles_bochs'], 1):>7} {show(row['cycles_qemu'], 1):>7} "
                  f"{show(row['x_bochs']):>8} {show(row['x_qemu']):>8}  "
                  f"{next(iter(sums.values())) if same else 'DIFFERENT: ' + str(sums)}", flush=True)
        print(f"\ngeometric means {'':26} c/i  boc c/i  tcg c/i   x bochs    x qemu   x native")
        for kind in CLASSES:
            group = [row for row in rows if row["class"] == kind]
            if group:
                print(f"  {kind:35} {show(mean([row['cycles'] for row in group])):>9} "
                      f"{show(mean([row['cycles_bochs'] for row in group])):>8} "
                      f"{show(mean([row['cycles_qemu'] for row in group])):>8} "
                      f"{show(mean([row['x_bochs'] for row in group])):>9} "
                      f"{show(mean([row['x_qemu'] for row in group])):>9} "
                      + show(mean([ratio(row["nanoseconds"].get("native"), row["nanoseconds"].get("clearbox"))
                                   for row in group]), 4).rjust(10))
        bars = [("integer", "x_bochs", 6), ("x87", "x_bochs", 4), ("x87", "x_qemu", 1), ("sse", "x_bochs", 4),
                ("sse", "x_qemu", 1), ("system", "x_bochs", 3), ("system", "x_qemu", 1),
                ("integer64", "x_bochs", 6), ("sse64", "x_bochs", 4), ("sse64", "x_qemu", 1),
                ("sse-avx", "x_bochs", 4), ("sse-avx", "x_qemu", 1), ("system64", "x_bochs", 3)]
        for kind, which, bar in bars:
            value = mean([row[which] for row in rows if row["class"] == kind])
            if value:
                print(f"  {kind}: {value:.2f} times {which[2:]}, to be {bar}: {'reached' if value >= bar else 'MISSED'}")
        slower = [row["name"] for row in rows if row["x_bochs"] and row["x_bochs"] < 1]
        if "clearbox" in emulators and "bochs" in emulators:
            print("  slower than bochs: " + (", ".join(slower) or "nowhere"))
        linux = {guest or "32": boot_linux(emulators, folder, guest, image, options.repeat)
                 for guest, image in (("", options.linux), ("64", options.linux64)) if image}
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"clock_ghz": clock, "workloads": rows, "linux_seconds": linux}, file, indent=1)
    if wrong:
        sys.exit(f"{wrong} workloads have different checksums or did not end")


if __name__ == "__main__":
    main()

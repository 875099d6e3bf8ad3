#!/usr/bin/env python3
"""What a history costs while the speed guests run forward; on demand, after run.sh has built the guests.

usage: history.py CLEARBOX [--folder build-speed] [--budget MIB] [--repeat N] [WORKLOAD or CLASS...]

CPU time as measure.py has it, with -history and without, taking turns; the best of the repeats counts.
"""

import argparse
import os
import shutil
import sys
import tempfile

import measure


def main():
    top = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    parser = argparse.ArgumentParser()
    parser.add_argument("clearbox")
    parser.add_argument("--folder", default=os.path.join(top, "build-speed"))
    parser.add_argument("--budget", default="256")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("works", nargs="*")
    options = parser.parse_intermixed_args()
    plain, history = measure.command, []
    measure.command = lambda *arguments: plain(*arguments) + history
    costs = {}
    with tempfile.TemporaryDirectory(prefix="clearbox-history-") as folder:
        for guest in measure.GUESTS:
            shutil.copy(os.path.join(options.folder, f"speed{guest}.img"),
                        os.path.join(folder, f"current{guest}.img"))
        for guest, number, name, kind in measure.works():
            if options.works and name not in options.works and kind not in options.works:
                continue
            best = {}
            for turn in range(2 * options.repeat):
                history[:] = ["-history", options.budget] if turn % 2 else []
                got = measure.measure("clearbox", options.clearbox, folder, guest, number, 300)
                if isinstance(got, str):
                    sys.exit(f"history.py: {name}: {got}")
                best[turn % 2] = min(got[0], best.get(turn % 2, got[0]))
            costs.setdefault(kind, []).append(best[1] / best[0])
            print(f"{name:22} {kind:10} {best[0] / 1e6:8.1f} ms, with a history {best[1] / 1e6:8.1f}, "
                  f"{100 * (best[1] / best[0] - 1):5.1f} per cent more", flush=True)
    for kind, values in costs.items():
        print(f"{kind:22} {100 * (measure.mean(values) - 1):5.1f} per cent more (geometric mean)")


if __name__ == "__main__":
    main()

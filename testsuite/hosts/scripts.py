#!/usr/bin/env python3
"""Runs the tests that are scripts for a build of another host: each program of the build that a script starts
is handed to it as a small script that starts it in the emulator.

usage: scripts.py BUILD [EMULATOR...]       prints "ok: NAME", "skipped: NAME" or "FAILED: NAME" of each"""
import json
import os
import subprocess
import sys

BUILD, EMULATOR = os.path.realpath(sys.argv[1]), sys.argv[2:]
# What looks at the host that builds, or is run otherwise: docs, functions and symbols compare sources and symbol
# tables, which are not another host's; boots take hours in an emulator (linux.sh has two).
NOT_HERE = {"docs", "functions", "symbols", "tail calls", "boot"}
# for what looks at a clock: an emulator is as slow, and so is a host that is busy
SLOWNESS = 10


def wrapped(word):
    """What a script gets in place of a word of its command line."""
    path = os.path.join(BUILD, word)
    if not os.path.isfile(path) or os.path.commonpath([BUILD, path]) != BUILD or not EMULATOR:
        return word if not os.path.exists(path) else path
    with open(path, "rb") as file:
        if file.read(4) != b"\x7fELF":
            return word
    name = os.path.join(BUILD, "programs", os.path.basename(path))
    with open(name, "w") as file:
        file.write("#!/bin/sh\nexec %s '%s' \"$@\"\n" % (" ".join(EMULATOR), path))
    os.chmod(name, 0o755)
    return name


tests = json.loads(subprocess.run(["meson", "introspect", BUILD, "--tests"], capture_output=True, check=True).stdout)
os.makedirs(os.path.join(BUILD, "programs"), exist_ok=True)
for test in tests:
    command = test["cmd"]
    if os.path.realpath(os.path.join(BUILD, command[0])).startswith(BUILD + "/") or test["name"] in NOT_HERE:
        continue
    name = f"{test['suite'][0].split(':')[-1]} / {test['name']}"
    environment = dict(os.environ, CLEARBOX_TEST_SLOWNESS=str(SLOWNESS))
    environment.update((key, wrapped(value)) for key, value in test["env"].items())
    try:
        done = subprocess.run([command[0], *map(wrapped, command[1:])], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, text=True, errors="replace", cwd=BUILD, env=environment,
                              timeout=max(test["timeout"], 60) * SLOWNESS)
        output, status = done.stdout, done.returncode
    except subprocess.TimeoutExpired as late:
        output, status = (late.stdout or b"").decode(errors="replace") + "\nit took too long", 1
    if status not in (0, 77):
        print("\n".join(output.splitlines()[-60:]))
    print({0: "ok", 77: "skipped"}.get(status, "FAILED") + ": " + name, flush=True)

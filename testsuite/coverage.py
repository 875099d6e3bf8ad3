#!/usr/bin/env python3
"""What gcov counted in a build made with -Db_coverage=true: see coverage.sh.

usage: coverage.py BUILD SOURCE_ROOT
"""

import glob
import json
import os
import re
import subprocess
import sys

LEAST = 85
build, root = (os.path.realpath(name) for name in sys.argv[1:3])
lines = {}          # file -> line -> count; a file compiled more than once counts as one
functions = {}      # name -> (file, line, count)

counters = []
for folder, _, names in os.walk(build):
    counters += [os.path.join(folder, name) for name in names if name.endswith(".gcno")]
for start in range(0, len(counters), 40):
    done = subprocess.run(["gcov", "--json-format", "--stdout", *counters[start:start + 40]],
                          cwd=build, capture_output=True, text=True)
    for text in done.stdout.splitlines():
        if not text.startswith("{"):
            continue
        document = json.loads(text)
        for entry in document["files"]:
            path = os.path.realpath(os.path.join(document["current_working_directory"], entry["file"]))
            name = os.path.relpath(path, root)
            if not name.startswith(("core/", "devices/")):
                continue
            counts = lines.setdefault(name, {})
            for line in entry["lines"]:
                number = line["line_number"]
                counts[number] = counts.get(number, 0) + line["count"]
            for function in entry["functions"]:
                key = name, function["name"]
                before = functions.get(key, (0, 0))[1]
                functions[key] = function["start_line"], before + function["execution_count"]
if not lines:
    sys.exit("coverage.py: nothing was counted in " + build)

public = set()
for header in glob.glob(os.path.join(root, "include", "clearbox", "*.h")):
    with open(header, encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.DOTALL)
    for declaration in re.findall(r"CBX_API([^;{]*)[;{]", text):
        match = re.search(r"\b(cbx_\w+)\s*\(", declaration)
        if match:
            public.add(match[1])
called = {name for (_, name), (_, count) in functions.items() if count}
known = {name for _, name in functions}


def share(names):
    total = sum(len(lines[name]) for name in names)
    ran = sum(sum(count > 0 for count in lines[name].values()) for name in names)
    return ran, total


def row(name, ran, total):
    print(f"{100 * ran / max(total, 1):6.1f}%  {ran:6} of {total:6}  {name}")


print("Files with the least of their lines run:")
ranked = sorted(lines, key=lambda name: share([name])[0] / max(share([name])[1], 1))
for name in ranked[:25]:
    row(name, *share([name]))
print("Functions that nothing called:")
for (name, function), (line, count) in sorted(functions.items(), key=lambda item: (item[0][0], item[1][0])):
    if not count:
        print(f"    {name}:{line} {function}")
print("Lines run:")
failed = 0
for folder in ("core", "devices"):
    ran, total = share([name for name in lines if name.startswith(folder + "/")])
    row(folder, ran, total)
    failed += 100 * ran < LEAST * total
silent = sorted(public - called)
print(f"Public functions called: {len(public) - len(silent)} of {len(public)}")
for name in silent:
    print(f"    not called: {name}" + ("" if name in known else " (nothing has it)"))
failed += bool(silent)
print(f"{3 - failed} passed, {failed} failed")
sys.exit(failed != 0)

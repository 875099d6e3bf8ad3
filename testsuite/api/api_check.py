#!/usr/bin/env python3
"""Is every public function documented, and called by tests with good and with bad arguments?  Do the
project's devices include the public headers alone?

usage: api_check.py SOURCE [libclearbox.so]

A function's paragraph is the comment above it (declarations that follow each other without an empty
line share one) or beside it.  What returns cbx_status names its errors there.  A call counts as bad
when a test gives it NULL or expects an error of it, or when it takes nothing that could be wrong.
"""
import glob
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs"))
from reference import functions  # noqa: E402


def main():
    source = sys.argv[1]
    problems = []
    declared = {}
    for header in sorted(glob.glob(os.path.join(source, "include", "clearbox", "*.h"))):
        for function in functions(open(header).read()):
            function.header = os.path.basename(header)
            declared[function.name] = function
    with open(os.path.join(source, "testsuite", "api", "meson.build"), encoding="utf-8") as file:
        listed = file.read()
    with open(os.path.join(source, "include", "clearbox", "clearbox.h"), encoding="utf-8") as file:
        whole = file.read()
    for header in sorted(os.listdir(os.path.join(source, "include", "clearbox"))):
        if f"'{header}'" not in listed:
            problems.append(f"{header} is not among the public_headers of testsuite/api/meson.build")
        if header != "clearbox.h" and f'"{header}"' not in whole:
            problems.append(f"{header} is not in clearbox.h")
    for f in declared.values():
        if not f.comment:
            problems.append(f"{f.header}: {f.name} has no comment")
        elif f.result == "enum cbx_status" and "CBX_ERROR" not in f.comment and "Errors: as" not in f.comment:
            problems.append(f"{f.header}: {f.name} returns a cbx_status, and its comment names no error")

    if len(sys.argv) > 2:
        lines = subprocess.run(["nm", "-D", "--defined-only", sys.argv[2]], capture_output=True, text=True,
                               check=True).stdout.split("\n")
        exported = {line.split()[-1].split("@")[0] for line in lines if line}
        exported = {name for name in exported if name.startswith("cbx_")}
        problems += [f"{name} is exported, and no public header declares it" for name in exported - set(declared)]
        problems += [f"{name} is declared, and not exported" for name in set(declared) - exported]

    tests = ""
    for folder in ("api", "unit", "devices", "state", "history", "monitor", "gdb", "hosts", "fuzz", "sound"):
        for name in glob.glob(os.path.join(source, "testsuite", folder, "*.c")):
            if "fake_machine" not in name and "stub_cpu" not in name:
                tests += open(name).read()
    for f in declared.values():
        calls = [m.end() for m in re.finditer(rf"\b{f.name}\(", tests)]
        bad = f.parameters == "void" or f.harmless
        for at in calls:
            text = tests[at:at + 400]
            statement = text[:text.find(";")] if ";" in text else text
            before = tests[max(0, at - 120):at]
            before = before[before.rfind(";") + 1:]
            bad = bad or "NULL" in statement or "CBX_ERROR" in statement or "REFUSED" in before or "_ERROR_" in before or "assert_null" in before
        if not calls:
            problems.append(f"{f.header}: no test calls {f.name}")
        elif not bad:
            problems.append(f"{f.header}: no test gives {f.name} a bad argument")
    # The project's devices are made of the public headers, the C library, and each other.
    for path in glob.glob(os.path.join(source, "devices", "*.[ch]")):
        for quote, name in re.findall(r'^#include ([<"])([^>"]+)[>"]', open(path).read(), re.M):
            own = quote == '"' and os.path.exists(os.path.join(source, "devices", name)) and ".." not in name
            if not own and not name.startswith("clearbox/") and (quote == '"' or "/" in name):
                problems.append(f"{os.path.basename(path)} includes {name}")

    for problem in problems:
        print(problem)
    print(f"{len(declared)} functions, {len(problems)} problems")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Holds the documentation to the code: files, folders and functions that it names in `code` must
exist, and the C files that it shows must compile.

usage: docs_names.py SOURCE_ROOT COMPILER...
"""

import os
import re
import subprocess
import sys
import tempfile

FOLDERS = ("include", "core", "devices", "frontend", "bios", "testsuite", "docs")
SUFFIXES = (".c", ".h", ".S", ".py", ".sh", ".asm", ".md", ".asl", ".build")
root, compiler = sys.argv[1], sys.argv[2:]
problems = []

files = []
for folder in FOLDERS:
    for place, _, names in os.walk(os.path.join(root, folder)):
        files += [os.path.join(place, name) for name in names]
known = set()
for name in files:
    if not name.endswith(".md"):
        with open(name, encoding="utf-8", errors="replace") as file:
            known.update(re.findall(r"[A-Za-z_]\w*", file.read()))


def path_exists(path):
    full = os.path.join(root, path)
    if "*" in path:
        pattern = re.escape(full).replace(r"\*", "[^/]*")
        return any(re.fullmatch(pattern, name) for name in files)
    return os.path.isdir(full) if path.endswith("/") else os.path.isfile(full)


def check_span(page, line, span):
    for word in re.findall(r"[\w./*-]+", span):
        if word.split("/")[0] in FOLDERS and (word.endswith("/") or word.endswith(SUFFIXES)):
            if not path_exists(word):
                problems.append(f"{page}:{line}: there is no {word}")
    # a function or constant: one word with an underscore, maybe with arguments behind it
    name = re.fullmatch(r"([A-Za-z]\w*_\w*)(\([^)]*\))?", span)
    if name and not name[1].endswith("_") and name[1] not in known and name[1] not in shown:
        problems.append(f"{page}:{line}: nothing is called {name[1]}")


def check_example(page, line, text):
    with tempfile.NamedTemporaryFile("w", suffix=".c") as file:
        file.write(text)
        file.flush()
        done = subprocess.run([*compiler, "-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
                               "-I", os.path.join(root, "include"), file.name],
                              capture_output=True, text=True)
    if done.returncode:
        problems.append(f"{page}:{line}: the example does not compile:\n{done.stderr}")


pages = [os.path.join("docs", name) for name in sorted(os.listdir(os.path.join(root, "docs")))
         if name.endswith(".md")] + ["README.md"]
for page in pages:
    with open(os.path.join(root, page), encoding="utf-8") as file:
        text = file.read()
    shown = set()
    for match in re.finditer(r"^```c\n(.*?)^```$", text, re.M | re.S):
        shown.update(re.findall(r"[A-Za-z_]\w*", match[1]))
        if match[1].startswith("/*") and "#include <clearbox/" in match[1]:
            check_example(page, text[:match.start()].count("\n") + 1, match[1])
    blank = re.sub(r"^```.*?^```$", lambda m: "\n" * m[0].count("\n"), text, flags=re.M | re.S)
    for match in re.finditer(r"`([^`]+)`", blank):
        check_span(page, blank[:match.start()].count("\n") + 1, " ".join(match[1].split()))

for problem in problems:
    print(problem)
print(f"{len(pages)} pages, {len(problems)} problems")
sys.exit(bool(problems))

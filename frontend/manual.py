#!/usr/bin/env python3
"""Makes the manual page of what the program says of itself (-help, the monitor's help), so that no
option and no command can be missing.  usage: manual.py CLEARBOX PAGE"""
import re
import subprocess
import sys


def quote(text):
    """As roff wants it."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"(?m)^([.'])", r"\\&\1", text)


def run(program, *options, text=""):
    done = subprocess.run([program, *options], input=text, capture_output=True, text=True, timeout=60)
    if done.returncode:
        sys.exit(f"manual.py: {program} {' '.join(options)} failed: {done.stderr}")
    return done.stdout


def options(lines):
    """The table of -help: groups, options, and lines that go on."""
    for line in lines:
        group = re.fullmatch(r"(\S.*):", line)
        option = re.fullmatch(r"  -(\S+)(.*)", line)
        more = re.fullmatch(r" {20,}(\S.*)", line)
        if group:
            yield f".SS {quote(group[1])}\n"
        elif option:
            rest = re.fullmatch(r"( \S+)? +(.*)", option[2]) or re.fullmatch(r"()(.*)", option[2])
            argument = (rest[1] or "").strip()
            yield f".TP\n.B \\-{quote(option[1])}" + (f" \\fI{quote(argument)}\\fR" if argument else "") + "\n"
            yield quote(rest[2].strip()) + "\n"
        elif more:
            yield quote(more[1]) + "\n"


def commands(text):
    for line in text.replace("(clearbox) ", "").splitlines():
        row = re.fullmatch(r"(\S.*?)(?:  +| (?=[a-z]))(\S.*)", line)
        if row and not line.startswith("clearbox"):
            head, tail = re.fullmatch(r"(.{34}|\S.*?  +)\s*(.*)", line).groups() if len(line) > 34 else row.groups()
            yield f".TP\n.B {quote(head.strip())}\n{quote(tail.strip())}\n"


def page(program):
    text = run(program, "-help")
    version = run(program, "-version").split()[1]
    keys = re.search(r"(?ms)^(Keys in a .*?)\n\n", text)[1]
    codes = re.search(r"(?ms)^Exit codes: (.*)", text)[1]
    table = text[text.index(":\n") - 20:text.index("Keys in a")].split("\n")
    said = run(program, "-display", "none", "-monitor", "stdio", "-S", text="help\nquit\n")
    topics = run(program, "-display", "none", "-monitor", "stdio", "-S", text="help info\nquit\n")
    yield f'.TH CLEARBOX 1 "" "clearbox {version}" "Clearbox"\n.SH NAME\nclearbox \\- a PC, emulated\n'
    yield (".SH SYNOPSIS\n.B clearbox\n[\\fIOPTION\\fR]... [\\fIDISK\\fR]\n.br\n.B clearbox doctor\n"
           ".SH DESCRIPTION\nClearbox is an emulator of a whole x86 PC.  It interprets: it makes no code at run time and\n"
           "needs no special rights.  A raw disk image, a CD image or a floppy image is all it takes; without any it\n"
           "shows a demonstration of its own.  Options have QEMU's names where QEMU has the option.\n.PP\n"
           "\\fBclearbox doctor\\fR says what this build and this host have, and what to install for the rest.\n")
    yield ".SH OPTIONS\n" + "".join(options(table))
    yield f".SH KEYS\n.nf\n{quote(keys)}\n.fi\n"
    yield (".SH MONITOR\nCommands come from \\fB\\-monitor\\fR, from Ctrl\\-A C in a terminal, and from gdb's \\fBmonitor\\fR.\n"
           "Words with blanks in them stand in \"...\".  Addresses and values are expressions: C's operators, $rax, names\n"
           "of symbols, byte(A), word(A), dword(A), qword(A).\n" + "".join(commands(said)))
    yield ".SS Topics of info\n" + "".join(commands(topics))
    yield (".SH FILES\nA file for \\fB\\-f\\fR has one option a line, \\fIname\\fB = \\fIvalue\\fR; the name is the option's\n"
           "without the dash, and \\fBdisk\\fR is a disk without an option.  Lines that begin with # are comments.\n"
           "\\fB\\-writeconfig\\fR makes such a file.\n")
    yield f".SH EXIT STATUS\n{quote(codes.strip())}\n"
    yield (".SH EXAMPLES\n.nf\nclearbox disk.img\nclearbox \\-snapshot disk.img\n"
           "clearbox \\-cdrom install.iso \\-hda disk.img \\-boot d\n"
           "clearbox \\-kernel vmlinuz \\-initrd initrd.gz \\-append console=ttyS0 \\-nographic\n"
           "clearbox \\-display none \\-monitor unix:/tmp/monitor \\-s \\-S disk.img\n.fi\n")


if __name__ == "__main__":
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.writelines(page(sys.argv[1]))

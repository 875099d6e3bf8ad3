#!/usr/bin/env python3
"""What surrounds the program: configuration files, the doctor, the manual page and bash's completion,
held to the table of options.  usage: test_program.py CLEARBOX SOURCE_ROOT [PAGE]"""
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM, ROOT = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
PAGE = sys.argv[3] if len(sys.argv) > 3 else None
FOLDER = tempfile.mkdtemp()


def path(name):
    return os.path.join(FOLDER, name)


def read(name):
    with open(path(name), "rb") as file:
        return file.read()


def run(*options, **more):
    return subprocess.run([PROGRAM, *options], capture_output=True, text=True, timeout=60, cwd=FOLDER, **more)


def table():
    """The options' names, as the source has them."""
    with open(os.path.join(ROOT, "frontend", "options.c"), encoding="utf-8") as file:
        text = file.read()
    return set(re.findall(r'(?m)^\t\{ "([\w-]+)", (?:NULL|"|CPU)', text[text.index("struct option table[]"):]))


class Config(unittest.TestCase):
    def write(self, text, name="pc.ini"):
        with open(path(name), "w") as file:
            file.write(text)
        return path(name)

    def settings(self, *options):
        done = run(*options, "-writeconfig", "-")
        self.assertEqual(done.returncode, 0, done.stderr)
        return [line for line in done.stdout.splitlines() if not line.startswith("#")]

    def test_names_and_values(self):
        file = self.write('# a PC\n; too\n\n  m=16\n-cpu =  486 \nsnapshot\nno-reboot = no\n'
                          'append = "  console=ttyS0  "\nkernel = a b\nserial = null\nserial = pty\r\ndisk = x.img')
        self.assertEqual(self.settings("-f", file),
                         ["m = 16", "cpu = 486", "snapshot = yes", 'append = "  console=ttyS0  "', "kernel = a b",
                          "serial = null", "serial = pty", "disk = x.img"])

    def test_command_line_wins(self):
        file = self.write("m = 16\ncpu = 486\nserial = null\nserial = null\ndisk = x.img\nsnapshot = on\n")
        for options in (["-f", file, "-m", "32", "-serial", "pty", "y.img"],
                        ["-m", "32", "-serial", "pty", "y.img", "-f", file]):
            self.assertEqual(self.settings(*options),
                             ["cpu = 486", "snapshot = yes", "m = 32", "serial = pty", "disk = y.img"])

    def test_again(self):
        one = run("-m", "32", "-cpu", "486", "-snapshot", "-append", "", "-kernel", " x ", "-writeconfig", path("a.ini"))
        self.assertEqual(one.returncode, 0, one.stderr)
        self.assertEqual(self.settings("-f", path("a.ini")), [
            "m = 32", "cpu = 486", "snapshot = yes", 'append = ""', 'kernel = " x "'])

    def test_errors(self):
        for text, message in [("m = 12q\n", "pc.ini:1: -m 12q: not a size"),
                              ("\n\nkernal = x", "pc.ini:3: -kernal: no such option; did you mean -kernel?"),
                              ("snapshot = maybe", "pc.ini:1: snapshot = maybe: it is yes or no"),
                              ("[machine]\nm = 1", "pc.ini:1: [machine]: not name = value"),
                              ("two words = 3", "not name = value"), ("= 3", "not name = value"),
                              ("m", "pc.ini:1: m: it needs a value; try m = SIZE"),
                              ("help", "for the command line"), ("f = x", "for the command line"),
                              ("cpu = hasswell", "pc.ini:1: -cpu hasswell"), ("a\0b", "NUL byte")]:
            done = run("-f", self.write(text), "-timeout", "1")
            self.assertEqual(done.returncode, 2, text)
            self.assertIn(message, done.stderr)
        for name, message in [(FOLDER, "no file"), (path("none"), "No such file"), ("/dev/zero", "no file")]:
            done = run("-f", name)
            self.assertEqual(done.returncode, 2)
            self.assertIn(message, done.stderr)
        with open(path("large.ini"), "wb") as file:
            file.truncate(2 << 20)
        self.assertIn("larger than a MiB", run("-f", path("large.ini")).stderr)
        self.assertIn("more than 8 files", run(*["-f", self.write("m = 16")] * 9).stderr)
        self.assertEqual(run("-writeconfig", "/nonexistent/x").returncode, 2)
        self.assertIn("more than one line", run("-append", "a\nb", "-kernel", "x", "-writeconfig", "-").stderr)
        # what cannot be written whole leaves the old one alone
        old = self.write("m = 16")
        for options in (["-append", "a\nb", "-kernel", "x"], ["-m", "16"] * 257):
            self.assertEqual(run(*options, "-writeconfig", old).returncode, 2)
            with open(old) as file:
                self.assertEqual(file.read(), "m = 16")

    def test_writes_whole(self):
        """What a full disk does not take leaves the old file, and nothing beside it."""
        def full():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))

        old = self.write("m = 16\n", "whole.ini")
        os.chmod(old, 0o640)
        os.symlink("whole.ini", path("link.ini"))
        before = sorted(os.listdir(FOLDER))
        done = run("-append", "x" * 500, "-kernel", "y", "-writeconfig", old, preexec_fn=full)
        self.assertEqual(done.returncode, 2)
        self.assertIn("whole.ini: File too large", done.stderr)
        self.assertEqual(read("whole.ini").decode(), "m = 16\n")
        self.assertEqual(sorted(os.listdir(FOLDER)), before)
        self.assertEqual(run("-m", "32", "-writeconfig", path("link.ini")).returncode, 0)
        self.assertIn("m = 32\n", read("whole.ini").decode())
        self.assertTrue(os.path.islink(path("link.ini")))
        self.assertEqual(os.stat(old).st_mode & 0o777, 0o640)
        self.assertEqual(sorted(os.listdir(FOLDER)), before)
        done = run("-hda", old, "-writeconfig", path("link.ini"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("that is the file of -hda; try another name", done.stderr)
        self.assertIn("m = 32\n", read("whole.ini").decode())
        self.assertEqual(run("-writeconfig", "/dev/full").returncode, 2)

    def test_garbage(self):
        draw = random.Random(8)
        words = ["m", "cpu", "=", " ", "\n", '"', "#", "-", "serial", "file:", ",", "nic", "\x80", "\r", "%s", "[", "16"]
        for _ in range(60):
            done = run("-f", self.write("".join(draw.choice(words) for _ in range(40))), "-writeconfig", path("out"))
            self.assertIn(done.returncode, (0, 2))
            self.assertNotIn("Sanitizer", done.stderr)


class Output(unittest.TestCase):
    """A file that this machine uses, or another one, is never overwritten."""

    def setUp(self):
        for name in ("disk.img", "cd.iso"):
            with open(path(name), "wb") as file:
                file.write(b"precious" * 8192)
        with open(path("rom"), "wb") as file:
            file.write(b"\x55\xaa\x01\xcb" + bytes(507) + b"\x35")
        os.link(path("disk.img"), path("other.img"))
        os.symlink("cd.iso", path("link"))
        self.before = {name: read(name) for name in ("disk.img", "cd.iso", "rom")}

    def tearDown(self):
        for name in ("disk.img", "cd.iso", "rom", "other.img", "link"):
            os.unlink(path(name))

    def check(self, *options, code=4, **more):
        done = run("-display", "none", "-hda", "disk.img", "-cdrom", "cd.iso", "-optionrom", "rom", "-max-insns", "1000",
                   *options, **more)
        self.assertIn(code, (None, done.returncode), done.stderr)
        for name, bytes in self.before.items():
            self.assertEqual(read(name), bytes, f"{name}: {options}")
        return done

    def test_options(self):
        for name in ("disk.img", "other.img", "link", "rom"):
            for option, prefix in (("-log", ""), ("-audio", "wav="), ("-serial", "file:"), ("-debugcon", "file:"),
                                   ("-nic", "socket,listen=./cable,capture=")):
                self.assertIn("in use", self.check(option, prefix + name).stderr)
            self.assertIn("in use", self.check("-screen-text", name, code=None).stderr)

    def test_snapshot(self):
        self.assertIn("in use", self.check("-snapshot", "-log", "disk.img").stderr)

    def test_monitor(self):
        commands = [f"{command} {name}" for command in ("screendump", "trace", "savevm")
                    for name in ("disk.img", "other.img", "cd.iso", "rom")]
        done = self.check("-S", "-monitor", "stdio", "-timeout", "20", code=None, input="\n".join(commands + ["quit", ""]))
        self.assertEqual((done.stdout + done.stderr).count("in use"), 8, done.stdout + done.stderr)

    def test_another(self):
        """A disk that another one uses."""
        with open(path("third.img"), "wb") as file:
            file.write(bytes(65536))
            file.flush()
            other = subprocess.Popen([PROGRAM, "-display", "none", "-S", "-timeout", "60", "-hda", path("third.img"),
                                      "-serial", "file:" + path("started")])
            try:
                end = time.monotonic() + 30
                while not os.path.exists(path("started")) and time.monotonic() < end:
                    time.sleep(0.02)
                self.assertIn("in use", self.check("-log", "third.img").stderr)
            finally:
                other.kill()
                other.wait()
        self.assertEqual(os.path.getsize(path("third.img")), 65536)

    def test_ordinary(self):
        """Anything else is, as one is used to."""
        with open(path("old.log"), "w") as file:
            file.write("x" * 100000)
        self.check("-log", "old.log", code=None)
        self.assertLess(os.path.getsize(path("old.log")), 100000)


class Pages(unittest.TestCase):
    def test_doctor(self):
        done = run("doctor")
        self.assertEqual(done.returncode, 0, done.stderr)
        for word in ("speed", "firmware", "-nic user", "monitor", "screenshots", "terminal"):
            self.assertIn(word, done.stdout)
        self.assertRegex(done.stdout, "KVM is not used|build with optimisation")

    def test_help(self):
        listed = set(re.findall(r"(?m)^  -([\w-]+)", run("-help").stdout))
        self.assertGreater(len(table()), 40)
        self.assertEqual(table() - listed, set())

    def test_manual(self):
        if not PAGE:
            self.skipTest("a cross build makes no page")
        with open(PAGE, encoding="utf-8") as file:
            text = file.read()
        for name in table():
            self.assertIn("\n.B \\-" + name.replace("-", "\\-"), text)
        for command in ("system_reset", "savevm", "info mtree", "info pci", "walk", "break"):
            self.assertIn("\n.B " + command, text)
        if shutil.which("groff"):
            done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", PAGE], capture_output=True, text=True)
            self.assertEqual(done.stderr, "")

    def test_completion(self):
        if not shutil.which("bash"):
            self.skipTest("there is no bash")
        script = """PATH=%s:$PATH; . %s/frontend/clearbox.bash
            try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _clearbox; echo "${COMPREPLY[@]}"; }
            try clearbox -; try clearbox -cpu 48; try clearbox -display t; try clearbox doc""" % (FOLDER, ROOT)
        os.symlink(PROGRAM, path("clearbox"))
        os.mkdir(path("empty"))
        lines = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=path("empty")).stdout.splitlines()
        self.assertEqual({"-" + name for name in table()} - set(lines[0].split()), set())
        self.assertEqual(lines[1:], ["486", "terminal", "doctor"])


try:
    unittest.main(argv=[sys.argv[0]], verbosity=1)
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)

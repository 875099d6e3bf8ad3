"""Starts an emulator with a guest in it and talks to that guest, as a person at its console would.

Two ways in: the first serial port on the emulator's standard input and output, and the emulator's
text display inside a terminal (tmux is the terminal: it can type, and says what the screen shows).
Works with clearbox and, so that the tests themselves can be tested, with qemu-system-i386.
"""

import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time


class Failure(Exception):
    """What a guest did not do."""


EMULATOR = os.environ.get("EMULATOR", "clearbox")
SLOWNESS = float(os.environ.get("CLEARBOX_TEST_SLOWNESS", "1"))


def emulator_is_clearbox():
    return "qemu" not in os.path.basename(EMULATOR)


def command_line(arguments, display):
    """The emulator's command line for the given guest options; both speak QEMU's spelling."""
    if emulator_is_clearbox():
        pace = () if "-pace" in arguments else ("-speed", "max")
        return [EMULATOR, *arguments, *(("-display", "terminal", *pace) if display else ("-display", "none"))]
    return [EMULATOR, "-accel", "tcg", "-net", "none", *arguments,
            "-display", "curses" if display else "none"]


class Process:
    """What both kinds of guest share: the child's life, its CPU time and its log."""

    def __init__(self, log):
        self.log = log
        self.pid = None
        self.status = None

    def note(self, text):
        self.log.write(f"\n=== {text}\n".encode())
        self.log.flush()

    def alive(self):
        if self.status is None:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
                self.cpu_seconds = usage.ru_utime + usage.ru_stime
        return self.status is None

    def cpu_time(self):
        """Host CPU seconds the running emulator has used so far."""
        fields = open(f"/proc/{self.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        """The most host memory the running emulator has had, in KiB."""
        return int(re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{self.pid}/status").read())[1])


class SerialGuest(Process):
    """A guest whose first serial port is our end of a pipe."""

    def __init__(self, arguments, log, prefix=()):
        """prefix: what is before the emulator's command line; it ends by becoming the emulator."""
        super().__init__(log)
        line = [*prefix, *command_line([*arguments, "-serial", "stdio"], False)]
        if not emulator_is_clearbox():
            line += ["-monitor", "none"]
        self.note(" ".join(line))
        self.child = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        self.pid = self.child.pid
        self.text = ""
        self.ended = False
        self.prompt = "clearbox# "

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.alive():
            os.kill(self.pid, signal.SIGKILL)
            _, status, usage = os.wait4(self.pid, 0)
            self.status = os.waitstatus_to_exitcode(status)
            self.cpu_seconds = usage.ru_utime + usage.ru_stime
        self.child.returncode = self.status
        self.child.stdin.close()
        self.child.stdout.close()

    def read(self, seconds):
        ready, _, _ = select.select([self.child.stdout], [], [], max(seconds, 0))
        if not ready:
            return False
        data = os.read(self.child.stdout.fileno(), 65536)
        if not data:
            self.ended = True
            return False
        self.log.write(data)
        self.log.flush()
        self.text += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", data.decode("latin-1")).replace("\r", "")
        return True

    def expect(self, pattern, seconds):
        """Waits until the guest has said pattern; forgets what came before it. Returns the match."""
        end = time.monotonic() + seconds * SLOWNESS
        while True:
            match = re.search(pattern, self.text)
            if match:
                self.text = self.text[match.end():]
                return match
            panic = re.search(r"Kernel panic.*|\w+ detected a guest failure.*", self.text)
            if panic:
                raise Failure(f"waiting for {pattern!r}: {panic[0]}")
            if self.ended:
                raise Failure(f"ended before it said {pattern!r}")
            if time.monotonic() > end:
                raise Failure(f"did not say {pattern!r} in {seconds * SLOWNESS:.0f} s")
            self.read(min(1.0, end - time.monotonic()))

    def send(self, text):
        self.note(f"typed: {text!r}")
        try:
            self.child.stdin.write(text.encode())
            self.child.stdin.flush()
        except BrokenPipeError:
            raise Failure(f"ended before it could be told {text!r}") from None

    def command(self, line, seconds=60):
        """Runs a shell command in the guest; returns what it printed. It must succeed."""
        # the echo of what was typed must not look like the marks
        self.send("echo =be''gin=; " + line + "; echo =$?=\n")
        match = self.expect(r"(?s)=begin=\n(.*?)=(\d+)=\n.*?" + self.prompt, seconds)
        if match[2] != "0":
            raise Failure(f"{line!r} ended with status {match[2]}: {match[1]!r}")
        return match[1].strip()

    def finish(self, seconds, status=0):
        """Waits for the emulator to end by itself, with the given exit status."""
        end = time.monotonic() + seconds * SLOWNESS
        while self.alive():
            if time.monotonic() > end:
                raise Failure(f"did not end in {seconds * SLOWNESS:.0f} s")
            if self.ended or not self.read(0.2):
                time.sleep(0.05)
        while self.read(0):
            pass
        if self.status != status:
            raise Failure(f"ended with exit status {self.status} instead of {status}")


class ScreenGuest(Process):
    """A guest seen and typed at through the emulator's display in a terminal."""

    def __init__(self, arguments, log):
        super().__init__(log)
        if not shutil.which("tmux"):
            raise Failure("tmux is not installed")
        self.folder = tempfile.mkdtemp(prefix="clearbox-")
        line = command_line([*arguments, "-serial", "null"], True)
        self.note(" ".join(line))
        script = os.path.join(self.folder, "run")
        with open(script, "w") as file:
            quoted = " ".join("'" + word.replace("'", "'\\''") + "'" for word in line)
            file.write(f"echo $$ >{self.folder}/pid.new && mv {self.folder}/pid.new {self.folder}/pid\n")
            # a child and not exec: its exit status is wanted after the terminal is gone
            file.write(f"{quoted} 2>{self.folder}/stderr\necho $? >{self.folder}/status\n")
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "50", f"sh {script}")

    def tmux(self, *arguments):
        environment = {key: value for key, value in os.environ.items() if key != "TMUX"}
        environment["LC_ALL"] = "C.UTF-8"
        environment["COLORTERM"] = "truecolor"
        return subprocess.run(["tmux", "-S", os.path.join(self.folder, "socket"), *arguments],
                              capture_output=True, env=environment).stdout.decode(errors="replace")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.note("screen at the end:\n" + self.last_screen())
        try:
            shell = int(open(os.path.join(self.folder, "pid")).read())
            for child in subprocess.run(["ps", "-o", "pid=", "--ppid", str(shell)],
                                        capture_output=True).stdout.split():
                os.kill(int(child), signal.SIGTERM)
                time.sleep(0.2)
                os.kill(int(child), signal.SIGKILL)
        except (OSError, ValueError):
            pass
        try:
            self.note("standard error:\n" + open(os.path.join(self.folder, "stderr")).read())
        except OSError:
            pass
        self.tmux("kill-server")
        shutil.rmtree(self.folder, ignore_errors=True)

    def last_screen(self):
        return getattr(self, "seen", "")

    def ended(self):
        path = os.path.join(self.folder, "status")
        return os.path.exists(path) and open(path).read().strip() != ""

    def screen(self):
        text = self.tmux("capture-pane", "-p")
        if text.strip():
            self.seen = text
        return text

    def expect(self, pattern, seconds):
        """Waits until the screen shows pattern. Returns the match."""
        end = time.monotonic() + seconds * SLOWNESS
        while True:
            text = self.screen()
            match = re.search(pattern, text)
            if match:
                return match
            if "Kernel panic" in text:
                raise Failure(f"waiting for {pattern!r}: kernel panic")
            if self.ended():
                raise Failure(f"ended before the screen showed {pattern!r}")
            if time.monotonic() > end:
                raise Failure(f"the screen did not show {pattern!r} in {seconds * SLOWNESS:.0f} s")
            time.sleep(0.3)

    def picture(self):
        """A graphics screen as the terminal shows it, in half blocks: a list of (red, green, blue)."""
        dots = []
        for line in self.tmux("capture-pane", "-p", "-e").splitlines():
            upper = lower = (0, 0, 0)
            for colours, character in re.findall(r"\x1b\[([0-9;]*)m|([^\x1b])", line):
                if character:
                    dots += (upper, lower) if character == "\u2580" else (lower, lower)
                for plane, *colour in re.findall(r"([34])8;2;(\d+);(\d+);(\d+)", colours):
                    colour = tuple(map(int, colour))
                    upper, lower = (colour, lower) if plane == "3" else (upper, colour)
                if not character and re.fullmatch("0?", colours):
                    upper = lower = (0, 0, 0)
        return dots

    def expect_picture(self, what, test, seconds):
        """Waits until test says of the picture that it is the one."""
        end = time.monotonic() + seconds * SLOWNESS
        while True:
            dots = self.picture()
            if test(dots):
                self.note(f"picture: {what}")
                return dots
            if self.ended():
                raise Failure(f"ended before the screen showed {what}")
            if time.monotonic() > end:
                raise Failure(f"the screen did not show {what} in {seconds * SLOWNESS:.0f} s")
            time.sleep(0.3)

    def send(self, text):
        self.note(f"typed: {text!r}")
        for part in re.findall(r"[^\n]+|\n", text):
            if part == "\n":
                self.tmux("send-keys", "Enter")
                continue
            for character in part:
                # one key at a time, as a person types: a burst is more than a keyboard's buffer holds
                self.tmux("send-keys", "-l", "--", character)
                time.sleep(0.03)

    def key(self, name):
        self.tmux("send-keys", name)

    def finish(self, seconds, status=0):
        end = time.monotonic() + seconds * SLOWNESS
        while not self.ended():
            self.screen()
            if time.monotonic() > end:
                raise Failure(f"did not end in {seconds * SLOWNESS:.0f} s")
            time.sleep(0.2)
        got = int(open(os.path.join(self.folder, "status")).read())
        if got != status:
            raise Failure(f"ended with exit status {got} instead of {status}")

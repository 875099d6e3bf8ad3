#!/usr/bin/env python3
"""The window as a person meets it: boots Linux in it under Xvfb, types by real key events, and looks.

usage: EMULATOR=path/to/clearbox python3 testsuite/window/run.py

Needs Xvfb, xdotool, openbox and nasm (xclip for the clipboard); says SKIP and ends with 77 where they are not. Pictures
of the steps are kept in $CLEARBOX_WINDOW_PICTURES if that is set. The last line is "N passed, N failed".
"""

import glob
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
EMULATOR = os.path.abspath(os.environ.get("EMULATOR", "clearbox"))
SLOWNESS = float(os.environ.get("CLEARBOX_TEST_SLOWNESS", "1"))
PICTURES = os.environ.get("CLEARBOX_WINDOW_PICTURES")
SCREEN = (1024, 768)
CHOSEN = (0x2c, 0x6b, 0xc9)     # the ground of the menu's chosen row

# Every key of a 104-key board: X's name (or number: xdotool presses others too for 62,
# the right Shift, 133 and 134, the Win keys, 135, Menu, 105 and 108, the right Ctrl and Alt, 107, 127), and what a PC keyboard sends when it is pressed and let go.
KEYS = """Escape 01 F1 3b F2 3c F3 3d F4 3e F5 3f F6 40 F7 41 F8 42 F9 43 F10 44 F11 57 Scroll_Lock 46
grave 29 1 02 2 03 3 04 4 05 5 06 6 07 7 08 8 09 9 0a 0 0b minus 0c equal 0d BackSpace 0e Tab 0f
q 10 w 11 e 12 r 13 t 14 y 15 u 16 i 17 o 18 p 19 bracketleft 1a bracketright 1b backslash 2b Caps_Lock 3a
a 1e s 1f d 20 f 21 g 22 h 23 j 24 k 25 l 26 semicolon 27 apostrophe 28 Return 1c Shift_L 2a
z 2c x 2d c 2e v 2f b 30 n 31 m 32 comma 33 period 34 slash 35 62 36 Control_L 1d Alt_L 38 space 39
Insert e052 Home e047 Prior e049 Delete e053 End e04f Next e051 Up e048 Left e04b Down e050 Right e04d
Num_Lock 45 KP_Divide e035 KP_Multiply 37 KP_Subtract 4a KP_Add 4e KP_Enter e01c KP_Home 47 KP_Up 48 KP_Prior 49
KP_Left 4b KP_Begin 4c KP_Right 4d KP_End 4f KP_Down 50 KP_Next 51 KP_Insert 52 KP_Delete 53
133 e05b 134 e05c 135 e05d 105 e01d 108 e038 107 e02a,e037 127 e11d,45""".split()


class Failure(Exception):
    """What the window did not do."""


def check(condition, what):
    if not condition:
        raise Failure(what)


def run(*words, **more):
    return subprocess.run(words, capture_output=True, text=True, timeout=30, **more).stdout.strip()


class Screen:
    """An X server without a screen, whose picture is a file."""

    def __init__(self, folder):
        self.file = os.path.join(folder, "Xvfb_screen0")
        read, write = os.pipe()
        self.child = subprocess.Popen(["Xvfb", "-displayfd", str(write), "-screen", "0", "%dx%dx24" % SCREEN,
                                       "-fbdir", folder, "-nolisten", "tcp", "-noreset"], pass_fds=[write],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as pipe:
            self.name = ":" + pipe.readline().strip()
        check(self.name != ":", "Xvfb does not start")
        # a window manager, without which no window fills the screen
        config = os.path.join(folder, "openbox.xml")
        with open(config, "w") as file:         # without keys of its own and without frames
            file.write('<openbox_config xmlns="http://openbox.org/3.4/rc"><keyboard/><mouse/><theme><keepBorder>no</keepBorder></theme><applications>'
                       '<application class="*"><decor>no</decor></application></applications></openbox_config>')
        self.manager = subprocess.Popen(["openbox", "--config-file", config], env={**os.environ, "DISPLAY": self.name}, cwd=folder,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def close(self):
        for child in (self.manager, self.child):
            child.terminate()
            child.wait()

    def rows(self):
        """The screen's lines, each the bytes red, green, blue of its dots (an XWD file)."""
        data = open(self.file, "rb").read()
        head = struct.unpack(">25I", data[:100])
        start, width, height, line = head[0] + head[19] * 12, head[4], head[5], head[12]
        rows = []
        for y in range(height):
            dots, row = data[start + y * line:start + y * line + 4 * width], bytearray(3 * width)
            row[0::3], row[1::3], row[2::3] = dots[2::4], dots[1::4], dots[0::4]
            rows.append(bytes(row))
        return rows

    def keep(self, name):
        if PICTURES:
            os.makedirs(PICTURES, exist_ok=True)
            write_png(os.path.join(PICTURES, name + ".png"), self.rows())


def write_png(path, rows):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    with open(path, "wb") as file:
        head = struct.pack(">IIBBBBB", len(rows[0]) // 3, len(rows), 8, 2, 0, 0, 0)
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
                   + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows), 1)) + chunk(b"IEND", b""))


class Window:
    """A clearbox in a window."""

    def __init__(self, screen, folder, arguments):
        self.screen = screen
        self.folder = folder
        self.serial = os.path.join(folder, "serial")
        self.environment = {**os.environ, "DISPLAY": screen.name, "SDL_VIDEODRIVER": "x11",
                            "SDL_AUDIODRIVER": "dummy"}
        self.environment.pop("WAYLAND_DISPLAY", None)
        self.child = subprocess.Popen([EMULATOR, "-display", "sdl", "-serial", "file:" + self.serial, *arguments],
                                      cwd=folder, env=self.environment, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.id = self.wait_for(lambda: self.tool("search", "--onlyvisible", "--name", "Clearbox").split("\n")[0], 20,
                                "no window opens")

    def close(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGKILL)
        self.child.communicate()

    def tool(self, *words):
        return run("xdotool", *words, env=self.environment)

    def keys(self, *keys):
        self.tool("key", "--delay", "10", *keys)

    def type(self, text):
        """On the keyboard; a line's end is Enter."""
        for line in text.splitlines():
            self.tool("type", "--delay", "10", line)
            self.keys("Return")

    def command(self, line, pattern):
        """A line that makes the guest say pattern. On a very busy host a key may be down until it repeats: again."""
        for last in (False, False, True):
            self.type(line)
            try:
                return self.expect(pattern, 15)
            except Failure:
                if last:
                    raise
            self.keys("ctrl+c")

    def title(self):
        return self.tool("getwindowname", self.id)

    def place(self):
        """Where it is on the screen, without its frame: xdotool's own answer counts the frame twice."""
        self.tool("mousemove", "--window", self.id, "0", "0")
        text = self.tool("getwindowgeometry", "--shell", self.id)
        text = self.tool("getmouselocation", "--shell") + "\n" + "\n".join(
            line for line in text.split("\n") if line.startswith(("WIDTH", "HEIGHT")))
        return tuple(int(re.search(rf"^{name}=(-?\d+)", text, re.M)[1]) for name in ("X", "Y", "WIDTH", "HEIGHT"))

    def said(self):
        try:
            return open(self.serial, "rb").read().decode("latin-1").replace("\r", "")
        except FileNotFoundError:
            return ""

    def wait_for(self, what, seconds, failure):
        end = time.monotonic() + seconds * SLOWNESS
        while True:
            result = what()
            if result:
                return result
            if self.child.poll() is not None:
                raise Failure(f"{failure}; it ended with {self.child.returncode}: {self.child.stderr.read().decode()}")
            if time.monotonic() > end:
                self.screen.keep("failure")
                raise Failure(f"{failure} in {seconds * SLOWNESS:.0f} s")
            time.sleep(0.05)

    def expect(self, pattern, seconds=30):
        """Waits until the guest's serial port has said pattern, after what was found last."""
        self.read = getattr(self, "read", 0)
        match = self.wait_for(lambda: re.compile(pattern).search(self.said(), self.read), seconds, f"no {pattern!r}")
        self.read = match.end()
        return match

    def picture(self):
        """The window's part of the screen."""
        x, y, width, height = self.place()
        return [row[3 * x:3 * (x + width)] for row in self.screen.rows()[y:y + height]]

    def has_menu(self):
        colour = bytes(CHOSEN)
        return any(row.find(colour * 20) >= 0 for row in self.picture())


def brightness(rows, x, y, width, height):
    """Mean of all bytes in a part of a picture."""
    total = sum(sum(row[3 * x:3 * (x + width)]) for row in rows[y:y + height])
    return total / (3 * width * height)


def read_ppm(path):
    magic, size, _, body = open(path, "rb").read().split(b"\n", 3)
    width, height = map(int, size.split())
    return [body[3 * width * y:3 * width * (y + 1)] for y in range(height)]


def read_png(path):
    data, rows, packed = open(path, "rb").read(), [], b""
    width, height = struct.unpack(">II", data[16:24])
    at = 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        packed += data[at + 8:at + 8 + length] if kind == b"IDAT" else b""
        at += length + 12
    raw, before = zlib.decompress(packed), bytes(3 * width)
    for y in range(height):
        kind, line = raw[y * (3 * width + 1)], bytearray(raw[y * (3 * width + 1) + 1:(y + 1) * (3 * width + 1)])
        for i in range(len(line) if kind else 0):
            left, up = line[i - 3] if i >= 3 else 0, before[i]
            corner = before[i - 3] if i >= 3 else 0
            guess = left + up - corner
            paeth = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))[2]
            line[i] = (line[i] + (0, left, up, (left + up) // 2, paeth)[kind]) & 255
        before = bytes(line)
        rows.append(before)
    return rows


# ---- The tests: one guest, in this order ---------------------------------------------------------------

def falls_back(screen, folder):
    """Without a display it says so in one line and goes on."""
    environment = {key: value for key, value in os.environ.items()
                   if key not in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")}
    done = subprocess.run([EMULATOR, "-timeout", "0.5"], env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60)
    check(done.returncode == 8, f"ended with {done.returncode}")
    check("no window (neither DISPLAY" in done.stderr.split("\n")[0], f"said {done.stderr!r}")


def boots(window):
    """Linux boots to a prompt in a window of 4:3."""
    window.expect("clearbox# ", 120)
    check(window.place()[2:] == (720, 540), f"the window is {window.place()}, and not of 720 x 540 dots")
    time.sleep(0.5)
    window.screen.keep("prompt")
    check("of real time" in window.title() and "F12: menu" in window.title(), f"the title is {window.title()!r}")


def types(window):
    """What is typed arrives, by real key events."""
    window.command('echo "A{b|C}~$((6 * 7))" >/dev/ttyS0', r"A\{b\|C\}~42\n")
    window.command("uname -r | tee /dev/ttyS0", r"6\.\d.*-686\n")


def all_keys(screen, folder):
    """The 104 keys send what a PC keyboard's send; F12 twice is F12."""
    for last in (False, False, True):
        try:
            return keys_once(screen, folder)
        except Failure:
            if last:
                raise


def keys_once(screen, folder):
    floppy = os.path.join(folder, "keys.img")
    subprocess.run(["nasm", "-f", "bin", os.path.join(HERE, "keys.asm"), "-o", floppy], check=True)
    window = Window(screen, folder, ["-fda", floppy, "-boot", "a"])
    try:
        window.expect("ready\n", 20)
        start = window.read
        for name in KEYS[0::2]:
            window.keys(name)
        window.keys("F12")
        window.wait_for(window.has_menu, 10, "no menu")
        window.screen.keep("keys")
        window.keys("F12")
        window.wait_for(lambda: "58 d8" in window.said()[start:], 10, "F12 twice is not F12")
        got = window.said()[start:].split()
    finally:
        window.close()
        os.remove(window.serial)
    at = 0
    for name, code in zip(KEYS[0::2] + ["F12"], KEYS[1::2] + ["58"]):
        expected = scan_codes(code)
        check(got[at:at + len(expected)] == expected,
              f"{name} sends {' '.join(got[at:at + 8])}, not {' '.join(expected)}")
        at += len(expected)


def scan_codes(code):
    """What a key sends when it is pressed and let go."""
    if code == "e02a,e037":         # Print Screen lets go in the reverse order
        return "e0 2a e0 37 e0 b7 e0 aa".split()
    if code == "e11d,45":           # Pause sends all when it is pressed
        return "e1 1d 45 e1 9d c5".split()
    down = [code[i:i + 2] for i in range(0, len(code), 2)]
    return down + [f"{int(byte, 16) | 0x80:02x}" if byte != "e0" else byte for byte in down]


def screenshot(window):
    """The menu is drawn over the picture, and makes a screenshot of what the guest shows."""
    window.command("clear; printf '\\033[?25l'; cat /proc/cpuinfo; echo shown >/dev/ttyS0", "shown\n")
    time.sleep(1)
    before = window.picture()
    window.screen.keep("text")
    window.keys("F12")
    window.wait_for(window.has_menu, 10, "no menu")
    window.screen.keep("menu")
    window.keys("s")
    pattern = os.path.join(window.folder, "clearbox-*.p[np][gm]")
    name = window.wait_for(lambda: glob.glob(pattern), 10, "no screenshot")[0]
    window.wait_for(lambda: not window.has_menu(), 10, "the menu stays")
    time.sleep(0.3)
    picture = read_png(name) if name.endswith("png") else read_ppm(name)
    check((len(picture[0]) // 3, len(picture)) == (720, 400), "the screenshot is not of 720 x 400 dots")
    window.screen.keep("message")
    # the window shows the same, higher by 540 / 400: the same part of it is bright, everywhere
    for top in range(0, 400, 80):
        for left in range(0, 720, 120):
            one = brightness(picture, left, top, 120, 80)
            two = brightness(before, left, top * 540 // 400, 120, 80 * 540 // 400)
            check(abs(one - two) < 2 + one / 20, f"at {left},{top} the window is {two:.1f} bright and not {one:.1f}")
    check(brightness(before, 0, 0, 720, 540) > 3, "the window is dark")
    window.type("printf '\\033[?25h'\n")


def pauses(window):
    """Pause stops the guest, and lets it go on."""
    window.command("while :; do echo tick >/dev/ttyS0; usleep 50000; done &", "tick\n")
    window.keys("F12", "p")
    window.wait_for(lambda: "paused" in window.title(), 10, "the title does not say that it is paused")
    window.screen.keep("paused")
    length = len(window.said())
    time.sleep(0.7)
    check(len(window.said()) == length, "the guest goes on")
    window.keys("F12", "p")
    window.wait_for(lambda: len(window.said()) > length, 10, "the guest does not go on")
    window.command("kill $!; echo so it is >/dev/ttyS0", "so it is\n")


def pastes(window):
    """The clipboard's text is typed."""
    if not shutil.which("xclip"):
        return
    text = "echo " + "pasted " * 60 + ">/dev/ttyS0\n"
    subprocess.run(["xclip", "-selection", "clipboard"], input=text, text=True, env=window.environment,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=10)
    window.keys("ctrl+alt+v")
    window.expect("(pasted ){59}pasted", 30)


def grabs(window):
    """A click takes the mouse, which the title says; Ctrl-Alt-G gives it back."""
    x, y, width, height = window.place()
    window.tool("mousemove", str(x + width // 2), str(y + height // 2), "click", "1")
    window.wait_for(lambda: "Ctrl-Alt-G releases" in window.title(), 10, "the title has no hint")
    window.tool("mousemove_relative", "30", "10")
    window.keys("ctrl+alt+g")
    window.wait_for(lambda: "F12: menu" in window.title(), 10, "the mouse is not released")


def sizes(window):
    """Any size of window, and the whole screen: 4:3 in the middle, black around it."""
    def bright(left, top, width, height):
        return brightness(window.picture(), left, top, width, height)

    window.command("clear; printf '\\033[41m\\033[2J\\033[H\\033[?25l'; echo red >/dev/ttyS0", "red\n")
    window.tool("windowsize", window.id, "900", "540")
    window.wait_for(lambda: window.place()[2:] == (900, 540), 10, "the window has not the size it was given")
    window.wait_for(lambda: bright(4, 100, 80, 430) == 0 and bright(96, 60, 700, 470) > 30 and
                    bright(816, 100, 80, 430) == 0, 10, "the picture is not in the middle")
    window.screen.keep("wide")
    window.keys("ctrl+alt+f")
    window.wait_for(lambda: window.place() == (0, 0, *SCREEN), 10, f"not the whole screen: {window.place()}")
    window.wait_for(lambda: bright(2, 80, 1020, 680) > 30, 10, "the picture is not as large as the screen")
    window.screen.keep("full")
    window.keys("ctrl+alt+f")
    window.wait_for(lambda: window.place()[2:] == (900, 540), 10, f"not as before: {window.place()}")
    window.type("printf '\\033[0m\\033[2J\\033[H\\033[?25h'\n")


def saves(window):
    """The menu saves the state."""
    window.keys("F12", "w")
    window.wait_for(lambda: glob.glob(os.path.join(window.folder, "clearbox-*.state")), 20, "no state is saved")


def costs(window):
    """A guest that does nothing costs nearly nothing."""
    def used():
        fields = open(f"/proc/{window.child.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    time.sleep(7)           # messages have gone
    start = used()
    time.sleep(4)
    share = (used() - start) / 4
    print(f"window: at a prompt it takes {100 * share:.1f} per cent of a core")
    check(share < 0.12 * SLOWNESS, f"an idle guest takes {100 * share:.0f} per cent of a core")


def powers_off(window):
    """poweroff ends the program with 0."""
    window.type("poweroff -f\n")
    window.child.wait(30 * SLOWNESS)
    check(window.child.returncode == 0, f"it ended with {window.child.returncode}")


def lacks(*tools):
    """Is something missing without which nothing here runs?  Says what."""
    for tool in tools:
        if not shutil.which(tool):
            print(f"SKIP: {tool} is not installed")
            return True
    if "sdl" not in run(EMULATOR, "-help"):
        print("SKIP: this clearbox has no window")
        return True
    return False


class Report:
    """Runs tests in turn, until one fails."""

    def __init__(self, name):
        self.name, self.passed, self.failed = name, 0, 0

    def run(self, tests, *arguments):
        for test in tests:
            start = time.monotonic()
            test(*arguments)
            self.passed += 1
            print(f"{self.name}: {test.__name__}: ok ({time.monotonic() - start:.0f} s)", flush=True)

    def fail(self, failure):
        self.failed += 1
        print(f"{self.name}: FAILED: {failure}")

    def end(self):
        """The last line, and the exit status."""
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed else 0


def main():
    if lacks("Xvfb", "xdotool", "openbox", "nasm"):
        return 77
    built = subprocess.run(["sh", os.path.join(HERE, "../boot/guests.sh"), "686"], stdout=subprocess.PIPE, text=True)
    check(built.returncode == 0, "there is no guest to boot")
    guests = built.stdout.strip()
    report = Report("window")
    with tempfile.TemporaryDirectory(prefix="clearbox-window-") as folder:
        screen = Screen(folder)
        window = None
        try:
            report.run((falls_back, all_keys), screen, folder)
            window = Window(screen, folder, [
                "-m", "64", "-kernel", guests + "/vmlinuz-686", "-initrd", guests + "/initrd-686", "-append",
                "console=ttyS0 console=tty0 quiet cryptomgr.notests modules=none", "-speed", "max"])
            report.run((boots, types, screenshot, pauses, pastes, grabs, sizes, saves, costs, powers_off), window)
        except (Failure, subprocess.TimeoutExpired) as failure:
            report.fail(failure)
            if window:
                print("the guest said last: " + repr(window.said()[-400:]))
                screen.keep("failed")
        finally:
            if window:
                window.close()
            screen.close()
    return report.end()


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""The window on a screen of twice the dots (Wayland, scale 2): drawn in all of them, and the mouse is where it points.

usage: EMULATOR=path/to/clearbox python3 testsuite/window/hidpi.py

Weston shows its screen in a window of Xvfb, so that real X events reach the program and its dots can be looked at. Needs
Xvfb, openbox, xdotool and weston; says SKIP and ends with 77 where they are not. The last line is "N passed, N failed".
"""

import glob
import os
import re
import subprocess
import sys
import tempfile
import time

from menu import Font
from run import EMULATOR, Failure, Report, Screen, Window, check, lacks

WIDTH, HEIGHT = 480, 360        # as programs see it
COLUMNS, ROWS = 60, 24          # of the menu


class Weston:
    """A Wayland screen in a window of an X server."""

    def __init__(self, screen, folder):
        self.environment = {**os.environ, "DISPLAY": screen.name, "XDG_RUNTIME_DIR": folder}
        self.environment.pop("WAYLAND_DISPLAY", None)
        # Weston asks once what its window manager can do: that has to be there.
        end = time.monotonic() + 20
        while subprocess.run(["xdotool", "get_num_desktops"], env=self.environment, capture_output=True).returncode:
            check(time.monotonic() < end, "there is no window manager")
            time.sleep(0.05)
        self.log = os.path.join(folder, "weston.log")
        self.child = subprocess.Popen(["weston", "--backend=x11-backend.so", "--use-pixman", "--shell=kiosk-shell.so", "--no-config",
                                       "--idle-time=0", "--scale=2", f"--width={WIDTH}", f"--height={HEIGHT}", "--socket=wayland-test",
                                       "--log=" + self.log], env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while not os.path.exists(os.path.join(folder, "wayland-test")):
            check(time.monotonic() < end and self.child.poll() is None, "weston does not start")
            time.sleep(0.05)
        self.id = re.search(r"window id (\d+)", open(self.log).read())[1]

    def close(self):
        self.child.terminate()
        self.child.wait()


class WaylandWindow(Window):
    """A clearbox in it."""

    def __init__(self, screen, weston, folder):
        self.screen = screen
        self.folder = folder
        self.serial = os.path.join(folder, "serial")
        self.environment = weston.environment
        self.id = weston.id
        environment = {**self.environment, "WAYLAND_DISPLAY": "wayland-test", "SDL_AUDIODRIVER": "dummy"}
        for name in ("DISPLAY", "SDL_VIDEODRIVER"):
            environment.pop(name, None)
        self.child = subprocess.Popen([EMULATOR, "-display", "sdl", "-m", "16", "-serial", "file:" + self.serial], cwd=folder,
                                      env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.where = super().place()    # that moves the mouse

    def place(self):
        return self.where

    def row(self, number):
        """A row of the menu, whose letters have one dot of the screen for each of their own."""
        picture = self.picture()
        left, top = WIDTH - COLUMNS * 4, HEIGHT - ROWS * 8
        return "".join(self.font.letter(picture, left + 8 * x, top + 16 * number, 1) for x in range(COLUMNS))

    font = Font()


def draws(window):
    """All dots are drawn: the picture has details that are smaller than a dot of programs."""
    def details():
        rows = window.picture()
        return sum(rows[y][3 * x:3 * x + 3] != rows[y][3 * x + 3:3 * x + 6] or rows[y][3 * x:3 * x + 6] != rows[y + 1][3 * x:3 * x + 6]
                   for y in range(0, 2 * HEIGHT, 2) for x in range(0, 2 * WIDTH, 2))
    window.wait_for(lambda: len(window.picture()[0]) == 6 * WIDTH and details() > 2000, 60, "no picture in all dots")
    window.screen.keep("hidpi")


def has_menu(window):
    """So has the menu, which is where it should be."""
    window.tool("windowfocus", "--sync", window.id)
    time.sleep(0.5)
    window.keys("F12")
    window.wait_for(window.has_menu, 30, "no menu")
    window.wait_for(lambda: "Screenshot" in window.row(4), 10, "the menu cannot be read")
    window.screen.keep("hidpi-menu")


def points(window):
    """The mouse chooses the row that it points at."""
    for number, text in ((3, "Pause the guest"), (16, "Scale by whole numbers"), (4, "Screenshot")):
        y = HEIGHT - ROWS * 8 + 16 * number
        check(text in window.row(number), f"row {number} is {window.row(number)!r}")
        for inside in (1, 14):          # its first dots, and its last
            window.tool("mousemove", "--window", window.id, "10", "10")
            window.tool("mousemove", "--window", window.id, str(WIDTH - 100), str(y + inside))
            window.wait_for(lambda: bytes((0x2c, 0x6b, 0xc9)) * 8 in window.picture()[y + 15], 10, f"{text!r} is not chosen")
    window.tool("click", "1")
    window.wait_for(lambda: glob.glob(os.path.join(window.folder, "clearbox-*.p[np][gm]")), 10, "a click makes no screenshot")
    window.wait_for(lambda: not window.has_menu(), 10, "the menu stays")


def main():
    if lacks("Xvfb", "openbox", "xdotool", "weston"):
        return 77
    report = Report("hidpi")
    with tempfile.TemporaryDirectory(prefix="clearbox-hidpi-") as folder:
        parts = []
        window = None
        try:
            parts.append(Screen(folder))
            parts.append(Weston(parts[0], folder))
            window = WaylandWindow(*parts, folder)
            report.run((draws, has_menu, points), window)
        except (Failure, subprocess.TimeoutExpired) as failure:
            report.fail(failure)
            if parts:
                parts[0].keep("hidpi-failed")
        finally:
            if window:
                window.close()
            for part in reversed(parts):
                part.close()
    return report.end()


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""The window's menu by real key events, and files dropped on the window, each seen to have its effect on a guest.

usage: EMULATOR=path/to/clearbox python3 testsuite/window/menu.py

Needs Xvfb, xdotool, openbox and nasm; for dropping the program drag, which meson builds where there is libX11. Says SKIP
and ends with 77 where they are not. Pictures are kept in $CLEARBOX_WINDOW_PICTURES. The last line is "N passed, N failed".
"""

import glob
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse

from run import EMULATOR, HERE, SLOWNESS, Failure, Report, Screen, Window, check, lacks

DRAG = os.environ.get("CLEARBOX_DRAG", os.path.join(os.path.dirname(EMULATOR), "../testsuite/window/drag"))
FLOPPY, CD = 1440 << 10, 4 << 20


class Font:
    """Reads what the window writes over the picture: the letters of the VGA BIOS, at any whole scale."""

    def __init__(self):
        source = open(os.path.join(HERE, "../../bios/vgafonts.c")).read()
        rows = bytes(int(byte, 16) for byte in re.findall("0x([0-9a-f]{2})", re.search(r"font16\[4096\] = \{(.*?)\};", source, re.S)[1]))
        self.letters = {rows[16 * n:16 * n + 16]: bytes([n]).decode("cp437") for n in range(254, 31, -1)}

    def letter(self, picture, x, y, scale):
        rows = bytearray()
        for row in range(16):
            line, bits = picture[y + row * scale + scale // 2], 0
            for column in range(8):
                at = 3 * (x + column * scale + scale // 2)
                bits = bits << 1 | (min(line[at:at + 3]) > 0x80)
            rows.append(bits)
        return self.letters.get(bytes(rows), "\ufffd")

    def message(self, picture, scale):
        """The lines at the window's bottom, as one."""
        lines, y = [], len(picture) - 20 * scale
        while y > 0 and len(lines) < 4:
            line = "".join(self.letter(picture, x, y, scale) for x in range(8 * scale, len(picture[0]) // 3 - 8 * scale + 1, 8 * scale))
            if not line.strip() or "\ufffd" in line:
                break
            lines.insert(0, line.strip())
            y -= 16 * scale
        return " ".join(lines)


class Guest(Window):
    """The guest of media.asm in a window."""

    def __init__(self, screen, folder, arguments):
        self.font = Font()
        super().__init__(screen, folder, ["-hda", "media.img", "-m", "16", "-boot", "c", *arguments])
        self.expect("boot\n", 30)

    def ask(self, key, pattern):
        self.keys(key)
        return self.expect(pattern + "\n", 15)

    def says(self, pattern, seconds=10):
        """Waits until the window itself says something, at its bottom."""
        found = []

        def look():
            found[:] = [self.font.message(self.picture(), 1)]
            return re.search(pattern, found[0])
        try:
            return self.wait_for(look, seconds, "")
        except Failure:
            raise Failure(f"the window does not say {pattern!r}, but {found}")

    def open_menu(self, *keys):
        self.keys("F12")
        self.wait_for(self.has_menu, 10, "no menu")
        if keys:
            self.keys(*keys)

    def choose(self, row, name):
        """A file, by the letters of its name, from a row of the menu."""
        self.open_menu(*["Down"] * row, "Return")
        time.sleep(0.3)
        self.keys(*[{".": "period", "-": "minus"}.get(letter, letter) for letter in name])
        self.screen.keep("files-" + name)
        self.keys("Return")
        self.wait_for(lambda: not self.has_menu(), 10, "the menu stays")

    def drop(self, *uris):
        done = subprocess.run([DRAG, self.id, *uris], env=self.environment, capture_output=True, text=True, timeout=60)
        check(done.returncode == 0, f"{uris} is not taken: {done.stderr}")


def make(folder, name, size, text):
    with open(os.path.join(folder, name), "wb") as file:
        file.write(text.encode())
        file.truncate(size)


def uri(folder, name):
    return "file://" + urllib.parse.quote(os.path.join(folder, name))


# ---- The menu: rows of its first page -------------------------------------------------------------------

FLOPPY_A, FLOPPY_B, CD_DRIVE = 5, 6, 7


def saves_and_loads(guest):
    """The guest goes back to where it was saved, and on from there."""
    guest.ask("c", "count 1")
    guest.ask("c", "count 2")
    guest.open_menu("w")
    guest.says("Saved: clearbox-.*state")
    guest.screen.keep("saved")
    name, = glob.glob(os.path.join(guest.folder, "clearbox-*.state"))
    guest.ask("c", "count 3")
    guest.ask("c", "count 4")
    guest.open_menu("l")
    time.sleep(0.3)
    guest.keys(*[{".": "period", "-": "minus"}.get(letter, letter) for letter in os.path.basename(name)])
    guest.screen.keep("load")
    guest.keys("Return")
    guest.says("Loaded clearbox-.*state")
    guest.ask("c", "count 3")
    os.remove(name)


def changes_floppies(guest):
    """A floppy from the menu is the one that the guest reads; so is the next; none is none."""
    guest.ask("f", "nothing")
    guest.choose(FLOPPY_A, "one.img")
    guest.says("Inserted one.img")
    guest.ask("f", "floppy: the first")
    guest.choose(FLOPPY_A, "two.img")
    guest.ask("f", "floppy: the second")
    guest.open_menu(*["Down"] * FLOPPY_A, "Return")
    time.sleep(0.3)
    guest.screen.keep("eject")
    guest.keys("Return")
    guest.says("The drive is empty")
    guest.ask("f", "nothing")


def changes_cds(guest):
    """The same with CDs; the drive is there without being asked for."""
    guest.ask("d", "nothing")
    guest.choose(CD_DRIVE, "cd1.iso")
    guest.says("Inserted cd1.iso")
    guest.ask("d", "cd: disc one")
    guest.choose(CD_DRIVE, "cd2.iso")
    guest.ask("d", "cd: disc two")
    guest.open_menu(*["Down"] * CD_DRIVE, "Return")
    time.sleep(0.3)
    guest.keys("Return")
    guest.says("The drive is empty")
    guest.ask("d", "nothing")


def ctrl_alt_delete(guest):
    guest.open_menu("d")
    guest.expect("delete\nboot\n", 20)


def resets(guest):
    guest.ask("c", "count 1")
    length = len(guest.said())
    guest.open_menu("r")
    guest.expect("boot\n", 20)
    check("delete" not in guest.said()[length:], "it was Ctrl-Alt-Delete")
    guest.ask("c", "count 1")


def power_button(guest):
    guest.open_menu("o")
    guest.expect("power\n", 20)


# ---- Files that are dropped --------------------------------------------------------------------------------

def drops(guest):
    """Floppies and CDs go into their drives, whatever their names are made of."""
    folder = guest.folder
    for name, said in (("one.img", "the first"), ("My floppy & 100% [x].img", "blanks"), ("d\u00eesk \u65e5\u672c.img", "letters"),
                       ("%41#?;.img", "signs")):
        guest.drop(uri(folder, name))
        guest.says("In drive A: " + re.escape(name.encode("cp437", "replace").decode("cp437")))
        guest.ask("f", "floppy: " + said)
    guest.screen.keep("dropped")
    for name, said in (("cd1.iso", "disc one"), ("a CD \u00fc%20.iso", "disc three")):
        guest.drop(uri(folder, name))
        guest.says("In the CD drive: " + re.escape(name))
        guest.ask("d", "cd: " + said)
    # by the host's name; as it is, without escapes; two at once
    guest.drop("file://" + os.uname().nodename + urllib.parse.quote(folder + "/two.img"))
    guest.ask("f", "floppy: the second")
    guest.drop("file://" + folder + "/one.img")
    guest.ask("f", "floppy: the first")
    guest.drop(uri(folder, "two.img"), uri(folder, "cd2.iso"))
    guest.ask("f", "floppy: the second")
    guest.ask("d", "cd: disc two")


def refuses(guest):
    """What cannot be inserted is said, and what is in the drives stays there."""
    folder = guest.folder
    for name, said in (("a folder", "a folder: it is a folder"), ("none.img", r"none.img: No such file"),
                       ("large.img", "large.img is neither"), ("huge.iso", "huge.iso: it is larger than any CD"), ("empty.iso", "empty.iso: it is empty"),
                       ("packed.iso", "packed.iso: is compressed"), ("pipe", "pipe")):
        guest.drop(uri(folder, name))
        guest.says(said)
        guest.screen.keep("refused-" + name.replace(" ", "-"))
    guest.drop("http://example.org/x.iso")
    guest.ask("f", "floppy: the second")
    guest.ask("d", "cd: disc two")


def prepare(folder):
    subprocess.run(["nasm", "-f", "bin", os.path.join(HERE, "media.asm"), "-o", os.path.join(folder, "media.img")], check=True)
    for name, text in (("one.img", "the first"), ("two.img", "the second"), ("My floppy & 100% [x].img", "blanks"),
                       ("d\u00eesk \u65e5\u672c.img", "letters"), ("%41#?;.img", "signs")):
        make(folder, name, FLOPPY, text)
    for name, text in (("cd1.iso", "disc one"), ("cd2.iso", "disc two"), ("a CD \u00fc%20.iso", "disc three")):
        make(folder, name, CD, text)
    os.mkdir(os.path.join(folder, "a folder"))
    make(folder, "large.img", 100 << 20, "")
    make(folder, "huge.iso", 10 << 40, "")
    make(folder, "empty.iso", 0, "")
    make(folder, "packed.iso", CD, "\x1f")
    with open(os.path.join(folder, "packed.iso"), "r+b") as file:
        file.write(b"\x1f\x8b\x08")
    os.mkfifo(os.path.join(folder, "pipe"))


def main():
    if lacks("Xvfb", "xdotool", "openbox", "nasm"):
        return 77
    tests = [saves_and_loads, changes_floppies, changes_cds, ctrl_alt_delete, resets, power_button]
    if os.path.exists(DRAG):
        tests += [drops, refuses]
    else:
        print("menu: without dropping: there is no " + DRAG)
    report = Report("menu")
    with tempfile.TemporaryDirectory(prefix="clearbox-menu-") as folder:
        screen = Screen(folder)
        guest = None
        try:
            prepare(folder)
            guest = Guest(screen, folder, [])
            report.run(tests, guest)
        except (Failure, subprocess.TimeoutExpired) as failure:
            report.fail(failure)
            screen.keep("menu-failed")
            if guest:
                print("the guest said last: " + repr(guest.said()[-400:]))
        finally:
            if guest:
                guest.close()
            screen.close()
    return report.end()


if __name__ == "__main__":
    sys.exit(main())

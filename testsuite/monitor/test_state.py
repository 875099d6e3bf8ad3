#!/usr/bin/env python3
"""Saved states as files: saved while the guest runs, loaded in another process, with the right
disks only; damaged files are refused and change nothing.  usage: test_state.py CLEARBOX"""
import os
import random
import re
import shutil
import stat
import sys
import tempfile
import time
import unittest
import warnings

from clearbox import COUNTER, NOISE, WRITER, Clearbox, boot_sector

warnings.simplefilter('ignore', ResourceWarning)
PROGRAM = os.path.abspath(sys.argv[1])
FOLDER = tempfile.mkdtemp()
QUICK = ['-m', '4', '-cpu', '486']


def path(name):
    return os.path.join(FOLDER, name)


def make_disk(name, size=1 << 20, code=COUNTER):
    with open(path(name), 'wb') as file:
        file.write(boot_sector(code))
        file.truncate(size)
    return path(name)


def hash_of(data):
    """The sum that frontend/state_file.c makes, so that a head can lie and be whole."""
    mask = (1 << 64) - 1
    a = b = 0
    whole = len(data) // 8 * 8
    for at in range(0, whole, 8):
        a = (a ^ int.from_bytes(data[at:at + 8], 'little')) * 0x9e3779b97f4a7c15 & mask
        a = (a << 29 | a >> 35) & mask
        b = b + a & mask
    for byte in data[whole:]:
        a = (a ^ byte) * 0x100000001b3 & mask
        b = b + a & mask
    value = (a ^ b ^ len(data)) * 0xff51afd7ed558ccd & mask
    return value ^ value >> 32


def with_sum(head):
    return head + b'sum %016x\n\n' % hash_of(head)


class States(unittest.TestCase):
    def start(self, *options, quick=True):
        machine = Clearbox(PROGRAM, (QUICK if quick else []) + list(options), FOLDER)
        self.addCleanup(machine.kill)
        return machine

    def test_new_process(self):
        disk = make_disk('disk.img')
        one = self.start('-hda', disk)
        one.wait_for('abc')
        self.assertEqual(one('savevm ' + path('running.state')), '')       # while it runs
        one('stop')
        self.assertEqual(one('savevm "%s"' % path('a.state')), '')
        want = one('info hash')
        self.assertEqual(one('info hash'), want)
        self.assertEqual(one.quit(), 0)
        self.assertEqual(stat.S_IMODE(os.stat(path('a.state')).st_mode) & 0o77, 0)
        self.assertFalse([n for n in os.listdir(FOLDER) if n.startswith('a.state.')])
        two = self.start('-hda', disk)
        two('stop')
        self.assertNotEqual(two('info hash'), want)
        self.assertEqual(two('loadvm ' + path('a.state')), '')
        self.assertEqual(two('info hash'), want)
        end = time.time() + 20
        while two('info hash') == want and time.time() < end:
            two('cont')
            time.sleep(0.3)
            two('stop')
        self.assertNotEqual(two('info hash'), want)
        self.assertEqual(two('loadvm ' + path('a.state')), '')
        self.assertEqual(two('info hash'), want)
        two.quit()
        # the option; it goes on with the letter that comes next
        three = self.start('-hda', disk, '-loadvm', path('running.state'))
        end = time.time() + 30
        while not three.text() and time.time() < end:
            time.sleep(0.02)
        self.assertTrue(three.text())
        self.assertNotEqual(three.text()[0], 'a')
        three.quit()

    def test_disks(self):
        disk, other = make_disk('first.img'), make_disk('second.img')
        with open(other, 'r+b') as file:
            file.seek(70000)
            file.write(b'x')
        one = self.start('-hda', disk, '-fda', make_disk('f1.img', 1440 << 10), '-boot', 'c')
        one('stop')
        self.assertEqual(one('savevm ' + path('d.state')), '')
        want = one('info hash')
        self.assertIn('ide0-hd0: ' + disk, one('info block'))
        one('eject floppy0')
        changed = one('info hash')
        answer = one('loadvm ' + path('d.state'))
        self.assertIn('floppy0 was with', answer)
        self.assertIn('change floppy0', answer)
        self.assertEqual(one('info hash'), changed)
        self.assertEqual(one('change floppy0 ' + path('f1.img')), '')
        self.assertEqual(one('loadvm ' + path('d.state')), '')
        self.assertEqual(one('info hash'), want)
        one.quit()
        cases = [
            (['-hda', other, '-fda', path('f1.img'), '-boot', 'c'], 'second.img, is not the one it was saved with'),
            (['-hda', make_disk('long.img', 2 << 20), '-fda', path('f1.img')], 'is not the one'),
            (['-hda', disk], 'floppy0 was with'),
            (['-hda', disk, '-hdb', other, '-fda', path('f1.img')], 'without a drive ide0-hd1'),
            (['-fda', path('f1.img')], 'with a drive ide0-hd0'),
            (['-hda', disk, '-fda', path('f1.img'), '-m', '8'], 'another size of memory'),
            (['-hda', disk, '-fda', path('f1.img'), '-cpu', 'pentium'], 'another processor'),
            (['-hda', disk, '-fda', path('f1.img'), '-nic', 'socket,listen=' + path('net')], 'other devices'),
        ]
        for options, message in cases:
            machine = self.start(*options)
            machine('stop')
            before = machine('info hash')
            answer = machine('loadvm ' + path('d.state'))
            self.assertIn(message, answer)
            self.assertIn('d.state', answer)
            self.assertEqual(machine('info hash'), before)
            machine.quit()
        # as an option it is an error that ends the program
        with self.assertRaisesRegex(RuntimeError, 'is not the one it was saved with'):
            self.start('-hda', other, '-fda', path('f1.img'), '-loadvm', path('d.state'))

    def test_cd_drive(self):
        """There is an empty CD drive, unless -hdc or -nodefaults says otherwise; a state knows of it."""
        cd = make_disk('a cd.iso', 1 << 20)
        with_drive, without = self.start(), self.start('-nodefaults')
        self.assertIn('ide1-cd0: empty', with_drive('info block'))
        self.assertNotIn('ide1', without('info block'))
        for one in (with_drive, without):
            one('stop')
        self.assertEqual(with_drive('savevm ' + path('with.state')), '')
        self.assertEqual(without('savevm ' + path('without.state')), '')
        self.assertIn('without a drive ide1-cd0', with_drive('loadvm ' + path('without.state')))
        self.assertIn('-nodefaults', with_drive('loadvm ' + path('without.state')))
        self.assertIn('with a drive ide1-cd0', without('loadvm ' + path('with.state')))
        self.assertEqual(with_drive('change cdrom "%s"' % cd), '')
        self.assertIn('ide1-cd0: ' + cd, with_drive('info block'))
        with_drive.quit()
        without.quit()
        disk = self.start('-hdc', make_disk('third.img'))
        self.assertIn('ide1-hd0: ', disk('info block'))
        self.assertNotIn('ide1-cd0', disk('info block'))
        disk.quit()

    def test_odd_disk_names(self):
        disk = make_disk('two\nlines.img')
        one = self.start('-hda', disk)
        one('stop')
        self.assertEqual(one('savevm ' + path('odd.state')), '')
        self.assertEqual(one('loadvm ' + path('odd.state')), '')
        one.quit()

    def test_progress(self):
        """Saving that takes longer says so, on standard error; saving that does not says nothing."""
        with open(path('noise.img'), 'wb') as file:
            file.write(boot_sector(NOISE))
            file.truncate(1 << 20)
        machine = self.start('-m', '64', '-hda', path('noise.img'), quick=False)
        self.assertEqual(machine('savevm ' + path('quick.state')), '')
        machine.wait_for('\x1a', 60)
        machine('stop')
        before = machine.processor_time()
        self.assertEqual(machine('savevm ' + path('slow.state')), '')
        took = machine.processor_time() - before
        self.assertGreater(os.path.getsize(path('slow.state')), 50 << 20)
        self.assertEqual(machine('loadvm ' + path('slow.state')), '')
        machine.quit()
        lines = machine.errors.splitlines()
        saved = [line for line in lines if re.search(r'^clearbox: saving the state to slow\.state \.* done$', line)]
        loaded = [line for line in lines if re.search(r'^clearbox: loading the state slow\.state \.* done$', line)]
        self.assertEqual(lines, saved + loaded)
        if took > 0.7:                  # half a second of processor time; very fast hosts need less
            self.assertEqual(len(saved), 1)
        os.remove(path('slow.state'))

    def test_snapshot(self):
        disk = make_disk('base.img')
        one = self.start('-hda', disk, '-snapshot', '-device', 'isa-debug-exit,iobase=0x501,iosize=2')
        one('stop')
        self.assertEqual(one('savevm ' + path('o.state')), '')
        one.quit()
        plain = self.start('-hda', disk, '-device', 'isa-debug-exit,iobase=0x501,iosize=2')
        # nothing was written, so it fits a machine without -snapshot too
        self.assertEqual(plain('loadvm ' + path('o.state')), '')
        plain.quit()

    def test_names(self):
        disk = make_disk('names.img')
        one = self.start('-hda', disk)
        one('stop')
        for name, message in [(FOLDER, 'folder'), ('/nonexistent/x', 'No such file'), ('/dev/null', 'no file')]:
            self.assertIn(message, one('savevm ' + name))
        self.assertTrue(stat.S_ISCHR(os.stat('/dev/null').st_mode))
        self.assertIn('no saved state; try another name', one('savevm ' + disk))
        self.assertEqual(os.path.getsize(disk), 1 << 20)
        for name, message in [(FOLDER, 'no file'), (path('none'), 'No such file'), ('/dev/zero', 'no file'),
                              (disk, 'no saved state')]:
            self.assertIn(message, one('loadvm ' + name))
        self.assertIn('it takes other arguments', one('savevm'))
        # through a link, and over an old one
        os.symlink(path('real.state'), path('link.state'))
        open(path('real.state'), 'w').close()
        self.assertEqual(one('savevm ' + path('link.state')), '')
        self.assertTrue(os.path.islink(path('link.state')))
        self.assertEqual(one('loadvm ' + path('real.state')), '')
        one.quit()

    def test_damage(self):
        disk = make_disk('damage.img', 20 << 20, WRITER)
        one = self.start('-hda', disk, '-snapshot')
        one.wait_for('ab')
        one('stop')
        self.assertEqual(one('savevm ' + path('good.state')), '')
        one('cont')
        time.sleep(0.2)
        one('stop')
        want = one('info hash')
        with open(path('good.state'), 'rb') as file:
            good = file.read()
        body = good.index(b'\n\n') + 2
        self.assertRegex(good[:body], rb'disk ide0-hd0 20971520 whole \w+ \d+ 3 ')
        bad = path('bad.state')

        def refused(data):
            with open(bad, 'wb') as file:
                file.write(data)
            answer = one('loadvm ' + bad)
            self.assertIn('bad.state', answer)
            self.assertRegex(answer, 'damaged|no saved state|newer')

        lengths = set(range(0, body + 30, 7)) | {body - 2, body - 1, body, body + 1, body + 8, body + 4103, body + 4104,
                                                 body + 3 * 4104 - 1, body + 3 * 4104, len(good) - 1, len(good) // 2}
        for length in lengths:
            refused(good[:length])
        refused(good + b'x')
        draw = random.Random(5)
        places = [draw.randrange(body) for _ in range(60)] + [body + draw.randrange(len(good) - body)
                                                              for _ in range(40)]
        for place in places:
            flipped = bytearray(good)
            flipped[place] ^= 1 << draw.randrange(8)
            if flipped[body - 1] != 10 or flipped[body - 2] != 10:
                continue
            refused(bytes(flipped))
        # heads that are whole in themselves are tried by the sum; other forms:
        refused(b'clearbox state 2' + good[16:])
        refused(b'clearbox state 1\n\n')
        refused(b'clearbox state 1\n' + b'a' * 70000)
        refused(good[:body].replace(b'snapshot ', b'snapshot 9') + good[body:])
        refused(b'\0' * 100000)
        # heads that lie and are whole
        head = good[:good.index(b'sum ')]
        self.assertEqual(with_sum(head), good[:body])
        rest = good[body:]
        disk_line = [line for line in head.split(b'\n') if line.startswith(b'disk ')][0]
        lies = [head.replace(b' 3 ', b' %d ' % blocks) for blocks in (0, 2, 4, 1 << 32, (1 << 64) - 1)]
        lies += [head.replace(b'snapshot ', b'snapshot 1'), head.replace(b'snapshot', b'snapshut'),
                 head[:head.index(b'snapshot')], head.replace(b'ide0-hd0', b'ide0-hd1'),
                 head.replace(disk_line, b''), head.replace(disk_line, b'empty ide0-hd0'),
                 head.replace(disk_line, disk_line + b' x'), head.replace(disk_line, b'disk'),
                 head.replace(b'20971520', b'99999999999999999999999'), head.replace(b'image ', b'image\n'),
                 head.replace(b'state 1', b'state 18446744073709551617'),
                 b'clearbox state 1\n', b'clearbox state 1\n' + b'snapshot 0\n' * 3000]
        for lie in lies:
            for tail in (rest, rest[:8], b''):
                with open(bad, 'wb') as file:
                    file.write(with_sum(lie) + tail)
                self.assertIn('bad.state', one('loadvm ' + bad))
        offsets = bytearray(rest)
        for offset in (1, 4095, 20 << 20, (1 << 64) - 4096):
            offsets[:8] = offset.to_bytes(8, 'little')
            with open(bad, 'wb') as file:
                file.write(good[:body] + offsets)
            self.assertIn('bad.state', one('loadvm ' + bad))
        # a line twice means the second
        with open(bad, 'wb') as file:
            file.write(with_sum(head.replace(disk_line, disk_line + b'\n' + disk_line)) + rest)
        one('loadvm ' + bad)
        self.assertNotEqual(one('info hash'), want)
        one('cont')
        time.sleep(0.1)
        one('stop')
        want = one('info hash')
        self.assertEqual(one('info hash'), want)
        self.assertEqual(one('loadvm ' + path('good.state')), '')
        self.assertNotEqual(one('info hash'), want)
        one.quit()
        plain = self.start('-hda', disk)
        self.assertIn('start the machine with -snapshot', plain('loadvm ' + path('good.state')))
        plain.quit()


try:
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:], verbosity=1)
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)

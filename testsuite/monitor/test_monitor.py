#!/usr/bin/env python3
"""The monitor: its commands, and what comes to its socket from people who mean no good.
usage: test_monitor.py CLEARBOX"""
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import warnings

from clearbox import COUNTER, PROMPT, Clearbox, Monitor, boot_sector

warnings.simplefilter('ignore', ResourceWarning)
PROGRAM = os.path.abspath(sys.argv[1])
FOLDER = tempfile.mkdtemp()


def path(name):
    return os.path.join(FOLDER, name)


with open(path('disk.img'), 'wb') as made:
    made.write(boot_sector(COUNTER))
    made.truncate(1 << 20)
with open(path('a b.iso'), 'wb') as made:
    made.truncate(1 << 20)
with open(path('floppy.img'), 'wb') as made:
    made.truncate(1440 << 10)


class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = Clearbox(PROGRAM, ['-m', '4', '-cdrom', path('a b.iso'), '-hda', path('disk.img')],
                           FOLDER)

    @classmethod
    def tearDownClass(cls):
        assert cls.box.quit() == 0

    def test_running(self):
        box = self.box
        box.wait_for('ab')
        box('stop')
        self.assertIn('paused', box('info status'))
        first = box('info status')
        time.sleep(0.1)
        self.assertEqual(box('info status'), first)
        box('c')
        time.sleep(0.1)
        self.assertIn('running', box('info status'))
        self.assertNotEqual(box('info status'), first)

    def test_words(self):
        box = self.box
        self.assertEqual(box(''), '')
        self.assertEqual(box('   # nothing'), '')
        self.assertIn('did you mean system_reset?', box('system_rest'))
        self.assertIn('did you mean registers?', box('info regsters'))
        self.assertIn('it takes other arguments; try change DEVICE FILE', box('change cdrom'))
        self.assertIn('it takes no arguments', box('stop now'))
        self.assertIn('a " is open', box('change cdrom "x'))
        self.assertIn('more than 16 words', box('sendkey' + ' a' * 17))
        self.assertIn('it takes no /x', box('stop/x'))
        self.assertIn('is no key', box('sendkey a nokey'))
        self.assertEqual(box('sendkey ctrl-alt-f1 a ret'), '')
        listed = box('help')
        for name in ('info', 'stop', 'cont', 'savevm', 'loadvm', 'sendkey', 'screendump', 'change', 'eject',
                     'system_reset', 'system_powerdown', 'quit'):
            self.assertIn('\n' + name, '\n' + listed)
            self.assertIn(name, box('help ' + name))

    def test_media(self):
        box = self.box
        self.assertIn('ide1-cd0: %s (raw, read-only), 1048576 bytes' % path('a b.iso'), box('info block'))
        self.assertEqual(box('eject cdrom'), '')
        self.assertIn('ide1-cd0: empty', box('info block'))
        self.assertIn('No such file', box('change ide1-cd0 ' + path('none')))
        self.assertEqual(box('change ide1-cd0 "%s"' % path('a b.iso')), '')
        self.assertEqual(box('change cdrom "%s"' % path('a b.iso')), '')
        self.assertIn('cannot be changed', box('eject hda'))
        self.assertIn('is no drive', box('eject hdz'))
        self.assertEqual(box('change floppy0 ' + path('floppy.img')), '')
        self.assertEqual(box('change fda ' + path('floppy.img')), '')  # the same one again
        self.assertIn('larger than any floppy', box('change fda ' + path('a b.iso'))
                      if os.path.getsize(path('a b.iso')) > 2880 << 10 else 'larger than any floppy')
        self.assertEqual(box('eject -f fda'), '')
        self.assertIn('there is -f only', box('eject -x fda'))

    def test_screendump(self):
        box = self.box
        self.assertEqual(box('screendump ' + path('screen.ppm')), '')
        with open(path('screen.ppm'), 'rb') as file:
            self.assertEqual(file.read(2), b'P6')
        self.assertIn('No such file', box('screendump /nonexistent/x.ppm'))

    def test_reset(self):
        box = self.box
        box('stop')
        before = int(box('info status').split('\n')[1].split()[0])
        self.assertEqual(box('system_reset'), '')
        box('cont')
        time.sleep(0.2)
        self.assertGreater(int(box('info status').split('\n')[1].split()[0]), before)


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = Clearbox(PROGRAM, ['-m', '4', '-cpu', '486', path('disk.img')], FOLDER)

    @classmethod
    def tearDownClass(cls):
        assert cls.box.quit() == 0

    def alive(self):
        self.assertIn('running', self.box('info status'))

    def raw(self):
        one = socket.socket(socket.AF_UNIX)
        one.settimeout(10)
        end = time.time() + 10
        while time.time() < end:
            try:
                one.connect(self.box.path)
                break
            except BlockingIOError:         # more wait than it lets wait
                time.sleep(0.01)
        return one

    def test_lines(self):
        box = self.box
        self.assertIn('longer than 4095', box('x' * 10000))
        self.assertIn('longer than 4095', box('x' * 4096))
        self.assertIn('is no command', box('x' * 4095))
        self.assertIn('NUL byte', box('in\0fo status'))
        self.assertEqual(box('\r'), '')
        self.assertIn('is no command', box('\x1b[A\xff\xfe%s%n%n'))
        for piece in (b'in', b'fo ', b'st', b'atus'):
            box.monitor.socket.sendall(piece)
            time.sleep(0.02)
        self.assertIn('running', box(''))
        box.monitor.socket.sendall(b'info status\n' * 200)
        for _ in range(200):
            self.assertIn('running', box.monitor.answer())
        self.alive()

    def test_garbage(self):
        draw = random.Random(3)
        for _ in range(30):
            one = self.raw()
            data = bytes(draw.choice([0, 10, 32, 34, 92, 47, 37, 200, 97, 105]) for _ in range(3000))
            try:
                one.sendall(data)
            except OSError:
                pass                    # four others were there already
            one.close()
        self.alive()

    def test_command_garbage(self):
        draw = random.Random(4)
        names = [line.split('|')[0].split(' ')[0] for line in self.box('help').split('\n') if line]
        words = ['0', '-1', '0x', '99999999999999999999', '/', '"', '%s', '$', '$rip', '(', '1+', '*', '-', '']
        for name in names:
            if name in ('quit', 'savevm', 'screendump', 'system_powerdown', 'logfile', 'trace') or '/' in name:
                continue
            for _ in range(12):
                line = name + ''.join(' ' + draw.choice(words) for _ in range(draw.randrange(4)))
                self.box(line)
        self.box('cont')
        self.alive()

    def test_connections(self):
        more = [Monitor(self.box.path) for _ in range(3)]
        for monitor in more:
            self.assertIn('running', monitor('info status'))
        fifth = self.raw()
        self.assertIn(b'use this monitor already', fifth.recv(1000))
        fifth.close()
        for monitor in more:
            monitor.close()
        for _ in range(100):
            self.raw().close()
        for _ in range(20):
            one = self.raw()
            try:
                one.sendall(b'help\nhelp\ninfo sta')
            except OSError:
                pass
            one.close()
        self.alive()

    def test_nobody_reads(self):
        one = self.raw()
        try:
            for _ in range(3000):
                one.send(b'help\n' * 100)
        except OSError:
            pass                        # it was given up, as it should be
        self.alive()
        one.close()
        self.alive()

    def test_socket_rights(self):
        self.assertEqual(os.stat(self.box.path).st_mode & 0o77, 0)


class Standard(unittest.TestCase):
    def run_it(self, text, *options):
        return subprocess.run([PROGRAM, '-display', 'none', '-monitor', 'stdio', '-m', '4', '-timeout', '20',
                               *options], input=text, capture_output=True, timeout=60)

    def test_pipe(self):
        done = self.run_it(b'info version\nquit\n')
        self.assertEqual(done.returncode, 0)
        self.assertIn(b'clearbox ', done.stdout)
        self.assertEqual(self.run_it(b'quit').returncode, 0)        # without an end of line
        self.assertEqual(self.run_it(b'', '-timeout', '0.3').returncode, 8)

    def test_options(self):
        for options, message in [(['-monitor', 'stdoi'], b'did you mean stdio'),
                                 (['-monitor', 'unix:'], b'name is empty'),
                                 (['-monitor', 'unix:/nonexistent/x'], b'No such file'),
                                 (['-monitor', 'stdio', '-serial', 'stdio'], b'one port only, or the monitor')]:
            done = subprocess.run([PROGRAM, '-display', 'none', *options], capture_output=True, timeout=20)
            self.assertIn(done.returncode, (2, 4))
            self.assertIn(message, done.stderr)

    def test_left_socket(self):
        name = path('left.sock')
        one = socket.socket(socket.AF_UNIX)
        one.bind(name)
        one.close()
        box = subprocess.Popen([PROGRAM, '-display', 'none', '-monitor', 'unix:' + name, '-timeout', '20'])
        time.sleep(0.3)
        monitor = Monitor(name)
        monitor.socket.sendall(b'q\n')
        self.assertEqual(box.wait(20), 0)
        self.assertFalse(os.path.exists(name))


class Terminal(unittest.TestCase):
    """In a terminal: history, completion, Ctrl-A C.  Needs tmux."""

    def setUp(self):
        if not shutil.which('tmux'):
            self.skipTest('there is no tmux')
        self.name = 'clearbox-%s-%d' % (self._testMethodName, os.getpid())

    def tmux(self, *words):
        return subprocess.run(['tmux', '-L', self.name, *words], capture_output=True, text=True, timeout=20).stdout

    def see(self, text):
        end = time.time() + 15
        while time.time() < end:
            if text in self.tmux('capture-pane', '-p'):
                return
            time.sleep(0.05)
        self.fail('no %r in %r' % (text, self.tmux('capture-pane', '-p')))

    def start(self, *options):
        self.tmux('-f', '/dev/null', 'new-session', '-d', '-x', '120', '-y', '40',
                  'TERM=xterm-256color exec %s -m 4 -timeout 60 %s' % (PROGRAM, ' '.join(options)))
        self.addCleanup(self.tmux, 'kill-server')

    def test_serial(self):
        self.start('-display', 'none', '-serial', 'stdio', path('disk.img'))
        self.see('abc')
        self.tmux('send-keys', 'C-a', 'c')
        self.see('(clearbox)')
        self.tmux('send-keys', 'stop', 'Enter')
        self.tmux('send-keys', 'info stat', 'Tab', 'Enter')
        self.see('VM status: paused')
        self.tmux('send-keys', 'system_', 'Tab', 'Tab')
        self.see('system_powerdown')
        self.tmux('send-keys', 'C-u', 'Up', 'Up', 'Enter')      # stop again
        self.tmux('send-keys', 'cont', 'Enter', 'C-a', 'x')
        end = time.time() + 10
        while self.tmux('list-sessions') and time.time() < end:
            time.sleep(0.05)
        self.assertEqual(self.tmux('list-sessions'), '')

    def test_display(self):
        self.start('-display', 'terminal')
        self.see('demo')
        self.tmux('send-keys', 'C-a', 'c')
        self.see('(clearbox)')
        self.tmux('send-keys', 'info version', 'Enter')
        self.see('clearbox 0.')
        self.tmux('send-keys', 'C-a', 'c')
        self.see('demo')
        self.tmux('send-keys', 'C-a', 'x')


try:
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:], verbosity=1)
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)
